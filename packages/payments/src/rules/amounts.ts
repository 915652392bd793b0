/** Sums by token. */
import { fromBinaryString, toBinaryString } from '@palisade/core';
import type { Output } from '../format/transaction.ts';

/** Amounts by `tokenKey`, in the order in which the tokens came up. */
export type Amounts = ReadonlyMap<string, bigint>;

/** A token's address as a key that sorts as the address does. */
export function tokenKey(token: Uint8Array): string {
  return toBinaryString(token);
}

/** The address behind a key. */
export function tokenOf(key: string): Uint8Array {
  return fromBinaryString(key);
}

/** What `inputs` hold beyond `outputs`, by token; undefined when it is less than nothing of any. */
export function surplusOf(
  inputs: readonly Output[],
  outputs: readonly Output[],
): Amounts | undefined {
  const left = new Map<string, bigint>();
  for (const { token, amount } of inputs) add(left, tokenKey(token), amount);
  for (const { token, amount } of outputs) add(left, tokenKey(token), -amount);
  for (const amount of left.values()) if (amount < 0n) return undefined;
  return left;
}

export function add(sums: Map<string, bigint>, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount);
}
