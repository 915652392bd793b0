/**
 * Contents of jobs that the books do not know: a crash between two steps left them, or the books
 * were lost. What the chain says that we keep is kept, and taken into the books again.
 */
import { fromHex, type Signer } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { AGREEMENT_STATE, jobQuery } from '@palisade/market/schema';
import { agreementOf } from './agreements/check-voucher.ts';
import type { Network } from './network.ts';
import { NOTHING_YET } from './records/agreement.ts';
import type { AgreementBook } from './records/agreement-book.ts';
import type { ContentStore } from './storage/index.ts';

export type RecoverOptions = {
  readonly network: Network;
  readonly signer: Signer;
  readonly store: ContentStore;
  readonly book: AgreementBook;
  readonly log: Logger;
};

/** Asks the chain about each such job: takes it into the books, or lets its content go. */
export async function recoverStrays({ store, book, ...rest }: RecoverOptions): Promise<void> {
  for (const { contentId, jobs } of store.list())
    for (const id of jobs) {
      const job = fromHex(id);
      if (book.get(id) || (await takeBack(job, { store, book, ...rest }))) continue;
      await store.release(contentId, job);
      rest.log.info('a content that no agreement needs was released', { job, contentId });
    }
}

async function takeBack(job: Uint8Array, options: RecoverOptions): Promise<boolean> {
  const { network, signer, book, log } = options;
  const view = await network.find(jobQuery, { id: job });
  const mine = view && agreementOf(view, signer.id);
  if (mine?.state !== AGREEMENT_STATE.active) return false;
  await book.update(job, () => ({
    ...NOTHING_YET,
    job,
    client: view!.job.client,
    contentId: view!.job.subject,
    size: view!.job.size,
    state: 'active',
    sinceMs: 0n,
    sequence: mine.sequence,
    rate: mine.rate,
    sessions: mine.sessions,
    filedSequence: mine.sequence,
    filedRate: mine.rate,
    firstSession: mine.firstSession,
    lastSession: mine.lastSession,
  }));
  log.warn('an agreement was missing in the books and is taken from the chain', { job });
  return true;
}
