/** The votes behind what validators sign: more than a third of them include one that is honest. */
import { SEAT } from '@palisade/chain/schema';
import { toHex } from '@palisade/core';
import type { Answer } from './reach.ts';

/** Anything that a validator has signed, by its key in hex. */
export type Signed = { readonly sender: string };

/** A validator as the chain lists it. */
type Line = {
  readonly nodeKey: Uint8Array;
  readonly validator: { readonly seat: number; readonly weight: bigint };
};

export type Weights = {
  /** Of all active validators. */
  readonly total: bigint;
  /** Whether a key, in hex, is an active validator's. */
  isActive(sender: string): boolean;
  /** Of those who gave these answers, each counted once. */
  of(answers: readonly Answer<Signed>[]): bigint;
  /** Whether that is more than a third. */
  isSafe(answers: readonly Answer<Signed>[]): boolean;
};

/** @param validators what the chain's query of that name lists */
export function weigh(validators: readonly Line[]): Weights {
  const weights = new Map<string, bigint>();
  for (const { nodeKey, validator } of validators)
    if (validator.seat === SEAT.active) weights.set(toHex(nodeKey), validator.weight);
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0n);
  const of = (answers: readonly Answer<Signed>[]) => {
    const senders = new Set(answers.map(({ value }) => value.sender));
    return [...senders].reduce((sum, sender) => sum + (weights.get(sender) ?? 0n), 0n);
  };
  return {
    total,
    isActive: (sender) => weights.has(sender),
    of,
    isSafe: (answers) => 3n * of(answers) > total,
  };
}
