/**
 * BLAKE3 (J. O'Connor, J.-P. Aumasson, S. Neves, Z. Wilcox-O'Hearn, "BLAKE3: one function, fast
 * everywhere", 2020) as WebAssembly code, for messages of one chunk: what hashes a label, so that it
 * reads its parents where they lie.
 */
import { add, type Code, constant, type Local, load, rotateLeft, xor } from './wasm-code.ts';

export const BLOCK_BYTES = 64;
/** Flags of a block (section 2.2): the first of a chunk; the last, where the chunk is all there is. */
export const FIRST_BLOCK = 1;
export const LAST_BLOCK = 2 | 8;

/** The initial chaining value (section 2.2, table 1): that of SHA-256. */
export const IV: readonly number[] = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

const ROUNDS = 7;
/** Where each word of the message comes from in the next round (table 2). */
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

/** The places that the quarter rounds mix: columns first, then diagonals. */
const QUARTERS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const;

export type Block = {
  /** The chaining value, eight variables: read, and left as that of the next block. */
  readonly chain: readonly Local[];
  /** Sixteen variables to work in. */
  readonly state: readonly Local[];
  /** Address of the block's 64 bytes. */
  readonly block: Code;
  /** Bytes of the message in the block, and its flags. */
  readonly length: Code;
  readonly flags: Code;
};

/** Compresses one block of the first chunk (section 2.2). */
export function compress({ chain, state, block, length, flags }: Block): Code {
  // The counter of the chunk, words 12 and 13, is zero.
  const begin = [
    ...chain.map(({ get }) => get),
    ...IV.slice(0, 4).map(constant),
    ...[constant(0), constant(0), length, flags],
  ];
  const code = begin.map((value, i) => state[i]!.set(value));
  let words = PERMUTATION.map((_, i) => i);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, places] of QUARTERS.entries()) {
      const [a, b, c, d] = places.map((place) => state[place]!) as [Local, Local, Local, Local];
      for (const [half, [first, second]] of [[16, 20] as const, [24, 25] as const].entries()) {
        const word = load(block, 4 * words[2 * i + half]!);
        code.push(
          a.set(add(add(a.get, word), b.get)),
          d.set(rotateLeft(xor(d.get, a.get), constant(first))),
          c.set(add(c.get, d.get)),
          b.set(rotateLeft(xor(b.get, c.get), constant(second))),
        );
      }
    }
    words = PERMUTATION.map((from) => words[from]!);
  }
  const end = chain.map(({ set }, i) => set(xor(state[i]!.get, state[i + 8]!.get)));
  return [...code, ...end].flat();
}
