/** Candidates and occasions for tests of the draw. */
import { u64be } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import type { Candidates, Occasion } from '../src/draw/race.ts';

/** A seed by number. */
export function occasion(number: number, session = 7n): Occasion {
  return {
    genesisHash: sha256(Uint8Array.of(1)),
    session,
    seed: sha256(u64be(BigInt(number))),
  };
}

/** An id by number: spread as keys are. */
export const idOf = (number: number) => sha256(u64be(BigInt(1_000_000 + number)));

export function candidatesOf(powers: readonly bigint[], first = 0): Candidates {
  const ids = new Uint8Array(powers.length * 32);
  for (let i = 0; i < powers.length; i++) ids.set(idOf(first + i), i * 32);
  return { ids, powers: BigUint64Array.from(powers) };
}

/** Powers from a few bytes to beyond 2^62, in no order. */
export function mixedPowers(count: number, salt = 0): bigint[] {
  return Array.from({ length: count }, (_, i) => {
    const hash = sha256(u64be(BigInt(salt * 100_000 + i)));
    const bits = BigInt(hash[0]! % 63);
    const raw = hash.subarray(1, 9).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    return (raw % (1n << (bits + 1n))) as bigint;
  });
}
