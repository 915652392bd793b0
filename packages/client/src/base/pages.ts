/** Lists that come in pages, whole. */
import { MAX_PAGE, type QueryDeclaration } from '@palisade/chain/schema';
import {
  areRowsOf,
  type Job,
  jobsOfQuery,
  type PayoutRow,
  type PayoutSummary,
  payoutQuery,
} from '@palisade/market/schema';
import { clientError } from './errors.ts';

/** A session's payout file, whole. */
export type Payout = Omit<PayoutSummary, 'rows'> & {
  readonly session: bigint;
  readonly rows: readonly PayoutRow[];
};

/** Asks a query; undefined where there is no such thing. */
type Find = <P, R>(declaration: QueryDeclaration<P, R>, params: P) => Promise<R | undefined>;

const ZERO = new Uint8Array(32);

export async function allJobsOf(
  find: Find,
  client: Uint8Array,
): Promise<readonly { readonly id: Uint8Array; readonly job: Job }[]> {
  const all: { id: Uint8Array; job: Job }[] = [];
  for (let after = ZERO; ; ) {
    const page = (await find(jobsOfQuery, { client, after }))?.jobs ?? [];
    all.push(...page);
    if (page.length < MAX_PAGE) return all;
    after = Uint8Array.from(page.at(-1)!.id);
  }
}

/**
 * A page holds whole jobs; an empty one says that there are no more.
 * @throws PalisadeError `client/bad-answer` when the rows are not those of the session's record
 */
export async function wholePayout(find: Find, session: bigint): Promise<Payout | undefined> {
  const rows: PayoutRow[] = [];
  for (let after = ZERO; ; ) {
    const page = await find(payoutQuery, { session, after });
    if (!page) return undefined;
    rows.push(...page.rows);
    const last = page.rows.at(-1);
    // A record says how many rows there are: nobody is read from for longer.
    if (last && rows.length <= page.summary.rows) after = Uint8Array.from(last.job);
    else if (areRowsOf(rows, page.summary)) return { session, ...page.summary, rows };
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
