/**
 * The partner's end of one tunnel: lets the client of a job in, counts, and stops when more than one
 * interval is unpaid. Whatever the client does, it gets no more than that, and no other authority.
 */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  type Frame,
  type Reason,
  reasonOf,
  Streams,
  TUNNEL_VERSION,
  TunnelLink,
} from '@palisade/client';
import { type Domain, equalBytes, PalisadeError, toHex } from '@palisade/core';
import type { AccessAgreement, AccessAgreements } from './agreement.ts';
import { Exposure } from './exposure.ts';
import { checkOpening } from './greet.ts';
import { Outgoing, type OutgoingOptions } from './outgoing.ts';

/** For a client to show who it is, ms: a round trip and a signature. */
const OPEN_MS = 10_000;
/** Intervals without a voucher after which a stopped tunnel is closed. */
const PATIENT_INTERVALS = 4;
/** Bytes that may be on their way on a stream: some 5 MB/s at 50 ms there and back. */
export const WINDOW = 256 * 1024;

export type SessionOptions = OutgoingOptions & {
  readonly agreements: AccessAgreements;
  /** The partner's node key. */
  readonly partner: Uint8Array;
  readonly domain: Domain;
  /** Takes the place of the job's tunnel; answers with the units that had been counted by then. */
  readonly onOpen: (job: Uint8Array, session: AccessSession) => bigint;
  readonly onClosed: (session: AccessSession) => void;
};

/** What is known once the client is in. */
type Running = {
  readonly job: Uint8Array;
  readonly agreement: AccessAgreement;
  readonly streams: Streams;
  readonly exposure: Exposure;
  /** Units before this tunnel. */
  readonly base: bigint;
};

export class AccessSession {
  readonly #options: SessionOptions;
  readonly #link: TunnelLink;
  readonly #nonce = new Uint8Array(randomBytes(32));
  readonly #begunMs: number;
  readonly #outgoing: Outgoing;
  #running: Running | undefined;
  #state: 'waiting' | 'judging' | 'running' | 'finishing' | 'closed' = 'waiting';
  #isStopped = false;
  #isJudging = false;
  #reported = 0;

