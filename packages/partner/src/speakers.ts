/** What of a partner speaks with the validators: of room, of jobs, of offers, of clients that came. */
import type { Domain } from '@palisade/core';
import { UTILITY } from '@palisade/market/schema';
import { type Network, workingValidators } from './network.ts';
import { Offerer } from './offers/offerer.ts';
import type { StandingLimits } from './offers/standing-limits.ts';
import type { Parts } from './parts.ts';
import { Acknowledger } from './pool/acknowledger.ts';
import { Announcer } from './pool/announcer.ts';
import { Complainer } from './pool/complainer.ts';
import { ConnectReports } from './pool/connect-reports.ts';
import { Notices } from './pool/notices.ts';
import { WorkSeeker } from './pool/work-seeker.ts';
import type { Room } from './room.ts';

export type SpeakersBase = {
  readonly network: Network;
  readonly domain: Domain;
  /** Base URL at which clients reach this partner. */
  readonly url: string;
  readonly signal: AbortSignal;
  /** What the chain lets this partner take. */
  readonly limits: StandingLimits;
};

export class Speakers {
  readonly announcer: Announcer;
  readonly offerer: Offerer;
  readonly notices: Notices;
  readonly seeker: WorkSeeker;
  readonly reports: ConnectReports;
  readonly acknowledger: Acknowledger;
  readonly complainer: Complainer;
  /** The running session, as far as is known. */
  #session: bigint | undefined;
  /** Why the chain lets this partner take nothing new, as far as is known. */
  #barred: string | undefined;
  readonly #room: Room;
  readonly #limits: StandingLimits;

  constructor(parts: Parts, { network, domain, url, signal, limits }: SpeakersBase) {
    const { book, usage, offers, room, terms, log, timing, clock } = parts;
    this.#room = room;
    this.#limits = limits;
    const validators = () => workingValidators(network);
    const shared = { ...parts, network, domain, signal, validators };
    this.announcer = new Announcer({
      ...shared,
      url,
      log: log.child({ module: 'announce' }),
      offer: () => ({
        utility: terms.utility,
        price: terms.price,
        maxSize: terms.maxSizeBytes,
        maxSessions: terms.maxSessions,
        // Traffic takes no room.
        freeBytes: terms.utility === UTILITY.access ? terms.maxSizeBytes : room.free(),
        freeSlots: offers.free,
        direct: terms.direct,
        reason: this.closedReason(),
      }),
    });
    this.offerer = new Offerer({
      ...shared,
      book: offers,
      log: log.child({ module: 'offers' }),
      ready: () => this.announcer.envelope,
      limits,
      isTaken: (job) => (book.get(job) ?? usage.get(job)) !== undefined,
      onPromise: () => this.announcer.changed(),
    });
    this.reports = new ConnectReports({ ...shared, log: log.child({ module: 'reports' }) });
    this.acknowledger = new Acknowledger({ ...shared, log: log.child({ module: 'notices' }) });
    this.notices = new Notices({
      ...shared,
      log: log.child({ module: 'notices' }),
      session: () => this.#session,
      onNotice: (notice) => this.offerer.consider(notice),
      onHeard: (heard) => {
        // What came after the complaint is no answer to it.
        if (this.complainer.noteHeard(heard.job, heard.validator)) this.acknowledger.add(heard);
      },
      onMatch: async (words, by) => {
        const untilMs = clock.nowMs() + timing.offerMs;
        this.reports.expect(words, by, untilMs);
        const { job, rate } = words;
        if (await offers.noteMatch(job, BigInt(untilMs)))
          log.info('a client takes us up', { job, rate });
      },
    });
    this.complainer = new Complainer({
      ...shared,
      log: log.child({ module: 'complaints' }),
      heardBefore: (at, height) => this.announcer.heardBefore(at, height),
      isListening: (at) => this.notices.isOpen(at),
      isOpen: () => room.fullReason() === undefined,
      session: () => this.#session,
    });
    this.seeker = new WorkSeeker({
      ...shared,
      log: log.child({ module: 'work' }),
      validators: () => this.notices.chosen(),
      lastNoticeMs: () => this.notices.lastNoticeMs,
      isOpen: () => this.closedReason() === undefined,
      take: (notice, validator) => this.notices.take(notice, validator),
    });
  }

  /** A session runs: other validators may answer for this partner now. */
  noteSession(session: bigint): void {
    if (this.#session === session) return;
    this.#session = session;
    this.notices.refresh();
  }

  /** Why nothing new is taken: no room, or no standing; undefined while something is. */
  closedReason(): string | undefined {
    return this.#room.fullReason() ?? this.#barred;
  }

  /** Asks the chain whether any new job could be started. */
  async noteStanding(): Promise<void> {
    const refusal = await this.#limits(0n);
    // That nobody could be asked says nothing about it.
    if (refusal?.code !== 'partner/no-validator') this.#barred = refusal?.message;
  }

  async start(): Promise<void> {
    await this.noteStanding();
    await this.announcer.start();
    this.notices.refresh();
    this.seeker.start();
  }

  async stop(): Promise<void> {
    const { seeker, notices, offerer, acknowledger, reports, complainer } = this;
    const parts = [complainer, seeker, notices, offerer, acknowledger, reports];
    await Promise.all(parts.map((part) => part.stop()));
  }
}
