/**
 * Who keeps a payout file. With a session's randomness, partners are drawn from the audits that were
 * answered in the session before: who kept more for clients is drawn more often, and to be
 * many costs as much as to be large. A draw lasts until the next one; who did not take the file by
 * then is passed over once.
 */
import { type BlockContext, nodeKeys, type State } from '@palisade/chain';
import { compareBytes, concat, equalBytes, type KeyValueReader } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { agreements, isOpen, type Job, jobs } from '../job.ts';
import { type PayoutRow, payoutRows } from '../payout.ts';
import { lastOfTerm } from '../rules/terms.ts';
import { cannotTake } from '../standing/limits.ts';
import { standingParamsOf } from '../standing/notes.ts';
import { takerOf } from '../standing/takers.ts';
import { archiveCalled } from './events.ts';
import { archiveCalls, archives, archiveVacant } from './records.ts';

/** Rows that are looked at for one place: neighbours of a point that nobody could foresee. */
const MOST_LOOKS = 32;
/** No partner's key comes before it. */
const FIRST = new Uint8Array(32);

/** In the block that fixes a session's randomness: draws partners for all free places. */
export function drawKeepers(ctx: BlockContext): void {
  if (ctx.session.randomnessHeight !== ctx.height) return;
  for (const [[session]] of [...archiveVacant.list(ctx.state)]) drawFor(ctx, session);
}

function drawFor(ctx: BlockContext, session: bigint): void {
  const { state } = ctx;
  const archive = archives.need(state, session);
  const before = archive.called;
  forgetCalls(state, session);
  const job = jobs.need(state, archive.job);
  const wanted = job.partners - job.active;
  if (!isOpen(job) || wanted === 0) {
    archiveVacant.delete(state, session);
    return;
  }
  const called: Uint8Array[] = [];
  for (let place = 0; place < wanted; place++) {
    const found = findKeeper(ctx, archive.job, job, place, [...before, ...called]);
    if (found) called.push(found);
  }
  if (called.length === 0) return;
  for (const partner of called) archiveCalls.set(state, [partner, session], 0);
  archives.set(state, [session], { ...archive, called });
  ctx.emit(archiveCalled, { session, job: archive.job, partners: called });
}

/** Ends the draw for a file: nobody may start on it any more. */
export function forgetCalls(state: State, session: bigint): void {
  const archive = archives.need(state, session);
  for (const partner of archive.called) archiveCalls.delete(state, partner, session);
  archives.set(state, [session], { ...archive, called: [] });
}

function findKeeper(
  ctx: BlockContext,
  jobId: Uint8Array,
  job: Job,
  place: number,
  passedOver: readonly Uint8Array[],
): Uint8Array | undefined {
  const point = sha256(concat(ctx.session.randomness, jobId, Uint8Array.of(place)));
  let looks = 0;
  for (const { partner, answerHeight } of rowsFrom(ctx.state, ctx.session.number - 1n, point)) {
    if (looks++ === MOST_LOOKS) return undefined;
    if (answerHeight === 0n || passedOver.some((other) => equalBytes(other, partner))) continue;
    if (canKeep(ctx, jobId, job, partner)) return partner;
  }
  return undefined;
}

/** The rows of a session from a point on, and around to it. */
function* rowsFrom(
  state: KeyValueReader,
  session: bigint,
  point: Uint8Array,
): Generator<PayoutRow> {
  for (const [, row] of payoutRows.listAfter(state, [session, point, FIRST], session)) yield row;
  for (const [[, job], row] of payoutRows.list(state, session)) {
    if (compareBytes(job, point) > 0) return;
    yield row;
  }
}

/** Whether a partner could start on a job for what is left of its term. */
function canKeep(
  { state, session }: BlockContext,
  jobId: Uint8Array,
  job: Job,
  partner: Uint8Array,
): boolean {
  if (agreements.has(state, jobId, partner) || nodeKeys.need(state, partner).revoked === 1)
    return false;
  const sessions = lastOfTerm(job) - session.number;
  const load = { agreements: 1, value: sessions * job.maxRate };
  const taker = takerOf(state, partner, session.number);
  return sessions > 0n && cannotTake(taker, load, standingParamsOf(state)) === undefined;
}