  constructor(socket: Socket, options: SessionOptions) {
    const nowMs = options.nowMs();
    this.#options = options;
    this.#begunMs = nowMs;
    this.#link = new TunnelLink(socket, nowMs, {
      onFrame: (frame) => this.#take(frame),
      onDrain: () => this.#running?.streams.drained(),
      onClosed: (reason) => this.#closed(reason),
    });
    this.#outgoing = new Outgoing(this.#link, options);
    const { partner } = options;
    this.#link.send('hello', { version: TUNNEL_VERSION, partner, nonce: this.#nonce });
  }

  /** Units of the job that were counted, before this tunnel and in it. */
  get counted(): bigint {
    return this.#running?.exposure.counted ?? 0n;
  }

  /** Whether its agreement was for earlier sessions only. */
  isOverIn(session: bigint): boolean {
    return this.#running !== undefined && this.#running.agreement.lastSession < session;
  }

  get job(): Uint8Array | undefined {
    return this.#running?.job;
  }

  close(reason: Reason): void {
    this.#link.close(reason);
  }

  /** To be called often, as a part of an interval. */
  tick(nowMs: number): void {
    this.#link.tick(nowMs);
    if (!this.#running) {
      if (nowMs - this.#begunMs > OPEN_MS) this.close(tooLate());
      return;
    }
    this.#judge(this.#running, nowMs);
    this.#outgoing.tick(nowMs, this.#isStopped);
    this.#report(this.#running);
  }

  #take(frame: Frame): void {
    const running = this.#running;
    if (!running) this.#takeOpening(frame);
    // Credit lets out as much as data brings in: both are looked at before more of either.
    else if (running.streams.take(frame)) this.#judge(running, this.#options.nowMs());
    else if (frame.name === 'connect')
      this.#outgoing.connect(
        running.streams.accept(frame.stream),
        frame.body,
        this.#state !== 'running',
      );
    else if (frame.name === 'voucher') this.#takeVoucher(running, frame.body);
    else if (frame.name === 'finish') this.#finish(running);
    else throw unexpected(frame.name);
  }

  #takeOpening(frame: Frame): void {
    if (frame.name !== 'open' || this.#state !== 'waiting') throw unexpected(frame.name);
    this.#state = 'judging';
    this.#open(frame.body).catch((error: Error) => {
      const { log } = this.#options;
      if (!(error instanceof PalisadeError)) log.error('a tunnel was not opened', { err: error });
      this.close(
        reasonOf(
          error instanceof PalisadeError
            ? error
            : { code: 'api/failed', message: 'Something went wrong here.' },
        ),
      );
    });
  }

  async #open({ message, voucher }: Extract<Frame, { name: 'open' }>['body']): Promise<void> {
    const { agreements, domain, partner, terms, nowMs, onOpen, log } = this.#options;
    const said = checkOpening(message, { domain, partner, nonce: this.#nonce });
    if (!said.ok) throw PalisadeError.from(said.refusal);
    const { job, client } = said.value;
    const found = await agreements.find(job);
    if (!found.ok) throw PalisadeError.from(found.refusal);
    const agreement = found.value;
    if (!equalBytes(agreement.client, client)) throw notTheClient();
    const paid = voucher.length > 0 ? await this.#worth(agreement, voucher) : agreement.units;
    if (this.#state !== 'judging') return; // it hung up meanwhile
    const interval = { bytes: BigInt(terms.voucherBytes), ms: terms.voucherMs };
    const base = carriedOver(onOpen(job, this), paid, interval.bytes);
    const exposure = new Exposure(interval, agreement.limit, base, paid, nowMs());
    const streams = new Streams({ link: this.#link, window: WINDOW });
    this.#running = { job, agreement, streams, exposure, base };
    this.#state = 'running';
    this.#link.send('opened', {
      counted: base,
      limit: agreement.limit,
      intervalBytes: interval.bytes,
      intervalMs: interval.ms,
      window: WINDOW,
      streams: terms.maxStreams,
    });
    log.info('a tunnel is open', { job: toHex(job), counted: base, paid });
  }

  async #worth(agreement: AccessAgreement, voucher: Uint8Array): Promise<bigint> {
    const taken = await agreement.takeVoucher(voucher);
    if (!taken.ok) throw PalisadeError.from(taken.refusal);
    return taken.value;
  }

  #takeVoucher(running: Running, told: Extract<Frame, { name: 'voucher' }>['body']): void {
    const { sent, received, credited } = running.streams.counts;
    // What it sent has arrived before this frame; what we sent has, as far as it gave credit.
    if (told.sent !== BigInt(received)) throw countsDiffer(told.sent, received);
    if (told.received > BigInt(sent) || told.received < BigInt(credited))
      throw countsDiffer(told.received, sent);
    if (this.#isJudging) throw unexpected('voucher');
    this.#isJudging = true;
    this.#worth(running.agreement, told.voucher).then(
      (units) => {
        this.#isJudging = false;
        running.exposure.pay(units, this.#options.nowMs());
        this.#link.send('accepted', { units, sent: BigInt(running.streams.counts.sent) });
        this.#judge(running, this.#options.nowMs());
      },
      (error: Error) => {
        if (!(error instanceof PalisadeError))
          this.#options.log.error('a voucher was not taken', { err: error });
        this.close(reasonOf({ code: 'access/voucher', message: error.message }));
      },
    );
  }

  /** Stops or goes on, by what is unpaid. */
  #judge({ streams, exposure, base }: Running, nowMs: number): void {
    if (this.#state === 'closed') return;
    const { sent, received } = streams.counts;
    exposure.count(base + BigInt(sent + received), nowMs);
    const reason = exposure.isSpent ? spent() : exposure.isTooHigh(nowMs) ? unpaid() : undefined;
    if (!reason) {
      if (!this.#isStopped) return;
      this.#isStopped = false;
      this.#link.send('resumed', {});
      streams.hold(false);
      return;
    }
    if (!this.#isStopped) {
      this.#isStopped = true;
      streams.hold(true);
      this.#link.send('stopped', reason);
    }
    const { voucherBytes, voucherMs, maxStreams } = this.#options.terms;
    // Windows that were open may fill up; whoever sends more than that, sends to closed streams.
    const most = BigInt(voucherBytes + 2 * maxStreams * WINDOW);
    if (exposure.unpaid > most || exposure.unpaidMs(nowMs) > PATIENT_INTERVALS * voucherMs)
      this.close(reason);
  }

  #finish({ streams }: Running): void {
    this.#state = 'finishing';
    this.#outgoing.finish();
    this.#link.send('finished', { sent: BigInt(streams.counts.sent) });
  }

  #report({ streams }: Running): void {
    const { sent, received } = streams.counts;
    const { metrics } = this.#options;
    metrics.count('partner_tunnel_bytes_total', {}, sent + received - this.#reported);
    this.#reported = sent + received;
  }

  #closed(reason: Reason): void {
    const { log, onClosed } = this.#options;
    this.#state = 'closed';
    const running = this.#running;
    this.#outgoing.abandon();
    if (running) {
      running.streams.abandon(reason);
      const { sent, received } = running.streams.counts;
      running.exposure.count(running.base + BigInt(sent + received), this.#options.nowMs());
      this.#report(running);
      const { counted, unpaid } = running.exposure;
      log.info('a tunnel is closed', {
        job: toHex(running.job),
        counted,
        unpaid,
        why: reason.code,
      });
    }
    onClosed(this);
  }
}

/** What an earlier tunnel left unpaid is still owed; one interval of it, which is all we risked. */
function carriedOver(counted: bigint, paid: bigint, interval: bigint): bigint {
  if (counted <= paid) return paid;
  return counted - paid < interval ? counted : paid + interval;
}

function tooLate(): Reason {
  return { code: 'access/too-slow', message: 'The client did not say in time who it is.' };
}

function unpaid(): Reason {
  return {
    code: 'access/unpaid',
    message: 'More than one interval is unpaid: nothing is forwarded until a voucher comes.',
  };
}

function spent(): Reason {
  return { code: 'access/spent', message: 'All that the job can pay for has been used.' };
}

function notTheClient(): PalisadeError {
  return new PalisadeError({
    code: 'market/not-the-client',
    message: 'Another account asked for this job.',
  });
}

function unexpected(name: string): PalisadeError {
  return new PalisadeError({
    code: 'access/bad-frame',
    message: `The client sent '${name}' out of turn.`,
  });
}

function countsDiffer(theirs: bigint, ours: number): PalisadeError {
  return new PalisadeError({
    code: 'access/counts-differ',
    message: `The client counts ${theirs} bytes where we count ${ours}. The last voucher stands.`,
  });
}
