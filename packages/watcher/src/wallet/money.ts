/** Deposits, and payments through the watcher's gate (X10). */
import { PalisadeError, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  depositOf,
  encodeSigned,
  encodeTransaction,
  type Payment,
  positionOf,
  signingDigest,
  TX_TYPE,
  v2,
} from '@palisade/payments';
import { ETHER } from '@palisade/rootchain';
import { encodeFunctionData, type Hex } from 'viem';
import type { Ground } from './ground.ts';
import { type Coin, pickCoins } from './pick.ts';
import * as shapes from './shapes.ts';

/** What the watcher has, validators have within some blocks, and the other way round, ms. */
const AGREE_MS = 20_000;
const RETRY_MS = 500;

export function money({ ask, client, ethVault, domain, address, needSecret, call }: Ground) {
  const self = {
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
      await self.needSafe();
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
          return await self.payNow(to, amount);
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
      const all = await self.outputs(own);
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
  };
  return self;
}
