/**
 * When two replicas of one application disagree: in which respect, and at which key first. A replica
 * that differs means that the application is not deterministic, or that a disk or a memory lied; in
 * a network of many machines that would split the chain.
 */
import { compareBytes, equalBytes, PalisadeError, toHex, utf8 } from '@palisade/core';
import type { ExecTxResult, FinalizeBlockResponse } from '@palisade/formats';
import { finalizeBlockResponseMessage } from '@palisade/formats';
import type { Replica, StoreChange } from './options.ts';

/** The first key, in order of store and key, whose change the two do not share. */
export type KeyDifference = {
  readonly store: string;
  readonly key: Uint8Array;
  /** The value written, `'deleted'`, or `'unchanged'` where a replica did not touch the key. */
  readonly primary: Uint8Array | 'deleted' | 'unchanged';
  readonly shadow: Uint8Array | 'deleted' | 'unchanged';
};

/** A report of what differs. */
export type Divergence = {
  readonly height: bigint;
  readonly message: string;
  readonly primaryAppHash?: Uint8Array;
  readonly shadowAppHash?: Uint8Array;
  readonly firstKey?: KeyDifference;
};

/** Stops the engine; carries the report. */
export class DivergenceError extends PalisadeError {
  readonly divergence: Divergence;

  constructor(divergence: Divergence) {
    super({
      code: 'engine/divergence',
      message: divergence.message,
      next: 'Keep the data folder: the block can be run again. Find what is not deterministic.',
      data: { height: divergence.height },
    });
    this.divergence = divergence;
  }
}

/** In which respect two answers to one block differ, or `undefined`. */
export function responseDifference(
  primary: FinalizeBlockResponse,
  shadow: FinalizeBlockResponse,
): string | undefined {
  const { txResults } = primary;
  if (txResults.length !== shadow.txResults.length) {
    return `${txResults.length} results against ${shadow.txResults.length}`;
  }
  for (const [index, result] of txResults.entries()) {
    const different = resultDifference(result, shadow.txResults[index]!);
    if (different) return `the ${different} of transaction ${index}`;
  }
  if (updatesOf(primary) !== updatesOf(shadow)) {
    return 'the updates of validators or consensus parameters';
  }
  if (!equalBytes(primary.appHash, shadow.appHash)) return 'the application hash';
  return undefined;
}

/** The report about a block, with the first differing key where both replicas can tell. */
export async function reportDivergence(
  height: bigint,
  what: string,
  primary: { readonly replica: Replica; readonly response: FinalizeBlockResponse },
  shadow: { readonly replica: Replica; readonly response: FinalizeBlockResponse },
): Promise<Divergence> {
  const firstKey = await findKey(height, primary.replica, shadow.replica);
  const where = firstKey
    ? `; the first key that differs is ${toHex(firstKey.key)} in store ${firstKey.store}`
    : '';
  return {
    height,
    message: `At height ${height} the two replicas differ in ${what}${where}.`,
    primaryAppHash: primary.response.appHash,
    shadowAppHash: shadow.response.appHash,
    ...(firstKey && { firstKey }),
  };
}

/** First difference of two lists of changes, sorted by `store/key`. */
export function firstDifference(
  primary: readonly StoreChange[],
  shadow: readonly StoreChange[],
): KeyDifference | undefined {
  let a = 0;
  let b = 0;
  while (a < primary.length || b < shadow.length) {
    const order = compareChanges(primary[a], shadow[b]);
    const [store, key] = order <= 0 ? primary[a]! : shadow[b]!;
    const mine = order <= 0 ? writtenBy(primary[a++]!) : 'unchanged';
    const theirs = order >= 0 ? writtenBy(shadow[b++]!) : 'unchanged';
    if (!sameValue(mine, theirs)) return { store, key, primary: mine, shadow: theirs };
  }
  return undefined;
}

async function findKey(height: bigint, primary: Replica, shadow: Replica) {
  if (!primary.changes || !shadow.changes) return undefined;
  const changed = firstDifference(await primary.changes(height), await shadow.changes(height));
  return changed ?? findRecord(primary, shadow);
}

/**
 * Where both changed the same, one of them held something else before: a root over the whole state
 * shows it, at whichever block has that.
 */
async function findRecord(primary: Replica, shadow: Replica): Promise<KeyDifference | undefined> {
  let after: readonly [string, Uint8Array] | undefined;
  for (;;) {
    const mine = await primary.records?.(after, RECORDS_PAGE);
    const theirs = await shadow.records?.(after, RECORDS_PAGE);
    if (!mine || !theirs) return undefined;
    const difference = firstDifference(mine, theirs);
    if (difference) return difference;
    const last = mine.at(-1);
    if (!last) return undefined;
    after = [last[0], last[1]];
  }
}

/** Records that are compared at a time: some hundred KB on their way between threads. */
const RECORDS_PAGE = 1000;

/** A missing entry comes after every other. */
function compareChanges(a: StoreChange | undefined, b: StoreChange | undefined): number {
  if (!a) return 1;
  if (!b) return -1;
  return compareBytes(utf8(`${a[0]}/`), utf8(`${b[0]}/`)) || compareBytes(a[1], b[1]);
}

function writtenBy([, , value]: StoreChange): Uint8Array | 'deleted' {
  return value ?? 'deleted';
}

function sameValue(a: Uint8Array | string, b: Uint8Array | string): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return equalBytes(a, b);
}

function resultDifference(a: ExecTxResult, b: ExecTxResult): string | undefined {
  if (a.code !== b.code) return 'code';
  if (!equalBytes(a.data, b.data)) return 'data';
  if (a.gasWanted !== b.gasWanted || a.gasUsed !== b.gasUsed) return 'gas';
  return undefined;
}

/** Validator updates and consensus parameters in one encoding, whatever the order of their fields. */
function updatesOf(response: FinalizeBlockResponse): string {
  const bare = { ...response, events: [], txResults: [], appHash: new Uint8Array(0) };
  return toHex(finalizeBlockResponseMessage.encode(bare));
}
