/**
 * A session's payout file as bytes, wherever it lies: at validators while they keep its rows, at the
 * partners of the archive after that (spec/market.md, "Archive"). The session's record says which bytes
 * they are, so nobody needs to be believed.
 */
import type { QueryDeclaration } from '@palisade/chain/schema';
import { type Domain, equalBytes, PalisadeError, toHex } from '@palisade/core';
import {
  AGREEMENT_STATE,
  jobQuery,
  type PayoutSummary,
  payoutFileSize,
  payoutQuery,
  readPayoutFile,
} from '@palisade/market/schema';
import { clientError } from './errors.ts';
import { requestBytes } from './http.ts';
import { readyPartners } from './partners.ts';
import type { ReachContext } from './reach.ts';

/** Asks a query; undefined where there is no such thing. */
export type Find = <P, R>(declaration: QueryDeclaration<P, R>, params: P) => Promise<R | undefined>;

/** Time for one copy: 14 MB for a hundred thousand rows, over a slow line. */
const COPY_TIMEOUT_MS = 60_000;
/** No job comes before it, and where there is no job. */
const ZERO = new Uint8Array(32);

export type PayoutSources = {
  readonly context: ReachContext;
  readonly find: Find;
  readonly domain: () => Promise<Domain>;
};

/**
 * The file of a session that is over; undefined where there is none.
 * @throws PalisadeError `client/no-source` when nobody who should have it gives it
 */
export async function payoutFile(
  sources: PayoutSources,
  session: bigint,
): Promise<Uint8Array | undefined> {
  const page = await sources.find(payoutQuery, { session, after: ZERO });
  if (!page) return undefined;
  const { summary, archive } = page;
  return isMoved(page)
    ? movedFile(sources, summary, archive)
    : firstGood(sources.context, summary, fromValidators(sources, session));
}

/** Whether a first page says that partners have the rows, and validators none of them any more. */
export function isMoved({ summary, archive, rows }: FirstPage): boolean {
  return rows.length === 0 && summary.rows > 0 && !equalBytes(archive, ZERO);
}

type FirstPage = {
  readonly summary: PayoutSummary;
  readonly archive: Uint8Array;
  readonly rows: readonly unknown[];
};

/** The file of a session, from those who keep it for the archive. @param job the archive's */
export async function movedFile(
  sources: PayoutSources,
  summary: PayoutSummary,
  job: Uint8Array,
): Promise<Uint8Array> {
  const { context, find, domain } = sources;
  const view = await find(jobQuery, { id: job });
  const records = await readyPartners(context, await domain());
  const urls = new Map(records.map(({ nodeKey, url }) => [toHex(nodeKey), url]));
  const lines = (view?.agreements ?? []).toSorted((a, b) => rank(a.agreement) - rank(b.agreement));
  const copies = lines.flatMap(({ partner }) => {
    const url = urls.get(toHex(partner));
    return url ? [`${url}/v1/content/${toHex(summary.content)}`] : [];
  });
  return firstGood(context, summary, copies);
}

/** Those that are paid for it now come before those whose time is over. */
function rank({ state }: { readonly state: number }): number {
  return state === AGREEMENT_STATE.active ? 0 : 1;
}

function fromValidators({ context }: PayoutSources, session: bigint): readonly string[] {
  return context.directory.list().map(({ url }) => `${url}/v1/payout-files/${session}`);
}

async function firstGood(
  { env }: ReachContext,
  summary: PayoutSummary,
  copies: readonly string[],
): Promise<Uint8Array> {
  const reasons: string[] = [];
  const maxBytes = payoutFileSize(summary.rows);
  for (const url of copies)
    try {
      const bytes = await requestBytes(env, { url, maxBytes, timeoutMs: COPY_TIMEOUT_MS });
      readPayoutFile(bytes, summary);
      return bytes;
    } catch (error) {
      if (!(error instanceof PalisadeError)) throw error;
      reasons.push(`${url}: ${error.message}`);
    }
  throw clientError(
    'client/no-source',
    `Nobody gives the payout file with content id ${toHex(summary.content)}. The last: ${reasons.at(-1) ?? 'nobody who has it is to be found'}`,
    { retry: 'later', next: 'Ask again later: partners come back.', data: { tried: reasons } },
  );
}
