import { params as chainParams, formatAmount, handle, type TxContext } from '@palisade/chain';
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
  type ValueOf,
} from '@palisade/core';
import { putAgreement } from '../agreement.ts';
import { cannotJoin } from '../archive/join.ts';
import { agreementIsEnding, agreementIsOver, jobIsOver, noSuchJob } from '../errors.ts';
import { agreementExtended, agreementStarted } from '../events.ts';
import {
  AGREEMENT_STATE,
  type Agreement,
  agreements,
  agreementsOf,
  isOfArchive,
  isOpen,
  JOB_STATE,
  type Job,
  jobs,
} from '../job.ts';
import { rateVoucher } from '../messages/voucher.ts';
import { params } from '../params.ts';
import { newlyBound } from '../rules/bound.ts';
import { mayNotTake } from '../standing/takers.ts';

/**
 * START (P2V-5), co-signed: the partner signs the transaction, the client the voucher in it. A
 * voucher of a higher sequence for a running agreement prolongs it. A job of the archive has no client
 * that could sign: its draw and its terms stand for the voucher (spec/market.md, "Archive").
 */
export const start = command({
  name: 'market.start',
  title: 'Start or prolong an agreement',
  doc: 'A partner holds the content, or begins to serve, and files the voucher that its client signed.',
  signer: 'node',
  fields: {
    job: bytes32,
    sequence: u32.is('Of the voucher'),
    rate: u128.is('Base units per session'),
    sessions: u32.is('Sessions in all'),
    clientSignature: signature65.is(
      "The client's, over market.rate-voucher; for a job of the archive anything",
    ),
  },
});

type Start = {
  readonly job: Uint8Array;
  readonly sequence: number;
  readonly rate: bigint;
  readonly sessions: number;
};

/** The agreement as it is with this voucher in force. */
function agreed(ctx: TxContext, value: Start, old: Agreement | undefined): Agreement {
  const { sequence, rate, sessions } = value;
  const firstSession = old?.firstSession ?? firstSessionOf(ctx);
  const terms = {
    sequence,
    rate,
    sessions,
    firstSession,
    lastSession: firstSession + BigInt(sessions) - 1n,
  };
  return { ...(old ?? fresh(ctx.height)), ...terms };
}

/** A start that comes late in a session counts from the next one. */
function firstSessionOf({ state, session, timeMs }: TxContext): bigint {
  const left = session.startMs + chainParams.need(state).sessionMs - timeMs;
  return left >= params.need(state).leastAuditMs ? session.number : session.number + 1n;
}

function fresh(startHeight: bigint) {
  return {
    startHeight,
    state: AGREEMENT_STATE.active,
    answered: 0,
    missed: 0,
    missedInRow: 0,
    final: 0,
    usageSequence: 0,
    units: 0n,
    vouched: 0n,
    equivocated: 0,
    paid: 0n,
    endHeight: 0n,
  };
}

function checkTerms(job: Job, value: Start, old: Agreement | undefined): Refusal | undefined {
  if (value.rate > job.maxRate)
    return refuse(
      'market/rate-too-high',
      `The voucher names ${formatAmount(value.rate)} per session; the job allows ${formatAmount(job.maxRate)}.`,
    );
  if (value.sessions < 1 || value.sessions > job.sessions)
    return refuse(
      'market/bad-term',
      `The voucher names ${value.sessions} sessions; the job has ${job.sessions}.`,
    );
  if (!old && job.active >= job.partners)
    return refuse('market/job-full', `The job has all of its ${job.partners} partners.`);
  if (old && old.state !== AGREEMENT_STATE.active) return agreementIsOver();
  if (old?.final === 1) return agreementIsEnding(old.lastSession);
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

function checkSignature(
  { clientSignature, ...value }: ValueOf<typeof start>,
  { client }: Job,
  partner: Uint8Array,
  domain: Domain,
): Refusal | undefined {
  const { job, sequence, rate, sessions } = value;
  const voucher = { job, partner, sequence, rate, sessions };
  if (isSignedBy(digestOf(rateVoucher, voucher, domain), clientSignature, client)) return undefined;
  return refuse(
    'market/voucher-not-signed',
    `The voucher is not signed by the client ${toHex(client)}.`,
  );
}

export function startHandler(domain: Domain) {
  return handle(start, {
    verify(ctx, value) {
      const partner = ctx.sender.nodeKey!;
      const job = jobs.get(ctx.state, value.job);
      if (!job) return noSuchJob(value.job);
      if (!isOpen(job)) return jobIsOver(value.job, job.reason);
      const old = agreements.get(ctx.state, value.job, partner);
      const refusal = checkTerms(job, value, old);
      if (refusal) return refusal;
      const after = agreed(ctx, value, old);
      const unwanted = isOfArchive(job)
        ? cannotJoin(ctx, value.job, job, after)
        : checkSignature(value, job, partner, domain);
      if (unwanted) return unwanted;
      const bound = newlyBound(job, after, old, ctx.session.number);
      if (job.committed + bound > job.escrow)
        return refuse(
          'market/escrow-too-small',
          `The escrow has ${formatAmount(job.escrow - job.committed)} unbound; the voucher needs ${formatAmount(bound)}.`,
          {
            next: 'The client can renew the job with more escrow.',
          },
        );
      return mayNotTake(ctx, { agreements: old ? 0 : 1, value: bound });
    },
    apply(ctx, value) {
      const partner = ctx.sender.nodeKey!;
      const old = agreements.get(ctx.state, value.job, partner);
      const agreement = agreed(ctx, value, old);
      putAgreement(ctx, value.job, partner, agreement);
      const { sequence, rate, firstSession, lastSession } = agreement;
      if (old) {
        ctx.emit(agreementExtended, { job: value.job, partner, sequence, rate, lastSession });
        return;
      }
      agreementsOf.set(ctx.state, [partner, value.job], 0);
      const job = jobs.need(ctx.state, value.job);
      const active = job.active + 1;
      jobs.set(ctx.state, [value.job], { ...job, state: JOB_STATE.started, active });
      ctx.emit(agreementStarted, { job: value.job, partner, rate, firstSession, lastSession });
    },
  });
}
