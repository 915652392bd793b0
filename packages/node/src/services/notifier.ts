/**
 * A validator's streams to partners (P2V-2, P2V-4): jobs that fit them, matches that they are in.
 * Two validators answer for each partner in a session and tell it within `NOTICE_MS`; the others tell
 * whoever listens to them, after that. Partners acknowledge; what they sign is kept.
 */
import { equalBytes, isRefusal, type Refusal, refuse, toBinaryString, toHex } from '@palisade/core';
import { jobs, match, misfitOf, NOTICE_MS, notice, noticeAck } from '@palisade/market';
import { dutyOf } from './duty.ts';
import { type MatchWords, openFromPartner, type Pool } from './pool.ts';
import { Told } from './told.ts';
import type { Validator } from './validator.ts';

/** Streams of notices at one validator: a whole board of partners, when the other validators are down. */
const MAX_SUBSCRIBERS = 10_000;
/** Jobs that a partner is told of when it begins to listen: those still open, newest first. */
const MAX_OPEN_NOTICES = 256;

type Subscriber = {
  readonly send: (kind: 'notice' | 'match', message: Uint8Array) => void;
  /** Whether it was told of the open jobs since it takes work. */
  isGreeted: boolean;
};

/** What telling partners of jobs needs. */
export type NotifierPool = Pick<
  Pool,
  'application' | 'board' | 'discipline' | 'evidence' | 'metrics' | 'nowMs' | 'openJobs'
>;

export class Notifier {
  /** Whom this validator answers for in the running session. */
  readonly duty: () => (partner: Uint8Array) => boolean;
  private readonly pool: NotifierPool;
  private readonly self: Validator;
  /** By partner: one that has lost its connection may have a new one before the old is gone. */
  private readonly subscribers = new Map<string, Set<Subscriber>>();
  private count = 0;
  private readonly told = new Told();

  constructor(pool: NotifierPool, self: Validator) {
    this.pool = pool;
    this.self = self;
    this.duty = dutyOf(pool, self);
  }

  get streams(): number {
    return this.count;
  }

  /** Opens a partner's stream; open jobs are told at once. Answers how to end it. */
  async subscribe(partner: Uint8Array, send: Subscriber['send']): Promise<(() => void) | Refusal> {
    const elsewhere = this.self.redirect();
    if (elsewhere) return elsewhere;
    if (this.count >= MAX_SUBSCRIBERS)
      return refuse(
        'market/too-many-subscribers',
        `${this.self.name} serves ${MAX_SUBSCRIBERS} partners already.`,
        { retry: 'later', next: 'Subscribe at another validator.' },
      );
    const subscriber = { send, isGreeted: false };
    const end = this.keep(toBinaryString(partner), subscriber);
    this.pool.board.touch(partner, this.pool.nowMs());
    await this.greet(partner);
    return end;
  }

  private keep(key: string, subscriber: Subscriber): () => void {
    const streams = this.subscribers.get(key) ?? new Set();
    this.subscribers.set(key, streams.add(subscriber));
    this.count++;
    return () => {
      if (!streams.delete(subscriber)) return;
      this.count--;
      if (streams.size === 0) this.subscribers.delete(key);
    };
  }

  private listening(partner: Uint8Array): ReadonlySet<Subscriber> | undefined {
    return this.subscribers.get(toBinaryString(partner));
  }

  /** Tells a partner that listens, and takes work now, of the jobs that are open. */
  async greet(partner: Uint8Array): Promise<void> {
    const takes = this.pool.board.find(partner, this.pool.nowMs())?.value.accepting === 1;
    for (const one of [...(this.listening(partner) ?? [])]) {
      const isNew = takes && !one.isGreeted;
      one.isGreeted = takes;
      if (!isNew) continue;
      for (const message of await this.openNotices(partner)) one.send('notice', message);
    }
  }

  /** Notices of the open jobs that fit a partner, the oldest of the newest first. */
  async openNotices(partner: Uint8Array, most = MAX_OPEN_NOTICES): Promise<readonly Uint8Array[]> {
    const { application, board, nowMs, openJobs } = this.pool;
    const entry = board.find(partner, nowMs());
    if (entry?.value.accepting !== 1 || this.isSilenced(partner)) return [];
    const fitting = openJobs().filter(({ job }) => {
      const record = jobs.get(application.committed, job);
      return record && misfitOf(record, entry.value) === undefined;
    });
    return Promise.all(
      fitting.slice(-most).map(({ job, envelope }) => this.noticeOf(job, envelope)),
    );
  }

  /** NOTIFY (P2V-2): tells the partners that listen and that a job fits; those it answers for first. */
  async notify(job: Uint8Array, envelope: Uint8Array): Promise<void> {
    const { application, board, metrics, nowMs } = this.pool;
    const record = jobs.get(application.committed, job);
    if (!record) return;
    const fitting = board
      .fitting(record, nowMs())
      .map(({ nodeKey }) => nodeKey)
      .filter((partner) => this.listening(partner) && !this.isSilenced(partner));
    if (fitting.length === 0) return;
    const message = await this.noticeOf(job, envelope);
    const answersFor = this.duty();
    const mine = fitting.filter(answersFor);
    const others = fitting.filter((partner) => !answersFor(partner));
    for (const partner of [...mine, ...others]) {
      for (const { send } of this.listening(partner) ?? []) send('notice', message);
      this.told.note(job, partner, nowMs());
    }
    metrics.count('notices_total', { duty: 'responsible' }, mine.length);
    metrics.count('notices_total', { duty: 'other' }, others.length);
  }

  private isSilenced(partner: Uint8Array): boolean {
    return this.pool.discipline.refusal(partner, this.pool.nowMs()) !== undefined;
  }

  private noticeOf(job: Uint8Array, envelope: Uint8Array): Promise<Uint8Array> {
    const height = jobs.get(this.pool.application.committed, job)?.height ?? 0n;
    return this.self.sign(notice, { job, height, request: envelope });
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
    const toldMs = this.told.take(job, partner);
    if (toldMs !== undefined) {
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
    const listening = this.listening(words.partner);
    if (!listening) return;
    const message = await this.self.sign(match, words);
    for (const { send } of listening) send('match', message);
  }
}
