/** Jobs of the archive: the chain asks partners to keep a payout file as a client would, and pays. */
import { type BlockContext, transfer } from '@palisade/chain';
import { concat, u64be, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { ESCROW } from '../escrow.ts';
import { JOB_STATE, type Job, jobs, jobsDue, UTILITY } from '../job.ts';
import { payouts } from '../payout.ts';
import { payoutFileSize } from '../payout-file.ts';
import { escrowFor, lastOfTerm, rateFor } from '../rules/terms.ts';
import { archiveOpened, archiveUnfunded } from './events.ts';
import { ARCHIVE, archiveFunds } from './money.ts';
import {
  archivedSession,
  archiveParamsOf,
  archives,
  archiveVacant,
  archiveWaiting,
} from './records.ts';

/** Jobs opened at the end of one session: what has waited for money is caught up with bit by bit. */
const MOST_OPENED = 4;
/** No more files go on their way while so many look for partners: there may be too few of them. */
const MOST_VACANT = 8;
const TAG = utf8('palisade/archive/1');

/** A file is closed: it goes to partners when its time comes. An empty one has nothing to move. */
export function awaitArchive({ state }: BlockContext, session: bigint, rows: number): void {
  if (rows > 0) archiveWaiting.set(state, [session], 0);
}

/** Opens jobs for the oldest files whose retention is over, as far as there is money. */
export function openArchives(ctx: BlockContext): void {
  const { state } = ctx;
  const closed = ctx.session.number - BigInt(archiveParamsOf(state).retentionSessions);
  for (const session of first(archiveWaiting.list(state), MOST_OPENED)) {
    const isCrowded = first(archiveVacant.list(state), MOST_VACANT).length === MOST_VACANT;
    if (session > closed || isCrowded || !openArchive(ctx, session)) return;
  }
}

function first(list: Iterable<readonly [readonly [bigint], unknown]>, most: number): bigint[] {
  const found: bigint[] = [];
  for (const [[session]] of list) if (found.push(session) === most) break;
  return found;
}

/** False when there is too little money for it. */
function openArchive(ctx: BlockContext, session: bigint): boolean {
  const { state } = ctx;
  const { content, rows } = payouts.need(state, session);
  const terms = termsFor(ctx, BigInt(payoutFileSize(rows)));
  const escrow = escrowFor(terms);
  const available = archiveFunds(state);
  if (available < escrow) {
    ctx.emit(archiveUnfunded, { session, needed: escrow, available });
    return false;
  }
  const job = sha256(concat(TAG, u64be(session), u64be(ctx.height)));
  transfer(state, ARCHIVE, ESCROW, escrow);
  jobs.set(state, [job], { ...fresh(ctx), ...terms, subject: content, escrow });
  archives.set(state, [session], { job, moved: 0, called: [] });
  archivedSession.set(state, [job], session);
  archiveWaiting.delete(state, session);
  archiveVacant.set(state, [session], 0);
  reviewNext(ctx, job);
  const { partners: copies, sessions } = terms;
  ctx.emit(archiveOpened, { session, job, content, copies, sessions, escrow });
  return true;
}

function termsFor({ state }: BlockContext, size: bigint) {
  const { copies: partners, termSessions: sessions, price } = archiveParamsOf(state);
  return { size, partners, sessions, maxRate: rateFor(price, size) };
}

/** A job that counts from the next session, and stands in no job file. */
function fresh({ session }: BlockContext) {
  return {
    client: ARCHIVE,
    utility: UTILITY.storage,
    height: 0n,
    session: session.number + 1n,
    state: JOB_STATE.confirmed,
    active: 0,
    committed: 0n,
    paid: 0n,
    refunded: 0n,
    endHeight: 0n,
    reason: '',
  };
}

/** Sessions before the end of a term in which it is renewed: its partners then have one to follow. */
const RENEWED_BEFORE = 2n;

/** Whether the term is to be renewed when `session` ends. */
export function isToRenew(job: Job, session: bigint): boolean {
  return session >= lastOfTerm(job) - RENEWED_BEFORE;
}

/** Looks at a job again when its term is to be renewed, or goes on without having been. */
export function reviewNext({ state, session }: BlockContext, jobId: Uint8Array): void {
  const due = lastOfTerm(jobs.need(state, jobId)) - RENEWED_BEFORE;
  const next = session.number + 1n;
  jobsDue.set(state, [due > next ? due : next, jobId], 0);
}
