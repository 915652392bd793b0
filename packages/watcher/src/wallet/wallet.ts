/**
 * A wallet of the child chain: deposits and exits go to the contracts on the root chain, payments
 * through a watcher, which lets nothing be spent while that is dangerous (X10).
 *
 * @example
 * const wallet = await openWallet({ watcher, rootChain, secret, signal });
 * const { position } = await wallet.deposit(10n ** 18n);
 * await wallet.pay(to, 10n ** 17n);
 */
import { PalisadeError, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  depositOf,
  encodeSigned,
  encodeTransaction,
  inFlightExitId,
  type Payment,
  paymentDomain,
  positionOf,
  signingDigest,
  TX_TYPE,
  v2,
} from '@palisade/payments';
import {
  bindings,
  createSender,
  ETH_VAULT_ID,
  ETHER,
  httpRpc,
  publicClient,
  type RootContracts,
  type Sender,
} from '@palisade/rootchain';
import { type Address, encodeFunctionData, type Hex, keccak256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { z } from 'zod';
import { askWatcher } from './ask.ts';
import { type Coin, pickCoins } from './pick.ts';
import * as shapes from './shapes.ts';

export type WalletOptions = {
  /** Base URL of the watcher's API. */
  readonly watcher: string;
  /** RPC address of the root chain. */
  readonly rootChain: string;
  /** secp256k1 secret of the account, 32 bytes; without one it only looks. */
  readonly secret?: Uint8Array;
  readonly signal?: AbortSignal;
};

/** A standard exit as the contract has it. */
export type ExitRecord = {
  readonly exitId: bigint;
  /** It was started, and is neither paid nor omitted yet. */
  readonly isOpen: boolean;
  /** False once it was challenged. */
  readonly isExitable: boolean;
  readonly target: Address;
  readonly amount: bigint;
  /** Unix seconds after which it can be paid; undefined where nothing was queued. */
  readonly exitableAt: bigint | undefined;
};

/** An in-flight exit as the contract has it. */
export type InFlightRecord = {
  readonly exitId: bigint;
  readonly isOpen: boolean;
  /** What the contract takes for true now. */
  readonly isCanonical: boolean;
  /** Inputs and outputs that were piggybacked, and not challenged since. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
};

/** 2000 gwei: more than the root chain has ever asked for long. */
const MAX_FEE_PER_GAS = 2_000n * 10n ** 9n;
const RECEIPT_POLL_MS = 250;
/** What the watcher has, validators have within some blocks, and the other way round, ms. */
const AGREE_MS = 20_000;
const RETRY_MS = 500;
/** Bits of a place in the queue below its time (payments chapter, "Dialects"). */
const TIME_SHIFT = 224n;

export type Wallet = Awaited<ReturnType<typeof openWallet>>;

/** @throws PalisadeError `wallet/no-watcher`, `wallet/bad-answer` */
export async function openWallet({ watcher, rootChain, secret, signal }: WalletOptions) {
  const ask = <T>(method: string, body: unknown, answer: z.ZodType<T>) =>
    askWatcher(watcher, method, body, answer);
  const rpc = httpRpc({ urls: [rootChain] });
  const client = publicClient(rpc, signal ? { signal } : {});
  const { contract_addr: at } = await ask('status.get', {}, shapes.contractsOf);
  const contracts: RootContracts = {
    chainId: await client.getChainId(),
    deployedAt: 0n,
    framework: at.plasma_framework,
    ethVault: at.eth_vault,
    erc20Vault: at.erc20_vault,
    exitGame: at.payment_exit_game,
  };
  const { framework, ethVault, exitGame } = bindings(contracts);
  const domain = paymentDomain(v2, shapes.bytesOf(contracts.framework));
  let sender: Sender | undefined;

  const needSecret = (): Uint8Array => {
    if (secret) return secret;
    throw new PalisadeError({ code: 'wallet/no-key', message: 'This needs an account key.' });
  };
  const address = () => toHex(secp256k1.addressOf(needSecret())) as Address;

  /** Sends to a contract. @throws PalisadeError `wallet/refused`, `wallet/reverted` */
  const call = async (to: Address, data: Hex, value = 0n) => {
    sender ??= createSender({
      ...{ rpc, account: privateKeyToAccount(toHex(needSecret()) as Hex) },
      ...{ chainId: contracts.chainId, maxFeePerGas: MAX_FEE_PER_GAS },
      receiptPollMs: RECEIPT_POLL_MS,
      ...(signal ? { signal } : {}),
    });
    const outcome = await sender.send({ to, data, value });
    if (outcome.kind === 'mined') return outcome.receipt;
    if (outcome.kind === 'refused') {
      const { message, next } = outcome.refusal;
      throw new PalisadeError({
        code: 'wallet/refused',
        message: `The root chain does not take it: ${message}`,
        ...(next === undefined ? {} : { next }),
      });
    }
    throw new PalisadeError({
      code: 'wallet/reverted',
      message: `The transaction ${outcome.receipt.transactionHash} was ${outcome.kind}.`,
    });
  };

  const queuedAt = async (exitId: bigint): Promise<bigint | undefined> => {
    const logs = await client.getContractEvents({
      ...{ ...framework, eventName: 'ExitQueued', args: { exitId }, fromBlock: 0n },
    });
    const priority = logs.at(-1)?.args.priority;
    return priority === undefined ? undefined : priority >> TIME_SHIFT;
  };

  const wallet = {
    contracts,
    address,

    /** @throws PalisadeError `wallet/spending-refused` while the watcher does not allow it */
    async needSafe(): Promise<void> {
      const { allowed, reason, code, next } = await ask('spending.check', {}, shapes.spending);
      if (allowed) return;
      throw new PalisadeError({
        code: 'wallet/spending-refused',
        message: reason ?? 'The watcher does not allow spending now.',
        data: { reason: code ?? 'unknown' },
        retry: 'later',
        next: next ?? 'palisade watch status tells more.',
      });
    },

    /** Deposits ether, wei. It can be spent when validators and watcher have seen it deep enough. */
    async deposit(amount: bigint) {
      await wallet.needSafe();
      const transaction = depositOf(shapes.bytesOf(address()), new Uint8Array(20), amount);
      const args = [toHex(encodeTransaction(transaction)) as Hex] as const;
      const data = encodeFunctionData({ ...ethVault, functionName: 'deposit', args });
      const { transactionHash, blockNumber } = await call(ethVault.address, data, amount);
      const logs = await client.getContractEvents({
        ...{
          ...ethVault,
          eventName: 'DepositCreated',
          fromBlock: blockNumber,
          toBlock: blockNumber,
        },
      });
      const log = logs.find((one) => one.transactionHash === transactionHash);
      const blknum = log!.args.blknum!;
      const position = positionOf({ blknum: Number(blknum), txindex: 0, oindex: 0 });
      return { position, transaction: transactionHash };
    },

    /** Outputs of an owner that are not exiting, as the watcher has them. */
    async outputs(owner: string): Promise<readonly Coin[]> {
      const outputs = await ask('account.get_exitable_utxos', { address: owner }, shapes.exitable);
      return outputs.map(({ utxo_pos, currency, amount }) => ({
        ...{ position: utxo_pos, token: currency, amount },
      }));
    },

    /**
     * Pays ether to an address; the rest comes back as an output of its own. Validators agree on a deposit,
     * and the watcher hears of a child block, a moment later than the other: it is tried again for a while.
     */
    async pay(to: Uint8Array, amount: bigint) {
      for (const end = performance.now() + AGREE_MS; ; ) {
        try {
          return await wallet.payNow(to, amount);
        } catch (error) {
          const reason = error instanceof PalisadeError ? error.data.reason : undefined;
          if (reason !== 'submit:utxo_not_found' || performance.now() > end) throw error;
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    },

    /** As `pay`, once. */
    async payNow(to: Uint8Array, amount: bigint) {
      const own = address();
      const all = await wallet.outputs(own);
      const coins = all.filter(({ token }) => token === ETHER);
      const fee = (await ask('fees.all', {}, shapes.fees))['1']?.find(
        ({ currency }) => currency === ETHER,
      );
      const needed = amount + (fee?.amount ?? 0n);
      const picked = pickCoins(coins, needed, v2.maxInputs);
      const rest = picked.reduce((sum, coin) => sum + coin.amount, 0n) - needed;
      const token = new Uint8Array(20);
      const output = (owner: Uint8Array, value: bigint) => ({
        type: 1,
        owner,
        token,
        amount: value,
      });
      const payment: Payment = {
        type: TX_TYPE.payment,
        inputs: picked.map(({ position }) => position),
        outputs: [output(to, amount), ...(rest > 0n ? [output(shapes.bytesOf(own), rest)] : [])],
        metadata: new Uint8Array(32),
      };
      const signature = secp256k1.sign(signingDigest(domain, payment), needSecret());
      const signed = encodeSigned(
        payment,
        picked.map(() => signature),
      );
      const body = { transaction: toHex(signed) };
      const { blknum, txindex, txhash } = await ask('transaction.submit', body, shapes.submitted);
      const place = { blknum: Number(blknum), txindex: Number(txindex), oindex: 0 };
      return {
        ...{ blknum, txindex, txhash, signed, fee: fee?.amount ?? 0n, rest },
        position: positionOf(place),
      };
    },

    /** Starts the standard exit of an output of one's own, with its bond. */
    async startExit(position: bigint) {
      const found = await ask('utxo.get_exit_data', { utxo_pos: position }, shapes.exitData);
      const args = [
        { utxoPos: position, rlpOutputTx: found.txbytes, outputTxInclusionProof: found.proof },
      ] as const;
      const bond = await client.readContract({
        ...{ ...exitGame, functionName: 'startStandardExitBondSize' },
      });
      const data = encodeFunctionData({ ...exitGame, functionName: 'startStandardExit', args });
      const { transactionHash } = await call(exitGame.address, data, bond);
      const exit = await wallet.exitOf(position, found.txbytes);
      return { ...exit, bond, transaction: transactionHash };
    },

    /** The exit of an output. `outputTx`: its transaction, where the watcher has forgotten it. */
    async exitOf(position: bigint, outputTx?: Hex): Promise<ExitRecord> {
      const raw = outputTx ?? (await wallet.outputTxOf(position));
      const isDeposit = (position / 10n ** 9n) % 1000n !== 0n;
      const exitId = await client.readContract({
        ...{ ...exitGame, functionName: 'getStandardExitId', args: [isDeposit, raw, position] },
      });
      const [record] = await client.readContract({
        ...{ ...exitGame, functionName: 'standardExits', args: [[exitId]] },
      });
      const { exitable, exitTarget, amount } = record!;
      return {
        ...{ exitId, isOpen: amount > 0n, isExitable: exitable, target: exitTarget, amount },
        exitableAt: await queuedAt(exitId),
      };
    },

    /** What the exit of an output names as its transaction, from its start. */
    async outputTxOf(position: bigint): Promise<Hex> {
      const logs = await client.getContractEvents({
        ...{ ...exitGame, eventName: 'ExitStarted', fromBlock: 0n },
      });
      const found = logs.findLast(({ args }) => args.utxoPos === position);
      if (found?.args.outputTx) return found.args.outputTx;
      throw new PalisadeError({
        code: 'wallet/no-exit',
        message: `No exit of output ${position} was ever started.`,
        next: 'palisade exit start POSITION starts one.',
      });
    },

    /** What a challenge of an exit would show. @throws PalisadeError `wallet/refused` where nothing is wrong */
    challengeOf: (position: bigint) =>
      ask('utxo.get_challenge_data', { utxo_pos: position }, shapes.challengeData),

    /** Challenges by hand what the watcher finds wrong; its bond is the challenger's. */
    async challenge(position: bigint) {
      const found = await wallet.challengeOf(position);
      const args = [
        {
          exitId: found.exit_id,
          exitingTx: found.exiting_tx,
          challengeTx: found.txbytes,
          inputIndex: Number(found.input_index),
          witness: found.sig,
          senderData: keccak256(address()),
        },
      ] as const;
      const data = encodeFunctionData({ ...exitGame, functionName: 'challengeStandardExit', args });
      const { transactionHash } = await call(exitGame.address, data);
      return { exitId: found.exit_id, transaction: transactionHash };
    },

    /** Starts the in-flight exit of a signed payment, with its bond: of one that comes into no block, say. */
    async startInFlight(signed: Uint8Array) {
      const body = { txbytes: toHex(signed) };
      const found = await ask('in_flight_exit.get_data', body, shapes.inFlightData);
      const args = [
        {
          inFlightTx: found.in_flight_tx,
          inputTxs: found.input_txs,
          inputUtxosPos: found.input_utxos_pos,
          inputTxsInclusionProofs: found.input_txs_inclusion_proofs,
          inFlightTxWitnesses: found.in_flight_tx_sigs,
        },
      ] as const;
      const bond = await client.readContract({ ...exitGame, functionName: 'startIFEBondSize' });
      const data = encodeFunctionData({ ...exitGame, functionName: 'startInFlightExit', args });
      const { transactionHash } = await call(exitGame.address, data, bond);
      return { txbytes: found.in_flight_tx, bond, transaction: transactionHash };
    },

    /** Joins an in-flight exit with an input or output of one's own. `txbytes`: without signatures. */
    async piggyback(txbytes: Hex, side: 'input' | 'output', index: number) {
      const data =
        side === 'input'
          ? encodeFunctionData({
              ...{ ...exitGame, functionName: 'piggybackInFlightExitOnInput' },
              args: [{ inFlightTx: txbytes, inputIndex: index }],
            })
          : encodeFunctionData({
              ...{ ...exitGame, functionName: 'piggybackInFlightExitOnOutput' },
              args: [{ inFlightTx: txbytes, outputIndex: index }],
            });
      const bond = await client.readContract({ ...exitGame, functionName: 'piggybackBondSize' });
      const { transactionHash } = await call(exitGame.address, data, bond);
      return { bond, transaction: transactionHash };
    },

    /** An in-flight exit as the contract has it. */
    async inFlightOf(txbytes: Hex): Promise<InFlightRecord> {
      const exitId = inFlightExitId(v2, shapes.bytesOf(txbytes));
      const [record] = await client.readContract({
        ...{ ...exitGame, functionName: 'inFlightExits', args: [[exitId]] },
      });
      const { isCanonical, exitStartTimestamp, exitMap } = record!;
      const bits = (first: number) =>
        Array.from({ length: v2.maxInputs }, (_, i) => i).filter(
          (i) => ((exitMap >> BigInt(first + i)) & 1n) === 1n,
        );
      return {
        ...{ exitId, isOpen: exitStartTimestamp > 0n, isCanonical },
        ...{ inputs: bits(0), outputs: bits(v2.maxInputs) },
      };
    },

    /** Pays exits of ether that are due, as anybody may; who does it gets a bounty for each. */
    async processExits(most: bigint) {
      const args = [ETH_VAULT_ID, ETHER, 0n, most, keccak256(address())] as const;
      const data = encodeFunctionData({ ...framework, functionName: 'processExits', args });
      const { transactionHash, blockNumber } = await call(framework.address, data);
      const range = { fromBlock: blockNumber, toBlock: blockNumber };
      const logs = await client.getContractEvents({
        ...{ ...framework, eventName: 'ProcessedExitsNum', ...range },
      });
      const log = logs.find((one) => one.transactionHash === transactionHash);
      return { processed: log?.args.processedNum ?? 0n, transaction: transactionHash };
    },
  };
  return wallet;
}
