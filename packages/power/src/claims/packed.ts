/**
 * Entries of a claim as they are stored: in a row, 53 bytes each. Commands and losses of power read and
 * change amounts where they stand; only what moves entries about takes them apart. The bytes are the
 * canonical ones of a list of entries.
 */
import { decodeTrusted, encode, list } from '@palisade/core';
import { type Claim, ENTRY, ENTRY_BYTES, type Entry, entryRecord, MAX_ENTRIES } from './claim.ts';
import { decrease } from './decrease.ts';

/** Where the fields of an entry begin. */
const AT = { generation: 32, kind: 36, until: 37, amount: 45 } as const;

const entryList = list(entryRecord, MAX_ENTRIES);

/** Where entries are read and changed: a view of a new array would cost more than the change. */
const scratch = new Uint8Array(MAX_ENTRIES * ENTRY_BYTES);
const view = new DataView(scratch.buffer);

export function packed(entries: readonly Entry[]): Uint8Array {
  return encode(entryList, [...entries]);
}

export function unpacked(entries: Uint8Array): Entry[] {
  return decodeTrusted(entryList, entries);
}

/** The delegations among entries, which stand first. */
export function delegations(entries: Uint8Array): Uint8Array {
  let end = 0;
  while (end < entries.length && entries[end + AT.kind] === ENTRY.delegated) end += ENTRY_BYTES;
  return entries.subarray(0, end);
}

/** Power of a claim that is lent, unbonding or quarantined. */
export function boundPower({ entries }: Pick<Claim, 'entries'>): bigint {
  scratch.set(entries);
  // In halves of 32 bits, whose sums are exact numbers: a bigint for each would cost more.
  let low = 0;
  let high = 0;
  for (let at = AT.amount; at < entries.length; at += ENTRY_BYTES) {
    low += view.getUint32(at, true);
    high += view.getUint32(at + 4, true);
  }
  return (BigInt(high) << 32n) + BigInt(low);
}

/** Whether something that was taken back or quarantined is free by a session. */
export function hasFreed(entries: Uint8Array, session: bigint): boolean {
  const lent = delegations(entries).length;
  if (lent === entries.length) return false;
  scratch.set(entries);
  for (let at = lent + AT.until; at < entries.length; at += ENTRY_BYTES)
    if (view.getBigUint64(at, true) <= session) return true;
  return false;
}

/** Where the delegation to a registration begins; undefined where there is none. */
export function lentAt(entries: Uint8Array, generation: number): number | undefined {
  scratch.set(entries);
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    if (scratch[at + AT.kind] !== ENTRY.delegated) return undefined;
    if (view.getUint32(at + AT.generation, true) === generation) return at;
  }
  return undefined;
}

export function amountAt(entries: Uint8Array, at: number): bigint {
  scratch.set(entries);
  return view.getBigUint64(at + AT.amount, true);
}

/** Entries with one that has `delta` more bytes. */
export function raised(entries: Uint8Array, at: number, delta: bigint): Uint8Array {
  scratch.set(entries);
  view.setBigUint64(at + AT.amount, view.getBigUint64(at + AT.amount, true) + delta, true);
  return scratch.slice(0, entries.length);
}

/**
 * Entries of a claim that falls from `before` to `after`: each in proportion; those that come to
 * nothing are left out. `lent` hears by how much each delegation changes.
 */
export function shrunk(
  entries: Uint8Array,
  before: bigint,
  after: bigint,
  lent: (generation: number, delta: bigint) => void,
): Uint8Array {
  scratch.set(entries);
  const decreased = decrease(before, after);
  let end = 0;
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    const amount = view.getBigUint64(at + AT.amount, true);
    const left = decreased(amount);
    if (scratch[at + AT.kind] === ENTRY.delegated)
      lent(view.getUint32(at + AT.generation, true), left - amount);
    if (left === 0n) continue;
    view.setBigUint64(at + AT.amount, left, true);
    if (end < at) scratch.copyWithin(end, at, at + ENTRY_BYTES);
    end += ENTRY_BYTES;
  }
  return scratch.slice(0, end);
}
