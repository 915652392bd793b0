/** Chance from a seed: the same seed makes the same cases, so that what broke can be shown again. */
import { createHash } from 'node:crypto';

export class Rng {
  private readonly words: Uint32Array;

  constructor(seed: string) {
    const digest = createHash('sha256').update(seed).digest();
    this.words = new Uint32Array(digest.buffer.slice(digest.byteOffset, digest.byteOffset + 16));
  }

  /** 32 random bits, by xoshiro128** (Blackman and Vigna, public domain). */
  u32(): number {
    const s = this.words;
    const scrambled = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = rotate(s[3]!, 11);
    return scrambled;
  }

  /** A whole number below `bound`. */
  below(bound: number): number {
    return Math.floor((this.u32() / 2 ** 32) * bound);
  }

  /** From `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(share: number): boolean {
    return this.u32() / 2 ** 32 < share;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** One of the choices, each as often as its weight says. */
  weighted<T>(choices: readonly (readonly [weight: number, choice: T])[]): T {
    const sum = choices.reduce((total, [weight]) => total + weight, 0);
    let at = (this.u32() / 2 ** 32) * sum;
    for (const [weight, choice] of choices) {
      if (at < weight) return choice;
      at -= weight;
    }
    return choices.at(-1)![1];
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.u32();
      for (let j = 0; j < 4 && i + j < length; j++) bytes[i + j] = word >>> (8 * j);
    }
    return bytes;
  }

  /** Below 2^bits, small and extreme ones more often than chance would have them. */
  bigint(bits: number): bigint {
    const limit = 1n << BigInt(bits);
    if (this.chance(0.2)) return this.pick([0n, 1n, limit - 1n, limit >> 1n]);
    let value = 0n;
    for (let i = 0; i < bits; i += 32) value = (value << 32n) | BigInt(this.u32());
    return (value % limit) >> BigInt(this.below(bits));
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
