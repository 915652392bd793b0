/**
 * A validator's streams to partners (P2V-2, P2V-4): jobs that fit them, matches that they are in.
 * Two validators answer for each partner in a session and tell it within `NOTICE_MS`; the others tell
 * whoever listens to them, after that. Partners acknowledge; what they sign is kept.
 */
import { equalBytes, isRefusal, type Refusal, refuse, toBinaryString, toHex } from '@palisade/core';
import { jobs, match, misfitOf, NOTICE_MS, notice, noticeAck } from '@palisade/market';
import { dutyOf } from './duty.ts';
import { type MatchWords, openFromPartner, type Pool } from './pool.ts';
import type { Validator } from './validator.ts';

/** Streams of notices at one validator: 10 000 partners listen to four of ten validators each. */
const MAX_SUBSCRIBERS = 4000;
/** Jobs that a partner is told of when it begins to listen: those still open, newest first. */
const MAX_OPEN_NOTICES = 256;
/** Notices whose acknowledgement is timed: those of the last seconds, 100 bytes each. */
const MAX_TIMED = 10_000;

type Subscriber = {
  readonly partner: Uint8Array;
  readonly send: (kind: 'notice' | 'match', message: Uint8Array) => void;
  /** Whether it was told of the open jobs since it takes work. */
  isGreeted: boolean;
};

export class Notifier {
  /** Whether this validator answers for a partner in the running session. */
  readonly answersFor: (partner: Uint8Array) => boolean;
  private readonly pool: Pool;
  private readonly self: Validator;
  private readonly subscribers = new Set<Subscriber>();
  /** When a partner was told of a job, by both. */
  private readonly told = new Map<string, number>();

  constructor(pool: Pool, self: Validator) {
    this.pool = pool;
    this.self = self;
    this.answersFor = dutyOf(pool, self);
  }

  get streams(): number {
    return this.subscribers.size;
  }

  /** Opens a partner's stream; open jobs are told at once. Answers how to end it. */
  async subscribe(partner: Uint8Array, send: Subscriber['send']): Promise<(() => void) | Refusal> {
    const elsewhere = this.self.redirect();
    if (elsewhere) return elsewhere;
    if (this.subscribers.size >= MAX_SUBSCRIBERS)
      return refuse(
        'market/too-many-subscribers',
        `${this.self.name} serves ${MAX_SUBSCRIBERS} partners already.`,
        { retry: 'later', next: 'Subscribe at another validator.' },
      );
    const subscriber = { partner, send, isGreeted: false };
    this.subscribers.add(subscriber);
    this.pool.board.touch(partner, this.pool.nowMs());
    await this.greet(partner);
    return () => this.subscribers.delete(subscriber);
  }

  /** Tells a partner that listens, and takes work now, of the jobs that are open. */
  async greet(partner: Uint8Array): Promise<void> {
    const mine = [...this.subscribers].filter((one) => equalBytes(one.partner, partner));
    const takes = this.pool.board.find(partner, this.pool.nowMs())?.value.accepting === 1;
    for (const one of mine) {
      const isNew = takes && !one.isGreeted;
      one.isGreeted = takes;
      if (!isNew) continue;
      for (const message of await this.openNotices(partner)) one.send('notice', message);
    }
  }

  /** Notices of the open jobs that fit a partner, the oldest of the newest first. */
  async openNotices(partner: Uint8Array, most = MAX_OPEN_NOTICES): Promise<readonly Uint8Array[]> {
    const fitting = this.pool.openJobs().filter(({ job }) => this.fits(job, partner));
    return Promise.all(
      fitting.slice(-most).map(({ job, envelope }) => this.noticeOf(job, envelope)),
    );
  }

  /** NOTIFY (P2V-2): tells the partners that listen and that a job fits; those it answers for first. */
  async notify(job: Uint8Array, envelope: Uint8Array): Promise<void> {
    const fitting = [...this.subscribers].filter(({ partner }) => this.fits(job, partner));
    if (fitting.length === 0) return;
    const message = await this.noticeOf(job, envelope);
    const isMine = new Map(fitting.map((one) => [one, this.answersFor(one.partner)]));
    for (const one of fitting.sort((a, b) => Number(isMine.get(b)) - Number(isMine.get(a)))) {
      one.send('notice', message);
      this.noteTold(job, one.partner);
      const duty = isMine.get(one) ? 'responsible' : 'other';
      this.pool.metrics.count('notices_total', { duty });
    }
  }

  private fits(job: Uint8Array, partner: Uint8Array): boolean {
    const nowMs = this.pool.nowMs();
    const entry = this.pool.board.find(partner, nowMs);
    const record = jobs.get(this.pool.application.committed, job);
    if (!entry || !record || entry.value.accepting !== 1) return false;
    if (this.pool.discipline.refusal(partner, nowMs)) return false;
    return misfitOf(record, entry.value) === undefined;
  }

  private noticeOf(job: Uint8Array, envelope: Uint8Array): Promise<Uint8Array> {
    const height = jobs.get(this.pool.application.committed, job)?.height ?? 0n;
    return this.self.sign(notice, { job, height, request: envelope });
  }

  private noteTold(job: Uint8Array, partner: Uint8Array): void {
    for (const oldest of this.told.keys()) {
      if (this.told.size < MAX_TIMED) break;
      this.told.delete(oldest);
    }
    this.told.set(toBinaryString(job) + toBinaryString(partner), this.pool.nowMs());
  }

  /** A partner says that it was told: kept as evidence, and timed. */
  async acknowledged(bytes: Uint8Array): Promise<Refusal | undefined> {
    const { application, board, evidence, metrics, nowMs } = this.pool;
    const opened = openFromPartner(bytes, noticeAck, application);
    if (isRefusal(opened)) return opened;
    const { job, validator } = opened.value;
    const partner = opened.sender;
    if (!equalBytes(validator, this.self.nodeKey))
      return refuse('market/other-validator', `This thanks ${toHex(validator)}, not this one.`);
    if (!jobs.has(application.committed, job))
      return refuse('market/no-such-job', `There is no job ${toHex(job)}.`);
    board.touch(partner, nowMs());
    const key = toBinaryString(job) + toBinaryString(partner);
    const toldMs = this.told.get(key);
    if (toldMs !== undefined && this.told.delete(key)) {
      const ms = nowMs() - toldMs;
      board.noteRtt(partner, ms);
      metrics.count('notices_acknowledged_total', { in_time: ms <= NOTICE_MS ? 'yes' : 'no' });
    }
    await evidence.keep(this.self.session, { validator, partner, job }, bytes);
    return undefined;
  }

  /** What a partner signed when this validator told it of a job. */
  evidenceOf(job: Uint8Array, partner: Uint8Array): Uint8Array | undefined {
    const { nodeKey: validator, session } = this.self;
    return this.pool.evidence.find(session, { validator, partner, job });
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
