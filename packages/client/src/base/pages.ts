/** Lists that come in pages, whole. */
import { MAX_PAGE, type QueryDeclaration } from '@palisade/chain/schema';
import { type Job, jobsOfQuery, type PayoutRow, payoutQuery } from '@palisade/market/schema';

/** A session's payout file, whole. */
export type Payout = {
  readonly session: bigint;
  readonly root: Uint8Array;
  readonly total: bigint;
  readonly height: bigint;
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

/** A page holds whole jobs; an empty one says that there are no more. */
export async function wholePayout(find: Find, session: bigint): Promise<Payout | undefined> {
  const rows: PayoutRow[] = [];
  for (let after = ZERO; ; ) {
    const page = await find(payoutQuery, { session, after });
    if (!page) return undefined;
    rows.push(...page.rows);
    const last = page.rows.at(-1);
    const { root, total, height } = page.summary;
    if (!last) return { session, root, total, height, rows };
    after = Uint8Array.from(last.job);
  }
}
