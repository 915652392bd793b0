import { params as chainParams, handle, type TxContext } from '@palisade/chain';
import {
  bytes32,
  command,
  type Domain,
  digestOf,
  isSignedBy,
  type Refusal,
  refuse,
  signature65,
  toHex,
  u32,
  u128,
} from '@palisade/core';
import { jobIsOver, noSuchJob } from '../errors.ts';
import { agreementExtended, agreementStarted } from '../events.ts';
import {
  AGREEMENT_STATE,
  type Agreement,
  agreements,
  agreementsOf,
  auditsDue,
  JOB_STATE,
  type Job,
  jobs,
} from '../job.ts';
import { rateVoucher } from '../messages/voucher.ts';
import { params } from '../params.ts';
import { expose } from '../standing/notes.ts';
import { mayNotTake } from '../standing/takers.ts';

/**
 * START (P2V-5), co-signed: the partner signs the transaction, the client the voucher in it. A
 * voucher of a higher sequence for a running agreement prolongs it.
 */
export const start = command({
  name: 'market.start',
  title: 'Start or prolong an agreement',
  doc: 'A partner holds the content and files the voucher that its client signed.',
  signer: 'node',
  fields: {
    job: bytes32,
    sequence: u32.is('Of the voucher'),
    rate: u128.is('Base units per session'),
    sessions: u32.is('Sessions in all'),
    clientSignature: signature65.is("The client's, over market.rate-voucher"),
  },
});

type Start = {
  readonly job: Uint8Array;
  readonly sequence: number;
  readonly rate: bigint;
  readonly sessions: number;
};

/** Money that a voucher newly binds: what it may still earn, less what the old one might have. */
function newlyCommitted(ctx: TxContext, value: Start, old: Agreement | undefined): bigint {
  const all = BigInt(value.sessions) * value.rate;
  if (!old) return all;
  const { session } = ctx;
  const done = session.number > old.firstSession ? session.number - old.firstSession : 0n;
  const left = BigInt(value.sessions) - done;
  const oldLeft = old.lastSession - old.firstSession + 1n - done;
  return left * value.rate - oldLeft * old.rate;
}

function checkTerms(job: Job, value: Start, old: Agreement | undefined): Refusal | undefined {
  if (value.rate > job.maxRate)
    return refuse(
      'market/rate-too-high',
      `The voucher names ${value.rate} per session; the job allows ${job.maxRate}.`,
    );
  if (value.sessions < 1 || value.sessions > job.sessions)
    return refuse(
      'market/bad-term',
      `The voucher names ${value.sessions} sessions; the job has ${job.sessions}.`,
    );
  if (!old && job.active >= job.partners)
    return refuse('market/job-full', `The job has all of its ${job.partners} partners.`);
  if (old && old.state !== AGREEMENT_STATE.active)
    return refuse('market/agreement-over', 'This agreement has ended and cannot be prolonged.');
  if (old?.final === 1)
    return refuse(
      'market/agreement-ending',
      `Both sides have agreed that session ${old.lastSession} is the last one.`,
    );
  if (
    old &&
    (value.sequence <= old.sequence || value.sessions < old.sessions || value.rate < old.rate)
  )
    return refuse(
      'market/voucher-not-newer',
      `A voucher prolongs only with a sequence above ${old.sequence}, and never for less.`,
    );
  return undefined;
}

export function startHandler(domain: Domain) {
  return handle(start, {
    verify(ctx, value) {
      const partner = ctx.sender.nodeKey!;
      const job = jobs.get(ctx.state, value.job);
      if (!job) return noSuchJob(value.job);
      if (job.state === JOB_STATE.completed || job.state === JOB_STATE.cancelled)
        return jobIsOver(value.job, job.reason);
      const old = agreements.get(ctx.state, value.job, partner);
      const refusal = checkTerms(job, value, old);
      if (refusal) return refusal;
      const { clientSignature, sequence, rate, sessions } = value;
      const voucher = { job: value.job, partner, sequence, rate, sessions };
      if (!isSignedBy(digestOf(rateVoucher, voucher, domain), clientSignature, job.client))
        return refuse(
          'market/voucher-not-signed',
          `The voucher is not signed by the client ${toHex(job.client)}.`,
        );
      const bound = newlyCommitted(ctx, value, old);
      if (job.committed + bound > job.escrow)
        return refuse(
          'market/escrow-too-small',
          `The escrow has ${job.escrow - job.committed} unbound; the voucher needs ${bound}.`,
          {
            next: 'The client can renew the job with more escrow.',
          },
        );
      return mayNotTake(ctx, { agreements: old ? 0 : 1, value: bound });
    },
    apply(ctx, value) {
      const partner = ctx.sender.nodeKey!;
      const old = agreements.get(ctx.state, value.job, partner);
      const job = jobs.need(ctx.state, value.job);
      const bound = newlyCommitted(ctx, value, old);
      if (old) prolong(ctx, value, partner, old);
      else begin(ctx, value, partner);
      const active = old ? job.active : job.active + 1;
      const committed = job.committed + bound;
      jobs.set(ctx.state, [value.job], { ...job, state: JOB_STATE.started, active, committed });
      expose(ctx.state, partner, { agreements: old ? 0 : 1, value: bound });
    },
  });
}

function begin(ctx: TxContext, value: Start, partner: Uint8Array): void {
  const { state, session, height, timeMs } = ctx;
  const left = session.startMs + chainParams.need(state).sessionMs - timeMs;
  const inTime = left >= params.need(state).leastAuditMs;
  const firstSession = inTime ? session.number : session.number + 1n;
  const lastSession = firstSession + BigInt(value.sessions) - 1n;
  agreements.set(state, [value.job, partner], {
    sequence: value.sequence,
    rate: value.rate,
    sessions: value.sessions,
    firstSession,
    lastSession,
    startHeight: height,
    state: AGREEMENT_STATE.active,
    answered: 0,
    missed: 0,
    missedInRow: 0,
    final: 0,
    paid: 0n,
    endHeight: 0n,
  });
  auditsDue.set(state, [firstSession, value.job, partner], 0n);
  agreementsOf.set(state, [partner, value.job], 0);
  ctx.emit(agreementStarted, {
    job: value.job,
    partner,
    rate: value.rate,
    firstSession,
    lastSession,
  });
}

function prolong(ctx: TxContext, value: Start, partner: Uint8Array, old: Agreement): void {
  const lastSession = old.firstSession + BigInt(value.sessions) - 1n;
  const { sequence, rate, sessions } = value;
  agreements.set(ctx.state, [value.job, partner], {
    ...old,
    sequence,
    rate,
    sessions,
    lastSession,
  });
  ctx.emit(agreementExtended, { job: value.job, partner, sequence, rate, lastSession });
}
