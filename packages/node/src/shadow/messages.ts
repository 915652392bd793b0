/** What the main thread and the thread of the shadow tell each other. */
import { PalisadeError, type Retry } from '@palisade/core';
import type { Replica } from '@palisade/engine';

/** The methods of a replica, by a record of them so that the compiler misses none. */
const BY_NAME: { readonly [method in keyof Required<Replica>]: true } = {
  ...{ info: true, initChain: true, checkTx: true, prepareProposal: true, processProposal: true },
  ...{
    extendVote: true,
    verifyVoteExtension: true,
    finalizeBlock: true,
    commit: true,
    query: true,
  },
  ...{ listSnapshots: true, offerSnapshot: true, loadSnapshotChunk: true },
  ...{ applySnapshotChunk: true, changes: true, records: true },
};
export const METHODS = Object.keys(BY_NAME) as readonly Method[];
export type Method = keyof Replica;

/** Requests are the ABCI requests themselves: bigint and bytes pass between threads as they are. */
export type Question = {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
};

export type PlainError = {
  readonly code: string;
  readonly message: string;
  readonly retry: Retry;
  readonly next?: string;
  readonly data: PalisadeError['data'];
};
export type Answer = { readonly id: number } & (
  | { readonly value: unknown }
  | { readonly error: PlainError }
);

/** Errors lose their class between threads; what they say goes along as data. */
export function toPlain(error: unknown): PlainError {
  if (error instanceof PalisadeError) {
    const { code, message, retry, next, data } = error;
    return { code, message, retry, data, ...(next === undefined ? {} : { next }) };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'node/shadow-failed', message, retry: 'never', data: {} };
}
