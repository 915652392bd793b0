/**
 * What the validators of one process share: the application, the engine, the job files, the board of
 * partners, the index. Each `ValidatorService` speaks for one key on top of it.
 */
import { type PalisadeApplication, senderOf } from '@palisade/chain';
import {
  type Catalogue,
  catalogue,
  type Declaration,
  type Domain,
  isRefusal,
  type Opened,
  open,
  type Refusal,
  refuse,
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import type { Metrics } from '@palisade/daemon';
import type { Engine } from '@palisade/engine';
import {
  accept,
  clientConnectReport,
  type match,
  noticeAck,
  offer,
  partnerConnectReport,
  ready,
  signOff,
  subscribe,
  workQuery,
} from '@palisade/market';
import { proofReady, sealQuestion, windowQuestion } from '@palisade/power';
import type { EventIndex } from '../events/event-index.ts';
import type { nodeMetrics } from '../metrics.ts';
import type { DrawRoots } from '../store/draw-roots.ts';
import type { Discipline } from './discipline.ts';
import type { Evidence } from './evidence.ts';
import type { JobFiles } from './job-files.ts';
import type { Meetings } from './meetings.ts';
import type { OpenJob } from './open-jobs.ts';
import type { PartnerBoard } from './partner-board.ts';
import type { ProofDesk } from './proof-desk.ts';
import type { PoolTiming } from './timing.ts';

/** A validator and where it is reached. */
export type DirectoryEntry = {
  readonly nodeKey: Uint8Array;
  readonly name: string;
  readonly url: string;
};

/** A signature on a question must be this fresh, ms: else a recorded one would work for ever. */
const FRESH_MS = 60_000;

/** Refuses a question that was signed too long ago, or by a clock that is wrong. */
export function refuseStale(atMs: bigint, nowMs: number): Refusal | undefined {
  const age = nowMs - Number(atMs);
  if (Math.abs(age) <= FRESH_MS) return undefined;
  return refuse(
    'market/stale-question',
    `This was signed ${Math.round(age / 1000)} s ago; at most ${FRESH_MS / 1000} s are allowed.`,
    { next: 'Check your clock and sign again.', retry: 'now' },
  );
}

/** What a match says, whoever signs it. */
export type MatchWords = ValueOf<typeof match>;

export type Pool = {
  readonly application: PalisadeApplication;
  readonly engine: Engine;
  readonly jobFiles: JobFiles;
  readonly board: PartnerBoard;
  readonly discipline: Discipline;
  readonly evidence: Evidence;
  readonly drawRoots: DrawRoots;
  readonly proofDesk: ProofDesk;
  readonly meetings: Meetings;
  readonly metrics: Metrics<typeof nodeMetrics>;
  readonly index: EventIndex;
  readonly directory: () => readonly DirectoryEntry[];
  readonly nowMs: () => number;
  readonly timing: PoolTiming;
  /** Jobs that want partners, with the clients' envelopes, oldest first. */
  readonly openJobs: () => readonly OpenJob[];
  /** Notifies partners once more of a job that still wants some. */
  readonly askAgain: (job: Uint8Array) => Promise<void>;
  /** Tells a partner of its match, through every hosted validator that it listens to. */
  readonly tellMatch: (words: MatchWords) => Promise<void>;
};

/** Messages that partners and clients send to validators. */
export const incoming: Catalogue = catalogue([
  ready,
  signOff,
  offer,
  subscribe,
  workQuery,
  noticeAck,
  accept,
  clientConnectReport,
  partnerConnectReport,
  proofReady,
  windowQuestion,
  sealQuestion,
]);

/** Opens a message that must be of one kind, and checks its signature. */
export function openMessage<T>(
  bytes: Uint8Array,
  declaration: Declaration<T>,
  domain: Domain,
): Opened<T> | Refusal {
  const opened = open(bytes, incoming, domain);
  if (isRefusal(opened)) return opened;
  if (opened.declaration.name !== declaration.name)
    return {
      code: 'market/other-message',
      message: `${declaration.name} is wanted here, not ${opened.declaration.name}.`,
      retry: 'never',
    };
  return verifyOpened(opened) ?? (opened as Opened<T>);
}

/**
 * As `openMessage`, for what partners say. Only a node key that is bound to an account is listened
 * to: keys cost nothing, and strangers with many could take all places of the board.
 */
export function openFromPartner<T>(
  bytes: Uint8Array,
  declaration: Declaration<T>,
  { committed, domain }: Pick<PalisadeApplication, 'committed' | 'domain'>,
): Opened<T> | Refusal {
  const opened = openMessage(bytes, declaration, domain);
  if (isRefusal(opened)) return opened;
  const sender = senderOf(committed, opened as Opened);
  return isRefusal(sender) ? sender : opened;
}
