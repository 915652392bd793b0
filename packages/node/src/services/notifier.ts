/** A validator's streams to partners (P2V-2, P2V-4): jobs that they may want, matches that they are in. */
import { equalBytes, type Refusal, refuse } from '@palisade/core';
import { jobs, match, notice } from '@palisade/market';
import type { MatchWords, Pool } from './pool.ts';
import type { Validator } from './validator.ts';

/** Streams of notices at one validator: its share of 10 000 partners. */
const MAX_SUBSCRIBERS = 4000;
/** Jobs that a partner is told of when it subscribes: those still open, newest first. */
const MAX_OPEN_NOTICES = 256;

export type Subscriber = {
  readonly partner: Uint8Array;
  readonly send: (kind: 'notice' | 'match', message: Uint8Array) => void;
};

export class Notifier {
  private readonly pool: Pool;
  private readonly self: Validator;
  private readonly subscribers = new Set<Subscriber>();

  constructor(pool: Pool, self: Validator) {
    this.pool = pool;
    this.self = self;
  }

  /** Opens a partner's stream; open jobs are told at once. Answers how to end it. */
  async subscribe(partner: Uint8Array, send: Subscriber['send']): Promise<(() => void) | Refusal> {
    if (this.subscribers.size >= MAX_SUBSCRIBERS)
      return refuse(
        'market/too-many-subscribers',
        `${this.self.name} serves ${MAX_SUBSCRIBERS} partners already.`,
        { retry: 'later', next: 'Subscribe at another validator.' },
      );
    const subscriber = { partner, send };
    this.subscribers.add(subscriber);
    for (const { job, envelope } of this.pool.openJobs().slice(-MAX_OPEN_NOTICES))
      send('notice', await this.noticeOf(job, envelope));
    return () => this.subscribers.delete(subscriber);
  }

  /** NOTIFY (P2V-2): tells every subscribed partner of a job. */
  async notify(job: Uint8Array, envelope: Uint8Array): Promise<void> {
    if (this.subscribers.size === 0) return;
    const message = await this.noticeOf(job, envelope);
    for (const { send } of this.subscribers) send('notice', message);
  }

  private noticeOf(job: Uint8Array, envelope: Uint8Array): Promise<Uint8Array> {
    const height = jobs.get(this.pool.application.committed, job)?.height ?? 0n;
    return this.self.sign(notice, { job, height, request: envelope });
  }

  /** Tells a partner that listens here of its match, in this validator's own words. */
  async tellMatch(words: MatchWords): Promise<void> {
    const listening = [...this.subscribers].filter(({ partner }) =>
      equalBytes(partner, words.partner),
    );
    if (listening.length === 0) return;
    const message = await this.self.sign(match, words);
    for (const { send } of listening) send('match', message);
  }
}
