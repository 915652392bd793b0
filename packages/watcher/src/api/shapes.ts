/** Shapes of what the API takes and tells, in the wire forms of the reference. */
import { fromHex, type Refusal, toHex } from '@palisade/core';
import { RpcFailure } from '@palisade/daemon';
import { type Output, type Placed, placeOf } from '@palisade/payments';
import * as z from 'zod';

/** Bytes of a signed transaction at most, in hex. */
const MAX_TX_HEX = 2 + 2 * 1024;

const hex = z
  .string()
  .regex(/^0x(?:[0-9a-fA-F]{2})*$/, 'hex')
  .transform((text) => fromHex(text.toLowerCase()));

/** Exactly so many bytes. */
export const bytesOf = (length: number) =>
  z
    .string()
    .length(2 + 2 * length, 'length')
    .pipe(hex);

export const txBytes = z.string().max(MAX_TX_HEX, 'max_bytes').pipe(hex);
export const address = bytesOf(20);
export const hash = bytesOf(32);
export const position = z
  .bigint()
  .min(10n ** 9n)
  .max(2n ** 88n);
export const index = z.bigint().min(0n).max(4n).transform(Number);
export const none = z.object({});
/** A moment, seconds since 1970. */
export const seconds = z
  .bigint()
  .min(0n)
  .max(2n ** 40n)
  .transform(Number);

/** Entries of a page at most, which is also what a page has unless told otherwise. */
export const PAGE_LIMIT = { transactions: 200, blocks: 100 } as const;

/** `page` from 1, `limit` up to what is granted: larger ones are cut, as clients of the reference expect. */
export function paging(most: number) {
  return {
    page: z.bigint().min(1n).max(1_000_000n).default(1n).transform(Number),
    limit: z
      .bigint()
      .min(1n)
      .max(1000n)
      .default(BigInt(most))
      .transform((limit) => Math.min(Number(limit), most)),
  };
}

export function utxoOf({ position: at, output }: Placed) {
  const { blknum, txindex, oindex } = placeOf(at);
  return {
    ...{ blknum, txindex, oindex, otype: output.type, utxo_pos: at },
    ...outputOf(output),
  };
}

export function outputOf({ owner, token, amount }: Output) {
  return { owner: toHex(owner), currency: toHex(token), amount };
}

/** A refusal as clients know it: the action, and the last part of the code. */
export function failureOf(action: string, { code, message }: Refusal): RpcFailure {
  return new RpcFailure(`${action}:${code.slice(code.indexOf('/') + 1)}`, message);
}
