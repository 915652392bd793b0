/** Where client and partner are brought together (P2V-4). */
import { equalBytes, isRefusal, type Refusal, refuse, toHex } from '@palisade/core';
import { accept, jobs, match, offer } from '@palisade/market';
import { openMessage, type Pool } from './pool.ts';
import type { Validator } from './validator.ts';

export class Matchmaker {
  private readonly pool: Pool;
  private readonly self: Validator;

  constructor(pool: Pool, self: Validator) {
    this.pool = pool;
    this.self = self;
  }

  /** MATCH (P2V-4): the client takes up an offer; both sides get the same word. */
  async match(bytes: Uint8Array): Promise<{ readonly match: Uint8Array } | Refusal> {
    const { application, board } = this.pool;
    const opened = openMessage(bytes, accept, application.domain);
    if (isRefusal(opened)) return opened;
    const { job, partner, rate } = opened.value;
    const record = jobs.get(application.committed, job);
    if (!record || !equalBytes(record.client, opened.sender))
      return refuse('market/not-the-client', `Job ${toHex(job)} is not one of yours.`);
    const offered = board.offerOf(job, partner);
    const offerOpened = offered && openMessage(offered, offer, application.domain);
    if (!offerOpened || isRefusal(offerOpened) || offerOpened.value.rate !== rate)
      return refuse('market/no-such-offer', 'This partner has made no such offer for the job.', {
        retry: 'later',
        next: 'Read the offers again.',
      });
    const words = {
      job,
      client: opened.sender,
      partner,
      rate,
      ready: board.find(partner, this.pool.nowMs())?.envelope ?? offerOpened.value.ready,
    };
    await this.pool.tellMatch(words);
    return { match: await this.self.sign(match, words) };
  }
}
