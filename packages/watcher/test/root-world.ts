/**
 * A root chain on this machine with the contracts on it, a child chain with its operator and public API, and people
 * who deposit, pay and exit: what a watcher lives in. Root-chain blocks come ten times a second, or as is asked for.
 */
import { setMaxListeners } from 'node:events';
import { isRefusal, toHex } from '@palisade/core';
import { type RpcServer, serveRpc, silentLogger } from '@palisade/daemon';
import {
  BlockTree,
  type Dialect,
  decodeSigned,
  decodeTransaction,
  depositOf,
  encodeTransaction,
  inFlightExitId,
  type Position,
  paymentDomain,
  placeOf,
  positionOf,
  type ReceivedBlock,
  v2,
} from '@palisade/payments';
import {
  ANVIL_CHAIN_ID,
  type AnvilOptions,
  bindings,
  createSender,
  deploy,
  ETHER,
  httpRpc,
  publicClient,
  type RootContracts,
  type Sender,
  startAnvil,
} from '@palisade/rootchain';
import { encodeFunctionData, type Hex, keccak256, type PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { childChainMethods } from '../../node/src/child-chain/rpc.ts';
import { Operator } from '../../node/test/operator.ts';
import {
  type Person,
  payment,
  person,
  recover,
  sign,
  type To,
} from '../../payments/test/wallets.ts';
import {
  erc20VaultAbi as v1Erc20VaultAbi,
  erc20VaultBytecode as v1Erc20VaultBytecode,
} from '../../rootchain/test/v1/erc20-vault.ts';
import {
  ethVaultAbi as v1EthVaultAbi,
  ethVaultBytecode as v1EthVaultBytecode,
} from '../../rootchain/test/v1/eth-vault.ts';
import {
  exitGameAbi as v1ExitGameAbi,
  exitGameBytecode as v1ExitGameBytecode,
} from '../../rootchain/test/v1/exit-game.ts';
import {
  frameworkAbi as v1FrameworkAbi,
  frameworkBytecode as v1FrameworkBytecode,
} from '../../rootchain/test/v1/framework.ts';

const MAINTAINER = person('maintainer');
const AUTHORITY = person('authority');
const ETH = 10n ** 18n;
const GWEI = 10n ** 9n;
/** ms between root-chain blocks; each is a second later by the chain's clock. */
const MINE_MS = 100;

const hex = (bytes: Uint8Array) => toHex(bytes) as Hex;

/** By this name, because the type behind it is too long to be written out. */
export interface Client extends PublicClient {}

/** Wallets of the first version's contracts use our functions: its fixture keeps them. */
const BINDINGS = {
  v2: bindings,
  v1: (contracts: RootContracts) => {
    const ours = bindings(contracts);
    return {
      ...ours,
      framework: { ...ours.framework, abi: v1FrameworkAbi },
      exitGame: { ...ours.exitGame, abi: v1ExitGameAbi },
    } as unknown as typeof ours;
  },
};
const V1 = {
  framework: { abi: v1FrameworkAbi, bytecode: v1FrameworkBytecode },
  ethVault: { abi: v1EthVaultAbi, bytecode: v1EthVaultBytecode },
  erc20Vault: { abi: v1Erc20VaultAbi, bytecode: v1Erc20VaultBytecode },
  exitGame: { abi: v1ExitGameAbi, bytecode: v1ExitGameBytecode },
};

export type RootWorldOptions = AnvilOptions & {
  readonly minExitPeriodS?: bigint;
  readonly mineMs?: number;
  readonly dialect?: Dialect;
};

export type RootWorld = Awaited<ReturnType<typeof startRootWorld>>;

export async function startRootWorld({
  minExitPeriodS = 120n,
  mineMs = MINE_MS,
  dialect = v2,
  ...anvilOptions
}: RootWorldOptions = {}) {
  const bindings = BINDINGS[dialect.name];
  const anvil = await startAnvil(anvilOptions);
  const rpc = httpRpc({ urls: [anvil.url] });
  const end = new AbortController();
  setMaxListeners(1000, end.signal);
  const senders = new Map<string, Sender>();
  const senderOf = ({ secret, address }: Person): Sender => {
    const known = senders.get(hex(address));
    if (known) return known;
    const sender = createSender({
      ...{ rpc, account: privateKeyToAccount(hex(secret)), chainId: ANVIL_CHAIN_ID },
      ...{ maxFeePerGas: 1000n * GWEI, receiptPollMs: 20, signal: end.signal },
    });
    senders.set(hex(address), sender);
    return sender;
  };
  const fund = async ({ address }: Pick<Person, 'address'>, wei = 100n * ETH) => {
    await anvil.control('anvil_setBalance', hex(address), `0x${wei.toString(16)}`);
  };
  for (const one of [MAINTAINER, AUTHORITY]) await fund(one);
  const contracts = await deploy({
    ...{ sender: senderOf(MAINTAINER), chainId: ANVIL_CHAIN_ID, minExitPeriodS },
    authority: { account: senderOf(AUTHORITY).address },
    ...(dialect.name === 'v1' ? { artifacts: V1 } : {}),
  });
  let mining: Promise<unknown> = Promise.resolve();
  const mine = () => {
    mining = Promise.allSettled([mining, anvil.control('anvil_mine', '0x1')]);
  };
  let paceMs = mineMs;
  let miner = setInterval(mine, paceMs);
  const child = await startChild(contracts, dialect);
  const call = async (who: Person, to: Hex, data: Hex, value = 0n) => {
    const outcome = await senderOf(who).send({ to, data, value });
    if (outcome.kind === 'mined') return outcome.receipt;
    const why = outcome.kind === 'refused' ? outcome.refusal.message : '';
    throw new Error(`${outcome.kind} ${why}`);
  };
  const game = bindings(contracts).exitGame;
  const client: Client = publicClient(rpc);
  const world = {
    ...{ anvil, rpc, client, contracts, ...child, fund, senderOf, call },
    /** Deposits ether; answers its position on the child chain. */
    deposit: async (who: Person, amount: bigint): Promise<Position> => {
      await fund(who);
      const transaction = depositOf(who.address, new Uint8Array(20), amount);
      const { ethVault, framework } = bindings(contracts);
      const blknum = await client.readContract({ ...framework, functionName: 'nextDepositBlock' });
      const data = encodeFunctionData({
        ...ethVault,
        ...{ functionName: 'deposit', args: [hex(encodeTransaction(transaction))] },
      });
      await call(who, ethVault.address, data, amount);
      const position = positionOf({ blknum: Number(blknum), txindex: 0, oindex: 0 });
      child.operator.deposit(position, transaction.outputs[0]!);
      child.raws.set(Number(blknum), [encodeTransaction(transaction)]);
      return position;
    },
    /** Puts payments into a block and its root onto the root chain; answers their first outputs. */
    block: async (signed: readonly Uint8Array[]): Promise<readonly Position[]> => {
      const positions = signed.map((bytes) => {
        const accepted = child.operator.submit(bytes);
        if (isRefusal(accepted)) throw new Error(accepted.message);
        return positionOf({ ...accepted, oindex: 0 });
      });
      const block = child.operator.close();
      child.raws.set(
        block.blknum,
        block.transactions.map(({ raw }) => raw),
      );
      child.trees.set(block.blknum, block.tree);
      await world.submitRoot(block.tree.root);
      return positions;
    },
    /** Commits a block whatever the rules say; the operator is of no use afterwards. */
    wrongBlock: async (transactions: readonly Uint8Array[]) => {
      const raws = transactions.map((bytes) => {
        const decoded = decodeSigned(dialect, bytes);
        if (isRefusal(decoded)) throw new Error(decoded.message);
        return decoded.raw;
      });
      const { root } = BlockTree.of(raws);
      child.wrong.set(toHex(root), { number: child.operator.next, hash: root, transactions });
      await world.submitRoot(root);
    },
    submitRoot: async (root: Uint8Array) => {
      const { framework } = bindings(contracts);
      const args = [hex(root)] as const;
      const data = encodeFunctionData({ ...framework, functionName: 'submitBlock', args });
      await call(AUTHORITY, framework.address, data);
    },
    /** Arguments that start the standard exit of an output. */
    exitArgs: async (position: Position) => {
      const { blknum, txindex } = placeOf(position);
      const raw = child.raws.get(blknum)![txindex]!;
      const tree = child.trees.get(blknum) ?? BlockTree.of([raw]);
      return {
        utxoPos: position,
        rlpOutputTx: hex(raw),
        outputTxInclusionProof: hex(tree.proof(txindex)),
      };
    },
    /** Starts a standard exit. */
    startExit: async (who: Person, position: Position) => {
      const args = [await world.exitArgs(position)] as const;
      const data = encodeFunctionData({ ...game, functionName: 'startStandardExit', args });
      const bond = await client.readContract({
        ...game,
        functionName: 'startStandardExitBondSize',
      });
      return call(who, game.address, data, bond);
    },
    /** Starts the in-flight exit of a signed payment; answers its raw bytes. */
    startInFlight: async (who: Person, signed: Uint8Array, by: Hex = game.address) => {
      const decoded = decodeSigned(dialect, signed);
      if (isRefusal(decoded) || decoded.transaction.type !== 1) throw new Error('no payment');
      const { transaction, signatures, raw } = decoded;
      const inputs = await Promise.all(transaction.inputs.map((at) => world.exitArgs(at)));
      const args = {
        inFlightTx: hex(raw),
        inputTxs: inputs.map(({ rlpOutputTx }) => rlpOutputTx),
        inputUtxosPos: transaction.inputs,
        inputTxsInclusionProofs: inputs.map((input) => input.outputTxInclusionProof),
        inFlightTxWitnesses: signatures.map(hex),
      };
      const data = encodeFunctionData({ ...game, functionName: 'startInFlightExit', args: [args] });
      const bond = await client.readContract({ ...game, functionName: 'startIFEBondSize' });
      await call(who, by, data, bond);
      return raw;
    },
    /** Joins an in-flight exit with an input or an output of one's own. */
    piggyback: async (who: Person, raw: Uint8Array, side: 'input' | 'output', index: number) => {
      const inFlightTx = hex(raw);
      const data =
        side === 'input'
          ? encodeFunctionData({
              ...{ ...game, functionName: 'piggybackInFlightExitOnInput' },
              args: [{ inFlightTx, inputIndex: index }],
            })
          : encodeFunctionData({
              ...{ ...game, functionName: 'piggybackInFlightExitOnOutput' },
              args: [{ inFlightTx, outputIndex: index }],
            });
      const bond = await client.readContract({ ...game, functionName: 'piggybackBondSize' });
      return call(who, game.address, data, bond);
    },
    /** Claims that an in-flight transaction lost against another one, which is in no block. */
    challengeCanonicity: async (who: Person, raw: Uint8Array, competitor: Uint8Array) => {
      const decoded = decodeSigned(dialect, competitor);
      const mine = decodeTransaction(dialect, raw);
      if (isRefusal(decoded) || isRefusal(mine)) throw new Error('no payment');
      const { transaction, signatures, raw: competingTx } = decoded;
      if (transaction.type !== 1 || mine.type !== 1) throw new Error('no payment');
      const [position] = transaction.inputs;
      const input = await world.exitArgs(position!);
      const args = {
        ...{ inputTx: input.rlpOutputTx, inputUtxoPos: position!, inFlightTx: hex(raw) },
        inFlightTxInputIndex: mine.inputs.indexOf(position!),
        ...{ competingTx: hex(competingTx), competingTxInputIndex: 0, competingTxPos: 0n },
        ...{ competingTxInclusionProof: '0x' as Hex, competingTxWitness: hex(signatures[0]!) },
      };
      const functionName = 'challengeInFlightExitNotCanonical';
      await call(who, game.address, encodeFunctionData({ ...game, functionName, args: [args] }));
    },
    /** The raw transactions of a position's block. */
    child: (position: Position) => child.raws.get(placeOf(position).blknum)!,
    standardRecord: async (exitId: bigint) => {
      const functionName = 'standardExits';
      const [record] = await client.readContract({ ...game, functionName, args: [[exitId]] });
      return record!;
    },
    inFlightRecord: async (raw: Uint8Array) => {
      const functionName = 'inFlightExits';
      const args = [[inFlightExitId(dialect, raw)]] as const;
      const [record] = await client.readContract({ ...game, functionName, args });
      return record!;
    },
    /** Pays what is due: the contract asks for nobody's leave. */
    processExits: async (who: Person, count = 10n) => {
      const { framework } = bindings(contracts);
      const args = [1n, ETHER, 0n, count, keccak256(hex(who.address))] as const;
      const data = encodeFunctionData({ ...framework, functionName: 'processExits', args });
      return call(who, framework.address, data);
    },
    pay: (inputs: readonly Position[], by: readonly Person[], to: readonly To[]) =>
      sign(payment(inputs, to), by, child.domain),
    /** Blocks come so far apart from now on, ms. */
    pace: (ms: number) => {
      clearInterval(miner);
      paceMs = ms;
      miner = setInterval(mine, paceMs);
    },
    /**
     * Takes back what came since a snapshot of anvil. No block comes meanwhile: of a block that is made while others are
     * taken back, anvil keeps the number and loses those before it, for good.
     */
    takeBack: async (snapshot: unknown) => {
      clearInterval(miner);
      await mining;
      if ((await anvil.control('evm_revert', snapshot)) !== true) throw new Error('not taken back');
      miner = setInterval(mine, paceMs);
    },
    /** Lets time pass on the root chain, seconds. */
    warp: async (seconds: number) => {
      await anvil.control('evm_increaseTime', seconds);
      await anvil.control('anvil_mine', '0x1');
    },
    stop: async () => {
      clearInterval(miner);
      end.abort();
      await child.server.stop();
      await anvil.stop();
    },
  };
  return world;
}

async function startChild(contracts: RootContracts, dialect: Dialect) {
  const bytes = Uint8Array.from(Buffer.from(contracts.framework.slice(2), 'hex'));
  const domain = paymentDomain(dialect, bytes);
  const operator = new Operator({ domain, recover });
  const state = { withholds: false };
  /** Blocks that break the rules, by their root. */
  const wrong = new Map<string, ReceivedBlock>();
  const server: RpcServer = await serveRpc({
    ...{ host: '127.0.0.1', port: 0, service: 'child_chain', version: '1.0.5+test' },
    methods: childChainMethods({
      submit: (signed) => operator.submit(signed),
      block: (root) =>
        state.withholds ? undefined : (wrong.get(toHex(root)) ?? operator.block(root)),
      fees: () => ({ '1': [] }),
      configuration: () => ({}),
    }),
    log: silentLogger,
  });
  const raws = new Map<number, readonly Uint8Array[]>();
  const trees = new Map<number, BlockTree>();
  return { operator, server, domain, raws, trees, state, wrong };
}

/** Waits until something is there, looking often. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  timeoutMs = 90_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found) return found as T;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
