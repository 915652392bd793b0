/** Fetching: from a job, or a share of it, to the file that was stored. */
import type { JobView } from '@palisade/market/schema';
import { clientError } from '../base/errors.ts';
import {
  type FileKey,
  formatShare,
  type OpenedFile,
  openFrom,
  parseShare,
} from '../content/index.ts';
import { type JobContext, needJob } from './context.ts';
import { openStored, type SourceOptions } from './sources.ts';

export type GetOptions = SourceOptions & {
  /** Opens the file; by default the account's own key. */
  readonly key?: FileKey;
  /** Byte of the file to begin with: a download goes on where it stopped. */
  readonly from?: number;
};

export type Got = OpenedFile & { readonly view: JobView };

/**
 * Opens the file of a job. Bytes come out only after their group matched the content id that the
 * chain has, and their seal was good; only the normal end of the bytes says that all are there.
 * @throws PalisadeError `client/no-such-job`, `client/no-source`; as `openFrom` for the format
 */
export async function get(
  context: JobContext,
  job: Uint8Array,
  { key, from = 0, ...options }: GetOptions = {},
): Promise<Got> {
  const view = await needJob(context, job);
  const stored = await openStored(context, view, options);
  const used = key ?? { ownerSecret: context.account.ownerSecret };
  const file = await openFrom((offset) => stored.read(offset), used, from);
  return { ...file, view };
}

/**
 * The string that opens this one file for whoever has it.
 * @throws PalisadeError `client/not-sealed` for a public file, which needs no key
 */
export async function share(context: JobContext, job: Uint8Array): Promise<string> {
  const file = await get(context, job);
  await file.close();
  if (file.contentKey) return formatShare({ jobId: job, contentKey: file.contentKey });
  throw clientError('client/not-sealed', 'This file is public: its job id is all that it takes.', {
    next: 'Give the job id instead.',
  });
}

/** Opens the file of a share string. @throws PalisadeError `content/bad-share`; as `get` */
export function getShared(
  context: JobContext,
  text: string,
  options: Omit<GetOptions, 'key'> = {},
): Promise<Got> {
  const { jobId, contentKey } = parseShare(text);
  return get(context, jobId, { ...options, key: { contentKey } });
}
