/**
 * Running sums: what is lent to each registration of a collator, now. They stand in small pages by the
 * registration's number, so that a loss of power which touches ten collators changes 640 bytes, and
 * a snapshot of ten thousand reads 1 250 records of 64 bytes and no claim.
 */
import { collection, type State, u64Key } from '@palisade/chain';
import { byteList, type KeyValueReader } from '@palisade/core';

/** Sums of a page: 64 bytes, the largest array that the engine makes as cheaply as an object. */
const SUMS = 8;
const SUM_BYTES = 8;

/** By number of the registration / 8: sums as 64-bit little-endian numbers. None where all are zero. */
const lentPages = collection({
  store: 'power',
  name: 'lent',
  key: [u64Key],
  value: byteList(SUMS * SUM_BYTES),
});

/** Where a page is changed: a view of a new array would cost more than the change. */
const scratch = new Uint8Array(SUMS * SUM_BYTES);
const view = new DataView(scratch.buffer);

function openPage(state: KeyValueReader, page: number): void {
  const bytes = lentPages.get(state, BigInt(page));
  if (bytes) scratch.set(bytes);
  else scratch.fill(0);
}

const pageOf = (generation: number): number => Math.floor(generation / SUMS);
const placeOf = (generation: number): number => (generation % SUMS) * SUM_BYTES;

/** What is lent to a registration now, bytes. */
export function lentSum(state: KeyValueReader, generation: number): bigint {
  openPage(state, pageOf(generation));
  return view.getBigUint64(placeOf(generation), true);
}

/** Changes the running sum of a registration by a signed number of bytes. */
export function addLent(state: State, generation: number, delta: bigint): void {
  if (delta === 0n) return;
  const page = pageOf(generation);
  const place = placeOf(generation);
  openPage(state, page);
  const sum = view.getBigUint64(place, true) + delta;
  view.setBigUint64(place, sum, true);
  if (sum === 0n && scratch.every((byte) => byte === 0)) lentPages.delete(state, BigInt(page));
  else lentPages.set(state, [BigInt(page)], scratch.slice());
}

/** All running sums, to look them up by registration: one pass over the pages. */
export function lentSums(state: KeyValueReader): (generation: number) => bigint {
  const pages = new Map<number, BigUint64Array>();
  for (const [[page], bytes] of lentPages.list(state)) {
    scratch.set(bytes);
    const sums = new BigUint64Array(SUMS);
    for (let i = 0; i < SUMS; i++) sums[i] = view.getBigUint64(i * SUM_BYTES, true);
    pages.set(Number(page), sums);
  }
  return (generation) => pages.get(pageOf(generation))?.[generation % SUMS] ?? 0n;
}
