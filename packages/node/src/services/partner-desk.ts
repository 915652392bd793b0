/** Where partners speak to a validator: that they are ready or go, which jobs they want, what there is. */
import {
  type Declaration,
  equalBytes,
  isRefusal,
  type Opened,
  type Refusal,
  refuse,
  toHex,
} from '@palisade/core';
import {
  jobs,
  NOTICE_MS,
  offer,
  ready,
  readyAck,
  signOff,
  whyBarred,
  workAnswer,
  workQuery,
} from '@palisade/market';
import { gate } from './gate.ts';
import type { Notifier } from './notifier.ts';
import { wantsPartners } from './partner-board.ts';
import { openFromPartner, openMessage, type Pool, refuseStale } from './pool.ts';
import type { Validator } from './validator.ts';
import { whyNoWork } from './work.ts';

/** Work that one answer holds at most: as many jobs as a partner considers in a moment. */
const MAX_WORK = 32;
/** The least that a partner could take on. */
const ANY_LOAD = { agreements: 1, value: 0n };
/** Questions for work that are answered at once; then one in every `NOTICE_MS`. */
const WORK_BURST = 5;

export class PartnerDesk {
  private readonly pool: Pool;
  private readonly self: Validator;
  private readonly notifier: Notifier;
  private readonly mayAsk: (partner: Uint8Array) => boolean;

  constructor(pool: Pool, self: Validator, notifier: Notifier) {
    this.pool = pool;
    this.self = self;
    this.notifier = notifier;
    this.mayAsk = gate(NOTICE_MS, WORK_BURST, pool.nowMs);
  }

  /** Opens what a partner sends to an active validator that listens to it. */
  private hear<T>(bytes: Uint8Array, declaration: Declaration<T>): Opened<T> | Refusal {
    const elsewhere = this.self.redirect();
    if (elsewhere) return elsewhere;
    const { application, board, discipline } = this.pool;
    const opened = openFromPartner(bytes, declaration, application);
    if (isRefusal(opened)) return opened;
    const nowMs = this.pool.nowMs();
    board.touch(opened.sender, nowMs);
    return discipline.refusal(opened.sender, nowMs) ?? opened;
  }

  private fault(partner: Uint8Array, kind: 'capacity' | 'polling'): Refusal | undefined {
    const silence = this.pool.discipline.fault(partner, kind, this.pool.nowMs());
    if (silence) this.pool.metrics.count('partners_silenced_total', { fault: kind });
    return silence;
  }

  /** READY (P2V-1): puts a partner on the board, and says so: evidence, should jobs be kept from it. */
  async announce(bytes: Uint8Array): Promise<{ readonly acknowledgement: Uint8Array } | Refusal> {
    const opened = this.hear(bytes, ready);
    if (isRefusal(opened)) return opened;
    const { board, nowMs } = this.pool;
    const { sender: partner, value } = opened;
    const hasty = board.isHasty(opened, nowMs()) ? this.fault(partner, 'capacity') : undefined;
    const refusal = hasty ?? board.announce(opened, bytes, nowMs());
    if (refusal) return refusal;
    const { height, session } = this.self;
    const words = { ready: opened.id, partner, sequence: value.sequence, session, height };
    const acknowledgement = await this.self.sign(readyAck, words);
    await this.notifier.greet(partner);
    return { acknowledgement };
  }

  /** SIGN_OFF (P2V-7): no more notices; what runs goes on. */
  signOff(bytes: Uint8Array): Refusal | undefined {
    const opened = openFromPartner(bytes, signOff, this.pool.application);
    if (isRefusal(opened)) return opened;
    return this.pool.board.signOff(opened.sender, opened.value, bytes, this.pool.nowMs());
  }

  /** OFFER (P2V-3): a partner wants a job. */
  offer(bytes: Uint8Array): Refusal | undefined {
    const opened = this.hear(bytes, offer);
    if (isRefusal(opened)) return opened;
    const { sender: partner } = opened;
    const { job, rate, ready: record, validUntilMs } = opened.value;
    const own = openMessage(record, ready, this.pool.application.domain);
    if (isRefusal(own)) return own;
    if (!equalBytes(own.sender, partner))
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
    const barred = whyBarred(this.pool.application.committed, partner, load);
    const kept = { partner, rate, validUntilMs, envelope: bytes, ready: record };
    return barred ?? this.pool.board.offers.add(job, kept);
  }

  /** WORK_QUERY (P2V-2.G1): jobs for a partner that heard of none, or the reason, signed. */
  async work(
    bytes: Uint8Array,
  ): Promise<{ readonly answer: Uint8Array; readonly notices: readonly Uint8Array[] } | Refusal> {
    const opened = this.hear(bytes, workQuery);
    if (isRefusal(opened)) return opened;
    const { application, board, metrics, nowMs, openJobs } = this.pool;
    const stale = refuseStale(opened.value.atMs, nowMs());
    if (stale) return stale;
    const { sender: partner } = opened;
    if (!this.mayAsk(partner)) return this.fault(partner, 'polling') ?? tooOften();
    const open = openJobs().flatMap(({ job }) => jobs.get(application.committed, job) ?? []);
    const barred = whyBarred(application.committed, partner, ANY_LOAD);
    const why = whyNoWork(board.find(partner, nowMs()), open, barred);
    const notices = why ? [] : await this.notifier.openNotices(partner, MAX_WORK);
    metrics.count('work_queries_total', { answer: why?.reason ?? 'work' });
    const answer = await this.self.sign(workAnswer, {
      query: opened.id,
      height: this.self.height,
      jobs: notices.length,
      ...(why ?? { reason: '', item: '', score: 0, threshold: 0, next: '' }),
    });
    return { answer, notices };
  }
}

function tooOften(): Refusal {
  return refuse(
    'market/too-often',
    `Work can be asked for once in ${NOTICE_MS / 1000} s; whoever listens hears of it at once.`,
    { retry: 'later', next: 'Open a stream of notices.' },
  );
}
