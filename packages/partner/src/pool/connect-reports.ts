/**
 * CONNECT_REPORT (P2V-4.G1): tells the validator that made a match whether its client came. With the
 * client's own report it shows where connections fail.
 */
import {
  type Clock,
  catalogue,
  type Domain,
  isRefusal,
  open,
  type Signer,
  signEnvelope,
  toHex,
  type ValueOf,
} from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { type match, partnerConnectReport, ready } from '@palisade/market/schema';
import type { Environment, ValidatorEntry } from '../network.ts';
import { type HexId, hexOf } from '../records/agreement.ts';
import { postMessage } from './call.ts';
import { settled, stopController } from './stopping.ts';

/** Matches that are waited for, as many as offers can be open. */
const MAX_EXPECTED = 256;
/** Reports under way at once; one too many is left unsaid, as it only helps to look for faults. */
const MAX_SENDING = 16;

const own = catalogue([ready]);

type Expected = {
  readonly words: ValueOf<typeof match>;
  readonly by: ValidatorEntry;
  readonly untilMs: number;
};

export type ConnectReportsOptions = {
  readonly env: Environment;
  readonly domain: Domain;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Logger;
};

export class ConnectReports {
  readonly #options: ConnectReportsOptions;
  readonly #stopping = stopController();
  readonly #expected = new Map<HexId, Expected>();
  readonly #sending = new Set<Promise<void>>();

  constructor(options: ConnectReportsOptions) {
    this.#options = options;
  }

  /** A validator says that a client will come; the first to say so hears of it. */
  expect(words: ValueOf<typeof match>, by: ValidatorEntry, untilMs: number): void {
    const job = hexOf(words.job);
    if (this.#expected.has(job)) return;
    const oldest = this.#expected.keys().next().value;
    if (this.#expected.size >= MAX_EXPECTED && oldest !== undefined) this.#expected.delete(oldest);
    this.#expected.set(job, { words, by, untilMs });
  }

  /** The client of a job came. */
  came(job: Uint8Array): void {
    this.#settle(hexOf(job), true);
  }

  /** Looks for clients that have not come in time; to be called now and then. */
  sweep(): void {
    const now = this.#options.clock.nowMs();
    for (const [job, { untilMs }] of this.#expected) if (untilMs <= now) this.#settle(job, false);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await settled(Promise.all(this.#sending));
  }

  #settle(job: HexId, ok: boolean): void {
    const expected = this.#expected.get(job);
    if (!expected) return;
    this.#expected.delete(job);
    if (this.#stopping.signal.aborted || this.#sending.size >= MAX_SENDING) return;
    const sending: Promise<void> = this.#send(expected, ok).finally(() =>
      this.#sending.delete(sending),
    );
    this.#sending.add(sending);
  }

  async #send({ words, by }: Expected, ok: boolean): Promise<void> {
    const { env, domain, signer, log } = this.#options;
    const { job, client } = words;
    try {
      const record = open(words.ready, own, domain);
      if (isRefusal(record)) return;
      const { sequence } = record.value as ValueOf<typeof ready>;
      const value = { job, client, ok: ok ? 1 : 0, sequence };
      const envelope = await signEnvelope(partnerConnectReport, value, domain, signer);
      const url = `${by.url}/v1/jobs/${toHex(job)}/connect-reports`;
      await postMessage(env, url, envelope, this.#stopping.signal);
    } catch (error) {
      if (!this.#stopping.signal.aborted) log.debug('a report was not taken', { job, err: error });
    }
  }
}
