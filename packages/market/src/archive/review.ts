/** What the end of a session means for a job of the archive. */
import { type BlockContext, transfer } from '@palisade/chain';
import { endJob } from '../ending.ts';
import { ESCROW } from '../escrow.ts';
import { jobRenewed } from '../events.ts';
import { AGREEMENT_STATE, agreements, JOB_STATE, type Job, jobs } from '../job.ts';
import { escrowFor, lastOfTerm } from '../rules/terms.ts';
import { forgetCalls } from './draw.ts';
import { archiveMoved, archiveUnfunded } from './events.ts';
import { ARCHIVE, archiveFunds } from './money.ts';
import { isToRenew, reviewNext } from './open.ts';
import {
  archivedSession,
  archiveParamsOf,
  archives,
  archiveVacant,
  archiveWaiting,
  rowsToDrop,
} from './records.ts';

/** Lets the rows go when enough partners have proven them, renews the term, ends what is over. */
export function reviewArchive(ctx: BlockContext, jobId: Uint8Array): void {
  const { state, session: running } = ctx;
  const session = archivedSession.get(state, jobId);
  if (session === undefined) return; // it has ended, and this was its last audit
  const job = jobs.need(state, jobId);
  if (archives.need(state, session).moved === 0 && isProven(ctx, jobId, job))
    moveRows(ctx, session, jobId);
  const isGone = archives.need(state, session).moved === 1 && job.active === 0;
  if (isGone || running.number >= lastOfTerm(job)) {
    endArchive(ctx, session, jobId);
    return;
  }
  if (job.active < job.partners) archiveVacant.set(state, [session], 0);
  // Where nobody keeps it, it begins anew instead.
  if (job.active > 0 && isToRenew(job, running.number)) renewTerm(ctx, session, jobId, job);
  reviewNext(ctx, jobId);
}

/** Whether as many partners as are wanted have answered an audit about the file, and go on. */
function isProven({ state }: BlockContext, jobId: Uint8Array, job: Job): boolean {
  if (job.active < job.partners) return false;
  for (const [, agreement] of agreements.list(state, jobId))
    if (agreement.state === AGREEMENT_STATE.active && agreement.answered === 0) return false;
  return true;
}

function moveRows(ctx: BlockContext, session: bigint, job: Uint8Array): void {
  const archive = archives.need(ctx.state, session);
  archives.set(ctx.state, [session], { ...archive, moved: 1 });
  rowsToDrop.set(ctx.state, [session], 0);
  ctx.emit(archiveMoved, { session, job });
}

/**
 * Locks another term. What the last one locked for sessions that nobody was paid for goes back
 * first; what is ahead of it stays, for whoever takes a free place.
 */
function renewTerm(ctx: BlockContext, session: bigint, jobId: Uint8Array, job: Job): void {
  const { state } = ctx;
  const ahead = Number(lastOfTerm(job) - ctx.session.number);
  const surplus = job.escrow - escrowFor({ ...job, sessions: ahead });
  const { termSessions } = archiveParamsOf(state);
  const added = escrowFor({ ...job, sessions: termSessions });
  const available = archiveFunds(state) + surplus;
  if (available < added) {
    ctx.emit(archiveUnfunded, { session, needed: added, available });
    return;
  }
  transfer(state, ESCROW, ARCHIVE, surplus);
  transfer(state, ARCHIVE, ESCROW, added);
  const escrow = job.escrow - surplus + added;
  const sessions = job.sessions + termSessions;
  jobs.set(state, [jobId], { ...job, sessions, escrow, refunded: job.refunded + surplus });
  ctx.emit(jobRenewed, { job: jobId, sessions, escrow });
}

/** The term was not renewed, or nobody has the file any more. Rows that are still here wait anew. */
function endArchive(ctx: BlockContext, session: bigint, jobId: Uint8Array): void {
  const { state } = ctx;
  forgetCalls(state, session);
  archiveVacant.delete(state, session);
  archivedSession.delete(state, jobId);
  const isMoved = archives.need(state, session).moved === 1;
  if (!isMoved) {
    archives.delete(state, session);
    archiveWaiting.set(state, [session], 0);
  }
  const outcome = isMoved ? JOB_STATE.completed : JOB_STATE.cancelled;
  endJob(ctx, jobId, outcome, isMoved ? 'no partner goes on with it' : 'too few partners took it');
}
