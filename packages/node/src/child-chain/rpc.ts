/** The child chain's public API: what wallets and watchers ask it (payments chapter, "Interfaces"). */
import { fromHex, isRefusal, type Refusal, toHex } from '@palisade/core';
import { RpcFailure, type RpcMethod, rpcMethod } from '@palisade/daemon';
import type { ReceivedBlock } from '@palisade/payments';
import * as z from 'zod';

/** Where a payment will be. */
export type Accepted = {
  readonly blknum: number;
  readonly txindex: number;
  readonly txhash: Uint8Array;
};

/** What stands behind it. */
export type ChildChainService = {
  submit(signed: Uint8Array): Accepted | Refusal | Promise<Accepted | Refusal>;
  block(root: Uint8Array): ReceivedBlock | undefined | Promise<ReceivedBlock | undefined>;
  /** Fees by transaction type and token, as `fees.all` tells them. */
  fees(): Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  configuration(): Readonly<Record<string, unknown>>;
};

/** A signed transaction has at most 1 024 bytes. */
const MAX_TX_HEX = 2 + 2 * 1024;
/** Transactions of one batch. */
const MAX_BATCH = 1000;
const BATCH_BYTES = 4 * 1024 * 1024;

const hex = z
  .string()
  .regex(/^0x(?:[0-9a-fA-F]{2})*$/, 'hex')
  .transform((text) => fromHex(text.toLowerCase()));
const signedTx = z.string().max(MAX_TX_HEX).pipe(hex);
const hash = z.string().length(66).pipe(hex);

export function childChainMethods(service: ChildChainService): Readonly<Record<string, RpcMethod>> {
  const submit = async (signed: Uint8Array) => {
    const answer = await service.submit(signed);
    return isRefusal(answer) ? failureOf('submit', answer) : told(answer);
  };
  const none = z.object({});
  return {
    'block.get': rpcMethod(z.object({ hash }), async ({ hash: root }) => {
      const block = await service.block(root);
      if (!block) return new RpcFailure('get_block:not_found', 'There is no block of this hash.');
      const { number, transactions } = block;
      return { blknum: number, hash: toHex(root), transactions: transactions.map(toHex) };
    }),
    'transaction.submit': rpcMethod(z.object({ transaction: signedTx }), ({ transaction }) =>
      submit(transaction),
    ),
    'transaction.batch_submit': rpcMethod(
      z.object({ transactions: z.array(signedTx).min(1).max(MAX_BATCH) }),
      async ({ transactions }) => {
        // All at once: each is answered when it is in a block, and they can share one.
        const answers = await Promise.all(transactions.map(submit));
        return answers.map((answer) =>
          answer instanceof RpcFailure
            ? { code: answer.code, description: answer.description }
            : answer,
        );
      },
      { maxBytes: BATCH_BYTES },
    ),
    'fees.all': rpcMethod(none, () => service.fees()),
    'alarm.get': rpcMethod(none, () => [], { byGet: true }),
    'configuration.get': rpcMethod(none, () => service.configuration(), { byGet: true }),
  };
}

function told({ blknum, txindex, txhash }: Accepted) {
  return { blknum, txindex, txhash: toHex(txhash) };
}

/** `payments/utxo_not_found` as clients know it: `submit:utxo_not_found`. */
function failureOf(operation: string, { code, message }: Refusal): RpcFailure {
  return new RpcFailure(`${operation}:${code.slice(code.indexOf('/') + 1)}`, message);
}
