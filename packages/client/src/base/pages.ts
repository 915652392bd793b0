/** Lists that come in pages, whole. */
import { MAX_PAGE } from '@palisade/chain/schema';
import {
  areRowsOf,
  type Job,
  jobsOfQuery,
  type PayoutRow,
  type PayoutSummary,
  payoutQuery,
  readPayoutFile,
} from '@palisade/market/schema';
import { clientError } from './errors.ts';
import { type Find, isMoved } from './payout-file.ts';

/** A session's payout file, whole. */
export type Payout = Omit<PayoutSummary, 'rows'> & {
  readonly session: bigint;
  readonly rows: readonly PayoutRow[];
  /** The job under which partners keep it, once validators do not. */
  readonly archive?: Uint8Array;
};

const ZERO = new Uint8Array(32);

/** Rows of a list at most, some 500 bytes each: whoever answers must not fill the memory. */
const MAX_ROWS = 2 ** 20;

/**
 * All rows of a list: a page that is not full is the last.
 * @param ask for the rows after the last one that is known
 * @throws PalisadeError `client/bad-answer` when there is no end of them
 */
export async function allPages<T>(
  ask: (last: T | undefined) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const all: T[] = [];
  while (all.length <= MAX_ROWS) {
    const page = await ask(all.at(-1));
    all.push(...page);
    if (page.length < MAX_PAGE) return all;
  }
  throw clientError('client/bad-answer', `A list has more than ${MAX_ROWS} rows.`, {
    next: 'Ask another validator.',
  });
}

export function allJobsOf(
  find: Find,
  client: Uint8Array,
): Promise<readonly { readonly id: Uint8Array; readonly job: Job }[]> {
  return allPages(async (last: { readonly id: Uint8Array; readonly job: Job } | undefined) => {
    return (await find(jobsOfQuery, { client, after: last?.id ?? ZERO }))?.jobs ?? [];
  });
}

/** Gets a file that validators do not have any more, by the archive's job. */
type FetchMoved = (summary: PayoutSummary, job: Uint8Array) => Promise<Uint8Array>;

/**
 * A page holds whole jobs; an empty one says that there are no more, or that partners keep the file.
 * @throws PalisadeError `client/bad-answer` when the rows are not those of the session's record
 */
export async function wholePayout(
  find: Find,
  session: bigint,
  fetchMoved: FetchMoved,
): Promise<Payout | undefined> {
  const rows: PayoutRow[] = [];
  for (let after = ZERO; ; ) {
    const page = await find(payoutQuery, { session, after });
    if (!page) return undefined;
    const { summary, archive } = page;
    if (rows.length === 0 && isMoved(page)) {
      const moved = readPayoutFile(await fetchMoved(summary, archive), summary);
      return { session, ...summary, rows: moved, archive };
    }
    rows.push(...page.rows);
    const last = page.rows.at(-1);
    // A record says how many rows there are: nobody is read from for longer.
    if (last && rows.length <= summary.rows) after = Uint8Array.from(last.job);
    else if (areRowsOf(rows, summary)) return { session, ...summary, rows };
    else throw notTheRows(session);
  }
}

function notTheRows(session: bigint) {
  return clientError(
    'client/bad-answer',
    `The ${session}. session's rows do not add up to its root and content id.`,
    { retry: 'now', next: 'Ask again: another validator may answer.' },
  );
}
