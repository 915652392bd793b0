import { answer } from '@palisade/chain';
import { MAX_PAGE, query } from '@palisade/chain/schema';
import { address, bytes32, type Infer, list, record, u64 } from '@palisade/core';
import { agreementRecord, agreements, auditsDue, jobRecord, jobs } from './job.ts';
import { marketParams, params } from './params.ts';
import { payoutRow, payoutRows, payoutSummary, payouts } from './payout.ts';

export const jobView = record('JobView', {
  id: bytes32,
  job: jobRecord,
  agreements: list(
    record('AgreementView', { partner: bytes32, agreement: agreementRecord }),
    MAX_PAGE,
  ),
});
export type JobView = Infer<typeof jobView>;

export const jobQuery = query({
  name: 'market.job',
  doc: 'A job with its agreements.',
  params: record('JobQuery', { id: bytes32 }),
  result: jobView,
});

export const marketParamsQuery = query({
  name: 'market.params',
  doc: 'Limits of jobs, audits and terms.',
  params: record('MarketParamsQuery', {}),
  result: marketParams,
});

export const payoutQuery = query({
  name: 'market.payout',
  doc: 'The payout file of a session, a page of rows at a time.',
  params: record('PayoutQuery', {
    session: u64,
    after: bytes32.is('Job after which the page begins; zero for the first'),
  }),
  result: record('PayoutView', { summary: payoutSummary, rows: list(payoutRow, MAX_PAGE) }),
});

export const auditDueQuery = query({
  name: 'market.audit-due',
  doc: 'Audits of a partner that are due in a session and not answered yet.',
  params: record('AuditDueQuery', { session: u64, partner: bytes32 }),
  result: record('AuditDueView', { jobs: list(bytes32, MAX_PAGE) }),
});

export const jobsOfQuery = query({
  name: 'market.jobs-of',
  doc: 'Jobs of a client, a page at a time.',
  params: record('JobsOfQuery', {
    client: address,
    after: bytes32.is('Job after which the page begins; zero for the first'),
  }),
  result: record('JobsOfView', {
    jobs: list(record('JobOf', { id: bytes32, job: jobRecord }), MAX_PAGE),
  }),
});

function isAfter(id: Uint8Array, after: Uint8Array): boolean {
  for (let i = 0; i < id.length; i++) if (id[i] !== after[i]) return id[i]! > after[i]!;
  return after.every((byte) => byte === 0);
}

function* page<T>(items: Iterable<T>): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count++ === MAX_PAGE) return;
    yield item;
  }
}

function* where<T>(items: Iterable<T>, holds: (item: T) => boolean): Generator<T> {
  for (const item of items) if (holds(item)) yield item;
}

export const marketQueries = [
  answer(jobQuery, (state, { id }) => {
    const job = jobs.get(state, id);
    if (!job) return undefined;
    const lines = [...page(agreements.list(state, id))];
    return {
      id,
      job,
      agreements: lines.map(([[, partner], agreement]) => ({ partner, agreement })),
    };
  }),
  answer(marketParamsQuery, (state) => params.get(state)),
  answer(payoutQuery, (state, { session, after }) => {
    const summary = payouts.get(state, session);
    if (!summary) return undefined;
    const rows = where(payoutRows.list(state, session), ([[, job]]) => isAfter(job, after));
    return { summary, rows: [...page(rows)].map(([, row]) => row) };
  }),
  answer(auditDueQuery, (state, { session, partner }) => {
    const due = where(
      auditsDue.list(state, session),
      ([[, , who], answered]) => answered === 0n && who.every((byte, i) => byte === partner[i]),
    );
    return { jobs: [...page(due)].map(([[, job]]) => job) };
  }),
  answer(jobsOfQuery, (state, { client, after }) => {
    const mine = where(
      jobs.list(state),
      ([[id], job]) => isAfter(id, after) && job.client.every((byte, i) => byte === client[i]),
    );
    return { jobs: [...page(mine)].map(([[id], job]) => ({ id, job })) };
  }),
];
