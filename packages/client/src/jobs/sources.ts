/**
 * Where a stored content comes from: all its partners, any of which may fail at any byte. Every
 * group (1 MiB) is checked against the outline before anyone sees it; after a failure the next
 * partner goes on at the group where the last one stopped.
 */
import {
  GROUP_BYTES,
  groupCount,
  type Outline,
  openOutline,
  type PalisadeError,
  toHex,
} from '@palisade/core';
import { AGREEMENT_STATE, type JobView } from '@palisade/market/schema';
import { follow } from '../base/environment.ts';
import { asClientError, clientError } from '../base/errors.ts';
import { checkedGroups } from '../content/index.ts';
import type { JobContext } from './context.ts';
import { contentFrom, outlineBytes, type PartnerDoor } from './partner-api.ts';
import { doorOf } from './upload.ts';

const HASH_BYTES = 32;
/** Groups fetched ahead of the reader: the next is there when it is wanted, and 2 MiB is no burden. */
const GROUPS_AHEAD = 2;
/** Failures of one partner, without a good group between, after which it is not asked again. */
const MAX_FAILURES = 3;

export type SourceProgress = {
  /** A partner is read from, or is given up. */
  readonly partner: Uint8Array;
  readonly url: string;
  readonly error?: PalisadeError;
};

type Source = {
  readonly partner: Uint8Array;
  readonly url: string;
  failures: number;
};

/** A content that can be read from any group on, from whichever partner serves it. */
export type StoredContent = {
  readonly outline: Outline;
  /** Checked bytes from an offset on. */
  read(from: number): AsyncIterable<Uint8Array>;
};

export type SourceOptions = {
  readonly onSource?: (progress: SourceProgress) => void;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Finds a job's partners and the outline of its content.
 * @throws PalisadeError `client/no-source` when no partner with a valid address has a good outline
 */
export async function openStored(
  context: JobContext,
  view: JobView,
  options: SourceOptions = {},
): Promise<StoredContent> {
  const sources = await findSources(context, view);
  const outline = await fetchOutline(context, view, sources, options);
  const content = { context, view, outline, sources, options };
  return { outline, read: (from) => readFrom(content, from) };
}

/** Partners that run an agreement first, those whose term is over after them, each in any order. */
async function findSources({ chain }: JobContext, view: JobView): Promise<Source[]> {
  const records = await chain.partners();
  const urls = new Map(records.map(({ nodeKey, url }) => [toHex(nodeKey), url]));
  const { random } = chain.context.env;
  const found = view.agreements.flatMap(({ partner, agreement }) => {
    const url = urls.get(toHex(partner));
    const isOver = agreement.state !== AGREEMENT_STATE.active;
    return url ? [{ partner, url, failures: 0, rank: (isOver ? 1 : 0) + random() }] : [];
  });
  if (found.length > 0) return found.sort((a, b) => a.rank - b.rank);
  throw clientError(
    'client/no-source',
    `None of the ${view.agreements.length} partners of job ${toHex(view.id)} is to be found.`,
    { retry: 'later', next: 'Try again later: partners that come back announce themselves.' },
  );
}

async function fetchOutline(
  context: JobContext,
  { job }: JobView,
  sources: readonly Source[],
  options: SourceOptions,
): Promise<Outline> {
  const size = Number(job.size);
  const reasons: string[] = [];
  for (const source of sources) {
    const door = doorOf(context, source.url, options.signal);
    try {
      const roots = await outlineBytes(door, job.subject, groupCount(size) * HASH_BYTES);
      const outline = openOutline(job.subject, size, roots);
      if (outline) return outline;
      source.failures = MAX_FAILURES;
      reasons.push(`${source.url}: its outline is not that of the content`);
    } catch (thrown) {
      const error = asClientError(thrown, source.url);
      if (error.code === 'client/aborted') throw error;
      source.failures++;
      reasons.push(`${source.url}: ${error.message}`);
    }
  }
  throw noSource(job.subject, reasons);
}

type Content = {
  readonly context: JobContext;
  readonly view: JobView;
  readonly outline: Outline;
  readonly sources: readonly Source[];
  readonly options: SourceOptions;
};

async function* readFrom(content: Content, from: number): AsyncGenerator<Uint8Array> {
  const first = Math.floor(from / GROUP_BYTES);
  const life = follow(content.options.signal);
  let skip = from - first * GROUP_BYTES;
  const fetched = ahead(groups(content, first, life.signal), GROUPS_AHEAD, life.abort);
  try {
    for await (const group of fetched)
      for (const part of group) {
        if (skip < part.length) yield part.subarray(skip);
        skip = Math.max(0, skip - part.length);
      }
  } finally {
    life.abort();
    life.release();
  }
}

/** Groups from `index` on; changes the partner after any failure. */
async function* groups(
  { context, view, outline, sources, options }: Content,
  first: number,
  signal: AbortSignal,
): AsyncGenerator<readonly Uint8Array[]> {
  const contentId = view.job.subject;
  const total = groupCount(outline.size);
  const reasons: string[] = [];
  for (let index = first; index < total; ) {
    const source = [...sources].sort((a, b) => a.failures - b.failures)[0]!;
    if (source.failures >= MAX_FAILURES) throw noSource(contentId, reasons);
    options.onSource?.({ partner: source.partner, url: source.url });
    try {
      const bytes = contentOf(doorOf(context, source.url, signal), contentId, index * GROUP_BYTES);
      for await (const group of checkedGroups(outline, bytes, index)) {
        index++;
        yield group;
      }
    } catch (thrown) {
      const error = asClientError(thrown, source.url);
      if (error.code === 'client/aborted') throw error;
      // Who sends wrong bytes once is not asked again; who is slow or gone may come back.
      const isLie = error.code === 'content/group-mismatch' && error.data.received !== 0;
      source.failures = isLie ? MAX_FAILURES : source.failures + 1;
      reasons.push(`${source.url}: ${error.message}`);
      options.onSource?.({ partner: source.partner, url: source.url, error });
    }
  }
}

async function* contentOf(
  door: PartnerDoor,
  contentId: Uint8Array,
  from: number,
): AsyncGenerator<Uint8Array> {
  const stream = await contentFrom(door, contentId, from);
  try {
    yield* stream.bytes;
  } finally {
    stream.close();
  }
}

/** Reasons kept in an error: the last ones. */
const MAX_REASONS = 10;

function noSource(contentId: Uint8Array, reasons: readonly string[]): PalisadeError {
  return clientError(
    'client/no-source',
    `No partner serves content ${toHex(contentId)} any more. The last: ${reasons.at(-1)}`,
    {
      retry: 'later',
      next: 'Try again later; what has arrived is good.',
      data: { tried: reasons.slice(-MAX_REASONS) },
    },
  );
}

/** Runs a generator ahead of its reader by up to `most` values. */
async function* ahead<T>(
  source: AsyncGenerator<T>,
  most: number,
  stop: () => void,
): AsyncGenerator<T> {
  const waiting: Promise<IteratorResult<T>>[] = [];
  try {
    for (;;) {
      while (waiting.length < most) {
        const next = source.next();
        next.catch(() => {}); // whoever comes to this value sees the error
        waiting.push(next);
      }
      const value = await waiting.shift()!;
      if (value.done) return;
      yield value.value;
    }
  } finally {
    stop();
    await source.return(undefined).catch(() => {}); // it ends by the stop, whatever it was at
  }
}
