/**
 * The draw: an exponential race (Efraimidis and Spirakis, 2006: weighted sampling without
 * replacement by keys). Every candidate gets a number from the seed and its own name; divided by its
 * power, the smallest win. A candidate's key does not depend on the others: nobody can move somebody
 * else, more power never loses a seat, and everybody can check one key alone. Integers only.
 */
import { compareBytes, concat, u64be, utf8 } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import { BOUND_BITS, type Bounds, boundExponent, exponent, LOG_BITS } from './log.ts';

/** Bytes of a candidate's id. */
export const ID_BYTES = 32;

/** Candidates in columns: `ids` has 32 bytes for each, `powers` one number. */
export type Candidates = { readonly ids: Uint8Array; readonly powers: BigUint64Array };

/** Which draw it is. */
export type Occasion = {
  /** 32 bytes: which chain. */
  readonly genesisHash: Uint8Array;
  readonly session: bigint;
  /** 32 bytes, fixed after the candidates were. */
  readonly seed: Uint8Array;
};

/** A place in the race: the smaller the key, the earlier. */
export type Place = {
  readonly index: number;
  readonly id: Uint8Array;
  readonly power: bigint;
  /** 128 - log2(number + 1), Q.48. */
  readonly exponent: bigint;
  /** floor(exponent * 2^80 / power). */
  readonly key: bigint;
};

const DOMAIN = utf8('palisade/draw/1');
/** Scale of the keys: enough that powers up to 2^63 leave 65 bits of them. */
const KEY_BITS = 80n;
/** Bytes of the hash that make the number. */
const NUMBER_BYTES = 16;

function numberOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = 0; i < NUMBER_BYTES; i++) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

/** Hashes the names of candidates on one occasion: the one at `index` among ids. */
function hasher({ genesisHash, session, seed }: Occasion) {
  const head = concat(DOMAIN, genesisHash, u64be(session), seed);
  const message = concat(head, new Uint8Array(ID_BYTES));
  return (ids: Uint8Array, index: number): Uint8Array => {
    // Byte by byte: a view of the id would cost more than copying it.
    for (let i = 0; i < ID_BYTES; i++) message[head.length + i] = ids[index * ID_BYTES + i]!;
    return blake3(message);
  };
}

function place(index: number, id: Uint8Array, power: bigint, hash: Uint8Array): Place {
  const e = exponent(numberOf(hash) + 1n);
  return { index, id, power, exponent: e, key: (e << KEY_BITS) / power };
}

/** One candidate's place: its key, from the public facts alone. `power` is above 0. */
export function placeOf(occasion: Occasion, id: Uint8Array, power: bigint): Place {
  return place(0, id, power, hasher(occasion)(id, 0));
}

/** Smaller keys first; where two are equal, the smaller id. */
export function comparePlaces(a: Place, b: Place): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return compareBytes(a.id, b.id);
}

function idAt(ids: Uint8Array, index: number): Uint8Array {
  return ids.slice(index * ID_BYTES, (index + 1) * ID_BYTES);
}

/** The whole race by its definition: `count` first places. For checking, and for few candidates. */
export function fullRace(occasion: Occasion, { ids, powers }: Candidates, count: number): Place[] {
  const hash = hasher(occasion);
  const places: Place[] = [];
  for (const [i, power] of powers.entries())
    if (power > 0n) places.push(place(i, idAt(ids, i), power, hash(ids, i)));
  return places.sort(comparePlaces).slice(0, count);
}

/** Scale of the bounds of keys: below that of the keys, which makes equal keys overlap. */
const BOUND_SCALE = KEY_BITS + LOG_BITS - BigInt(BOUND_BITS) - 36n;

/**
 * The first `count` places. The same as `fullRace`, several times as fast: exact logarithms are
 * taken only of candidates that quick bounds leave a chance.
 */
export function race(occasion: Occasion, { ids, powers }: Candidates, count: number): Place[] {
  if (count <= 0) return [];
  const hash = hasher(occasion);
  const lows: bigint[] = new Array(powers.length);
  const best = new Smallest(count);
  const bounds: Bounds = { low: 0, high: 0 };
  for (let i = 0; i < powers.length; i++) {
    const power = powers[i]!;
    if (power === 0n) continue;
    boundExponent(hash(ids, i), bounds);
    lows[i] = (BigInt(bounds.low) << BOUND_SCALE) / power;
    // Already out: its least is above what `count` others have at most.
    if (lows[i]! > best.bound) continue;
    best.add((BigInt(bounds.high) << BOUND_SCALE) / power + 1n);
  }
  const places: Place[] = [];
  for (let i = 0; i < powers.length; i++) {
    const power = powers[i]!;
    if (power === 0n || lows[i]! > best.bound) continue;
    places.push(place(i, idAt(ids, i), power, hash(ids, i)));
  }
  return places.sort(comparePlaces).slice(0, count);
}

/** More than any bound. */
const INFINITE = 1n << 200n;

/** The `size` smallest numbers seen. */
class Smallest {
  private readonly values: bigint[] = [];
  private readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  /** The greatest of them; more than any number until there are enough. */
  get bound(): bigint {
    return this.values.length < this.size ? INFINITE : this.values[this.size - 1]!;
  }

  add(value: bigint): void {
    if (value >= this.bound) return;
    let at = this.values.length;
    while (at > 0 && this.values[at - 1]! > value) at--;
    this.values.splice(at, 0, value);
    if (this.values.length > this.size) this.values.pop();
  }
}
