import { answer } from '@palisade/chain';
import { MAX_PAGE, query } from '@palisade/chain/schema';
import {
  address,
  bytes32,
  equalBytes,
  type Infer,
  type KeyValueReader,
  list,
  record,
  u64,
} from '@palisade/core';
import { archives } from './archive/records.ts';
import {
  agreementRecord,
  agreements,
  agreementsOf,
  isInteractive,
  jobRecord,
  jobs,
  jobsOf,
  settlementsDue,
} from './job.ts';
import { marketParams, params } from './params.ts';
import { type PayoutRow, payoutRow, payoutRows, payoutSummary, payouts } from './payout.ts';

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
  doc: 'The payout file of a session, a page at a time; a job never spans two pages.',
  params: record('PayoutQuery', {
    session: u64,
    after: bytes32.is('Job after which the page begins; zero for the first'),
  }),
  result: record('PayoutView', {
    summary: payoutSummary,
    archive: bytes32.is('Job under which partners keep the file; zero without one'),
    rows: list(payoutRow, MAX_PAGE).is('None once partners have proven the file'),
  }),
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

function* page<T>(items: Iterable<T>): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count++ === MAX_PAGE) return;
    yield item;
  }
}

/** Rows after a job, whole jobs only: the next page goes on behind the last job of this one. */
function rowsPage(state: KeyValueReader, session: bigint, after: Uint8Array): PayoutRow[] {
  const rows: PayoutRow[] = [];
  let jobBegin = 0;
  for (const [[, job], row] of payoutRows.listAfter(state, [session, after, LAST], session)) {
    if (rows.length > 0 && !equalBytes(rows.at(-1)!.job, job)) jobBegin = rows.length;
    if (rows.length === MAX_PAGE) return rows.slice(0, jobBegin);
    rows.push(row);
  }
  return rows;
}

const NOBODY = new Uint8Array(32);
/** No partner's key comes after it. */
const LAST = new Uint8Array(32).fill(0xff);

function* unanswered(state: KeyValueReader, session: bigint, partner: Uint8Array) {
  for (const [[, job]] of agreementsOf.list(state, partner)) {
    const isDue = settlementsDue.get(state, session, job, partner) === 0n;
    if (isDue && !isInteractive(jobs.need(state, job))) yield job;
  }
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
    const { job = NOBODY, moved = 0 } = archives.get(state, session) ?? {};
    return { summary, archive: job, rows: moved === 1 ? [] : rowsPage(state, session, after) };
  }),
  answer(auditDueQuery, (state, { session, partner }) => ({
    jobs: [...page(unanswered(state, session, partner))],
  })),
  answer(jobsOfQuery, (state, { client, after }) => ({
    jobs: [...page(jobsOf.listAfter(state, [client, after], client))].map(([[, id]]) => ({
      id,
      job: jobs.need(state, id),
    })),
  })),
];
