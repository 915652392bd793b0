/** Where partners speak to a validator: that they are ready, and which jobs they want. */
import { equalBytes, isRefusal, type Refusal, refuse, toHex } from '@palisade/core';
import { jobs, offer, ready, readyAck, whyBarred } from '@palisade/market';
import { wantsPartners } from './partner-board.ts';
import { openFromPartner, openMessage, type Pool } from './pool.ts';
import type { Validator } from './validator.ts';

export class PartnerDesk {
  private readonly pool: Pool;
  private readonly self: Validator;

  constructor(pool: Pool, self: Validator) {
    this.pool = pool;
    this.self = self;
  }

  /** READY (P2V-1): puts a partner on the board, and says so: evidence, should jobs be kept from it. */
  async announce(bytes: Uint8Array): Promise<{ readonly acknowledgement: Uint8Array } | Refusal> {
    const opened = openFromPartner(bytes, ready, this.pool.application);
    if (isRefusal(opened)) return opened;
    const refusal = this.pool.board.announce(opened, bytes, this.pool.nowMs());
    if (refusal) return refusal;
    const { height, session } = this.self;
    const words = {
      ready: opened.id,
      partner: opened.sender,
      sequence: opened.value.sequence,
      session,
      height,
    };
    return { acknowledgement: await this.self.sign(readyAck, words) };
  }

  /** OFFER (P2V-3): a partner wants a job. */
  offer(bytes: Uint8Array): Refusal | undefined {
    const opened = openFromPartner(bytes, offer, this.pool.application);
    if (isRefusal(opened)) return opened;
    const { job, rate, ready: record, validUntilMs } = opened.value;
    const own = openMessage(record, ready, this.pool.application.domain);
    if (isRefusal(own)) return own;
    if (!equalBytes(own.sender, opened.sender))
      return refuse('market/foreign-ready', 'The offer carries the READY of another partner.');
    if (validUntilMs <= BigInt(this.pool.nowMs()))
      return refuse('market/offer-expired', 'This offer is not valid any more: check your clock.');
    if (!wantsPartners(this.pool.application.committed, job))
      return refuse('market/job-not-open', `Job ${toHex(job)} wants no more partners.`);
    const { maxRate, sessions } = jobs.need(this.pool.application.committed, job);
    if (rate > maxRate)
      return refuse(
        'market/rate-too-high',
        `The job pays at most ${maxRate} per session, not ${rate}.`,
      );
    // LOW_SCORE and its like (P2V-2.G3): better told now than after the upload.
    const load = { agreements: 1, value: rate * BigInt(sessions) };
    const barred = whyBarred(this.pool.application.committed, opened.sender, load);
    return barred ?? this.pool.board.offer(job, opened.sender, bytes);
  }
}
