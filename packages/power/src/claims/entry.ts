/**
 * Entries of a claim: power that is lent, or was. A claim has them in columns: what commands and losses
 * of power read and change stands in lists of numbers, and what stays as long as an entry does is
 * shared from claim to claim. Only what moves entries about takes them apart. The bytes are the
 * canonical ones of a list of entries.
 */
import {
  bytes32,
  decodeTrusted,
  encode,
  type Form,
  formed,
  type Infer,
  list,
  record,
  u8,
  u32,
  u64,
} from '@palisade/core';
import { decrease } from './decrease.ts';

/** What an entry of a claim is: lent; taken back but not free yet; bound by an offence of the collator. */
export const ENTRY = { delegated: 0, unbonding: 1, quarantined: 2 } as const;

/** Entries of a claim: 10 delegations, and what was taken back in the last 42 sessions. */
export const MAX_ENTRIES = 128;

export const entryRecord = record('PowerEntry', {
  collator: bytes32.is('Its node key'),
  generation: u32.is("Number of the collator's registration"),
  kind: u8.is('0 delegated, 1 unbonding, 2 quarantined'),
  until: u64.is('Session that frees it; 0 while delegated'),
  amount: u64.is('Bytes'),
});
export type Entry = Infer<typeof entryRecord>;
const entryList = list(entryRecord, MAX_ENTRIES);

/** Bytes of an entry, and where its fields begin. */
const ENTRY_BYTES = 53;
const AT = { generation: 32, kind: 36, until: 37, amount: 45 } as const;

export type Entries = {
  /** Their bytes, but for the amounts. */
  readonly rows: Uint8Array;
  readonly generations: readonly number[];
  readonly amounts: readonly bigint[];
  /** How many are delegations, which stand first. */
  readonly lent: number;
  /** Power that is lent, unbonding or quarantined: the sum of the amounts, bytes. */
  readonly bound: bigint;
};

/** Where bytes are read: a view of a new array would cost more than the reading. */
const scratch = new Uint8Array(MAX_ENTRIES * ENTRY_BYTES);
const view = new DataView(scratch.buffer);

const columns: Form<Entries> = {
  size: ({ rows }) => rows.length,
  write({ rows, amounts }, { uint8Array, dataView }, at) {
    uint8Array.set(rows, at);
    for (let i = 0; i < amounts.length; i++)
      dataView.setBigUint64(at + i * ENTRY_BYTES + AT.amount, amounts[i]!, true);
    return at + rows.length;
  },
  read(bytes) {
    scratch.set(bytes);
    const generations: number[] = [];
    const amounts: bigint[] = [];
    let lent = 0;
    let bound = 0n;
    for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
      const amount = view.getBigUint64(at + AT.amount, true);
      generations.push(view.getUint32(at + AT.generation, true));
      amounts.push(amount);
      if (scratch[at + AT.kind] === ENTRY.delegated) lent++;
      bound += amount;
    }
    return { rows: bytes.slice(), generations, amounts, lent, bound };
  },
};

/** Entries in a record. */
export const entryColumns = formed(MAX_ENTRIES * ENTRY_BYTES, columns);

/** @param entries in their canonical order */
export function entriesOf(entries: readonly Entry[]): Entries {
  return columns.read(encode(entryList, [...entries]));
}

export function listed(entries: Entries): Entry[] {
  return decodeTrusted(entryList, encode(entryColumns, entries));
}

/** The delegations among entries. */
export function delegations(entries: Entries): Entries {
  const { lent, rows } = entries;
  if (lent === entries.amounts.length) return entries;
  const amounts = entries.amounts.slice(0, lent);
  return {
    rows: rows.subarray(0, lent * ENTRY_BYTES),
    generations: entries.generations.slice(0, lent),
    amounts,
    lent,
    bound: amounts.reduce((sum, amount) => sum + amount, 0n),
  };
}

/** Whether something that was taken back or quarantined is free by a session. */
export function hasFreed({ lent, rows }: Entries, session: bigint): boolean {
  if (lent * ENTRY_BYTES === rows.length) return false;
  scratch.set(rows);
  for (let at = lent * ENTRY_BYTES + AT.until; at < rows.length; at += ENTRY_BYTES)
    if (view.getBigUint64(at, true) <= session) return true;
  return false;
}

/** Which entry is the delegation to a registration; undefined where none is. */
export function lentAt({ generations, lent }: Entries, generation: number): number | undefined {
  const at = generations.indexOf(generation);
  return at >= 0 && at < lent ? at : undefined;
}

/** Entries with one that has `delta` more bytes. */
export function raised(entries: Entries, at: number, delta: bigint): Entries {
  const { rows, generations, lent, bound } = entries;
  const amounts = entries.amounts.with(at, entries.amounts[at]! + delta);
  return { rows, generations, amounts, lent, bound: bound + delta };
}

/**
 * Entries of a claim that falls from `before` to `after`: each in proportion; those that come to
 * nothing are left out. `onLent` hears by how much each delegation changes.
 */
export function shrunk(
  entries: Entries,
  before: bigint,
  after: bigint,
  onLent: (generation: number, delta: bigint) => void,
): Entries {
  const { rows, generations, lent } = entries;
  const decreased = decrease(before, after);
  const amounts = entries.amounts.map((amount, i) => {
    const left = decreased(amount);
    if (i < lent) onLent(generations[i]!, left - amount);
    return left;
  });
  // Together they are the rounded-down share of the whole.
  const all = { rows, generations, amounts, lent, bound: (entries.bound * after) / before };
  if (!amounts.includes(0n)) return all;
  return entriesOf(listed(all).filter(({ amount }) => amount > 0n));
}
