/**
 * Streams of notices and matches (P2V-2, P2V-4) from several validators at once, those that answer
 * for this partner among them, so that one that stays silent keeps nothing from it. What a validator
 * says is believed only with its signature, and a job only with its client's. Notices are acknowledged.
 */
import { serverEvents } from '@palisade/client';
import {
  type Catalogue,
  type Clock,
  catalogue,
  type Domain,
  equalBytes,
  fromHex,
  isRefusal,
  type Opened,
  open,
  type Signer,
  signEnvelope,
  toHex,
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import { type Logger, pause } from '@palisade/daemon';
import { match, notice, request, subscribe } from '@palisade/market/schema';
import type { PartnerTiming } from '../config.ts';
import type { PartnerMetrics } from '../metrics.ts';
import type { Environment, ValidatorEntry } from '../network.ts';
import { badWord } from './call.ts';
import { settled, shared, stopController } from './stopping.ts';
import { chooseStreams } from './streams.ts';

const MAX_PAUSE_MS = 60_000;
/** A stream that held this long was a good one: its end is no sign of trouble. */
const LASTING_MS = 30_000;
/** For the head of a stream; its events are waited for by the SDK's own limit. */
const CONNECT_MS = 6000;
/** Void messages on one stream before it is given up: one may be a mistake, more are not. */
const MAX_VOID = 3;

export type JobNotice = {
  readonly job: Uint8Array;
  readonly client: Uint8Array;
  readonly request: ValueOf<typeof request>;
  readonly validator: ValidatorEntry;
};

export type NoticesOptions = {
  readonly env: Environment;
  readonly domain: Domain;
  readonly signer: Signer;
  /** Those that give work, best first. */
  readonly validators: () => readonly ValidatorEntry[];
  /** The running session; undefined while it is not known. */
  readonly session: () => bigint | undefined;
  readonly onNotice: (notice: JobNotice) => Promise<void>;
  readonly onMatch: (told: ValueOf<typeof match>, by: ValidatorEntry) => Promise<void>;
  /** A good notice was heard, of a block's job file. */
  readonly onHeard: (heard: JobNotice & { readonly height: bigint }) => void;
  readonly timing: PartnerTiming;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
};

type Stream = { readonly ended: Promise<void>; readonly life: AbortController };

export class Notices {
  readonly #options: NoticesOptions;
  readonly #stopping = stopController();
  readonly #streams = new Map<string, Stream>();
  #lastNoticeMs = 0;
  readonly #open = new Set<string>();
  readonly #fromValidators: Catalogue = catalogue([notice, match]);
  readonly #fromClients: Catalogue = catalogue([request]);

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** Streams that are open, or being opened. */
  get open(): number {
    return this.#open.size;
  }

  /** Whether a validator is listened to now. */
  isOpen(url: string): boolean {
    return this.#open.has(url);
  }

  /** When a job was heard of last, ms since 1970. */
  get lastNoticeMs(): number {
    return this.#lastNoticeMs;
  }

  /** Whom to listen to now, those that answer for this partner first. */
  chosen(): readonly ValidatorEntry[] {
    const { signer, session, validators } = this.#options;
    return chooseStreams(signer.id, session(), validators(), this.#open);
  }

  /** Opens and ends streams as sessions and validators change; to be called when they do. */
  refresh(): void {
    if (this.#stopping.signal.aborted) return;
    const chosen = this.chosen();
    for (const [url, { life }] of this.#streams)
      if (!chosen.some((each) => each.url === url)) life.abort();
    for (const validator of chosen) {
      const { url } = validator;
      if (this.#streams.has(url)) continue;
      const life = new AbortController();
      const signal = shared(AbortSignal.any([life.signal, this.#stopping.signal]));
      const ended = this.#follow(validator, signal).finally(() => this.#streams.delete(url));
      this.#streams.set(url, { ended, life });
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await settled(Promise.all([...this.#streams.values()].map(({ ended }) => ended)));
  }

  /** Reads one validator's stream, again and again, for as long as it is in the list. */
  async #follow(validator: ValidatorEntry, signal: AbortSignal): Promise<void> {
    const { timing, log } = this.#options;
    let failures = 0;
    while (!signal.aborted && this.#isKnown(validator)) {
      const began = performance.now();
      try {
        await this.#read(validator, signal);
      } catch (error) {
        if (signal.aborted) return;
        const level = failures === 0 ? 'warn' : 'debug';
        log[level]('a stream of notices broke', { validator: validator.url, err: error });
      }
      if (performance.now() - began > LASTING_MS) failures = 0;
      const wait = Math.min(MAX_PAUSE_MS, timing.retryMs * 2 ** Math.min(failures++, 16));
      await pause(wait * (0.9 + 0.2 * Math.random()), signal);
    }
  }

  #isKnown({ url, nodeKey }: ValidatorEntry): boolean {
    const found = this.#options.validators().find((each) => each.url === url);
    return found !== undefined && equalBytes(found.nodeKey, nodeKey);
  }

  async #read(validator: ValidatorEntry, signal: AbortSignal): Promise<void> {
    const { env, domain, signer, clock, log } = this.#options;
    const asked = await signEnvelope(subscribe, { atMs: BigInt(clock.nowMs()) }, domain, signer);
    const url = `${validator.url}/v1/notices?subscribe=${toHex(asked)}`;
    const request = { url, timeoutMs: CONNECT_MS, signal };
    let wrong = 0;
    this.#open.add(validator.url);
    try {
      for await (const { event, data } of serverEvents(env, request)) {
        const why = await this.#take(event, data, validator);
        if (why === undefined) continue;
        log.warn('a void notice', { validator: validator.url, why });
        if (++wrong >= MAX_VOID) throw badWord(validator.url, `the last of ${wrong}: ${why}`);
      }
    } finally {
      this.#open.delete(validator.url);
    }
  }

  /** Handles one event; answers why it is void. */
  async #take(event: string, data: string, validator: ValidatorEntry): Promise<string | undefined> {
    if (event !== 'notice' && event !== 'match') return undefined;
    const message = messageOf(data);
    return message ? this.take(message, validator) : this.#void('it holds no message');
  }

  /** Handles a notice or a match, whatever way it came; answers why it is void. */
  async take(message: Uint8Array, validator: ValidatorEntry): Promise<string | undefined> {
    const opened = this.#openFrom(validator, message);
    if (typeof opened === 'string') return this.#void(opened);
    if (opened.declaration.name === match.name) {
      const value = opened.value as ValueOf<typeof match>;
      const isMine = equalBytes(value.partner, this.#options.signer.id);
      if (isMine) await this.#options.onMatch(value, validator);
      return undefined;
    }
    const { job, height, request: inner } = opened.value as ValueOf<typeof notice>;
    const asked = open(inner, this.#fromClients, this.#options.domain);
    const bad = isRefusal(asked) ? asked : verifyOpened(asked);
    if (bad || isRefusal(asked)) return this.#void(`the request in it is void: ${bad?.message}`);
    if (!equalBytes(asked.id, job)) return this.#void('it names another job than it holds');
    const wanted = asked.value as ValueOf<typeof request>;
    const heard = { job, client: asked.sender, request: wanted, validator };
    this.#lastNoticeMs = this.#options.clock.nowMs();
    this.#options.onHeard({ ...heard, height });
    await this.#options.onNotice(heard);
    return undefined;
  }

  #void(why: string): string {
    this.#options.metrics.count('partner_notices_total', { outcome: 'void' });
    return why;
  }

  #openFrom({ nodeKey }: ValidatorEntry, message: Uint8Array): Opened | string {
    const opened = open(message, this.#fromValidators, this.#options.domain);
    if (isRefusal(opened)) return opened.message;
    if (!equalBytes(opened.sender, nodeKey)) return 'another key than its sender signed it';
    return verifyOpened(opened)?.message ?? opened;
  }
}

function messageOf(data: string): Uint8Array | undefined {
  try {
    const { message } = JSON.parse(data) as { message?: unknown };
    return typeof message === 'string' && message.startsWith('0x') ? fromHex(message) : undefined;
  } catch {
    return undefined;
  }
}
