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
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import type { Engine } from '@palisade/engine';
import { accept, type match, offer, ready, subscribe } from '@palisade/market';
import type { EventIndex } from '../events/event-index.ts';
import type { JobFiles } from './job-files.ts';
import type { OpenJob } from './open-jobs.ts';
import type { PartnerBoard } from './partner-board.ts';

/** A validator and where it is reached. */
export type DirectoryEntry = {
  readonly nodeKey: Uint8Array;
  readonly name: string;
  readonly url: string;
};

/** What a match says, whoever signs it. */
export type MatchWords = ValueOf<typeof match>;

export type Pool = {
  readonly application: PalisadeApplication;
  readonly engine: Engine;
  readonly jobFiles: JobFiles;
  readonly board: PartnerBoard;
  readonly index: EventIndex;
  readonly directory: () => readonly DirectoryEntry[];
  readonly nowMs: () => number;
  /** Jobs that want partners, with the clients' envelopes, oldest first. */
  readonly openJobs: () => readonly OpenJob[];
  /** Notifies partners once more of a job that still wants some. */
  readonly askAgain: (job: Uint8Array) => Promise<void>;
  /** Tells a partner of its match, through every hosted validator that it listens to. */
  readonly tellMatch: (words: MatchWords) => Promise<void>;
};

/** Messages that partners and clients send to validators. */
export const incoming: Catalogue = catalogue([ready, offer, subscribe, accept]);

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
