/**
 * Asks for work when none is heard of (P2V-2.G1): a validator that keeps jobs from this partner must
 * then give a reason, in signed words, while the other that answers for it gives the jobs.
 */
import { requestJson, shapes } from '@palisade/client';
import {
  type Clock,
  catalogue,
  type Domain,
  digestOf,
  equalBytes,
  idOf,
  isRefusal,
  open,
  type Signer,
  signEnvelope,
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import { type Logger, pause } from '@palisade/daemon';
import { workAnswer, workQuery } from '@palisade/market/schema';
import type { PartnerTiming } from '../config.ts';
import type { PartnerMetrics } from '../metrics.ts';
import type { Environment, ValidatorEntry } from '../network.ts';
import { badWord, CALL_MS, MAX_ANSWER_BYTES } from './call.ts';
import { settled, stopController } from './stopping.ts';

/** Validators asked in one round: those that answer for this partner. */
const ASKED = 2;
/** Notices of one answer at most. */
const MAX_WORK = 32;

const answerForm = shapes.object({
  answer: shapes.envelopeBytes,
  notices: shapes.listOf(shapes.envelopeBytes, MAX_WORK),
});
const known = catalogue([workAnswer]);

export type WorkAnswer = ValueOf<typeof workAnswer>;

export type WorkSeekerOptions = {
  readonly env: Environment;
  readonly domain: Domain;
  readonly signer: Signer;
  /** Whom to ask, those that answer for this partner first. */
  readonly validators: () => readonly ValidatorEntry[];
  /** When a notice was heard last, ms since 1970. */
  readonly lastNoticeMs: () => number;
  /** Whether work is wanted at all. */
  readonly isOpen: () => boolean;
  /** Takes a notice as if it had come through a stream. */
  readonly take: (notice: Uint8Array, validator: ValidatorEntry) => Promise<unknown>;
  readonly timing: PartnerTiming;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
};

export class WorkSeeker {
  readonly #options: WorkSeekerOptions;
  readonly #stopping = stopController();
  #running: Promise<void> = Promise.resolve();
  #last: WorkAnswer | undefined;

  constructor(options: WorkSeekerOptions) {
    this.#options = options;
  }

  /** What the validator that was asked last said. */
  get last(): WorkAnswer | undefined {
    return this.#last;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await settled(this.#running);
  }

  async #run(): Promise<void> {
    const { timing, clock, lastNoticeMs, isOpen, validators, log } = this.#options;
    const { signal } = this.#stopping;
    let asked = clock.nowMs();
    while (!signal.aborted) {
      const dueMs = Math.max(asked, lastNoticeMs()) + timing.workMs - clock.nowMs();
      if (dueMs > 0) {
        await pause(dueMs * (1 + 0.2 * Math.random()), signal);
        continue;
      }
      asked = clock.nowMs();
      if (!isOpen()) continue;
      for (const validator of validators().slice(0, ASKED))
        await this.#ask(validator).catch((error) => {
          if (!signal.aborted)
            log.debug('a validator gave no work', { validator: validator.url, err: error });
        });
    }
  }

  async #ask(validator: ValidatorEntry): Promise<void> {
    const { env, domain, signer, clock, take, metrics, log } = this.#options;
    const value = { atMs: BigInt(clock.nowMs()) };
    const body = await signEnvelope(workQuery, value, domain, signer);
    const { signal } = this.#stopping;
    const answer = await requestJson(
      env,
      {
        method: 'POST',
        url: `${validator.url}/v1/work`,
        body,
        signal,
        timeoutMs: CALL_MS,
        maxBytes: MAX_ANSWER_BYTES,
      },
      answerForm,
    );
    const said = this.#open(
      answer.answer,
      validator,
      idOf(digestOf(workQuery, value, domain), signer.id),
    );
    this.#last = said;
    const { reason, item } = said;
    metrics.count('partner_work_answers_total', { reason: reason === '' ? 'work' : 'none' });
    log.debug('asked for work', { validator: validator.url, jobs: said.jobs, reason, item });
    for (const notice of answer.notices) await take(notice, validator);
  }

  #open(envelope: Uint8Array, { url, nodeKey }: ValidatorEntry, query: Uint8Array): WorkAnswer {
    const opened = open(envelope, known, this.#options.domain);
    const bad = isRefusal(opened) ? opened : verifyOpened(opened);
    if (bad || isRefusal(opened)) throw badWord(url, `its answer is void. ${bad?.message}`);
    const value = opened.value as WorkAnswer;
    if (!equalBytes(opened.sender, nodeKey) || !equalBytes(value.query, query))
      throw badWord(url, 'it answers another question.');
    return value;
  }
}
