/**
 * Complains by itself (P2V-2.G1) when a job that fits stood in a job file and none of the validators
 * that answer for this partner told of it, though it listened to them. One that was away, or whose
 * stream was broken, is not accused: that may be this side's own fault, and costs a deposit.
 */
import { PalisadeError, type Signer, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { complain, type Job, jobQuery, misfitOf, responsibleFor } from '@palisade/market/schema';
import type { PartnerTiming } from '../config.ts';
import type { PartnerMetrics } from '../metrics.ts';
import { type Network, untilIncluded, type ValidatorEntry } from '../network.ts';
import { WorkQueue } from '../work-queue.ts';
import type { Heard } from './announcer.ts';

/** Jobs that are watched at once: what a busy chain confirms while one is waited for. */
const MAX_WATCHED = 512;
/** Complaints in one session: each locks a deposit, and the chain has eight open at most. */
const MAX_COMPLAINTS = 4;

export type ComplainerOptions = {
  readonly network: Network;
  readonly signer: Signer;
  /** Those that give work. */
  readonly validators: () => readonly ValidatorEntry[];
  /** What a validator had acknowledged before a block. */
  readonly heardBefore: (url: string, height: bigint) => Heard | undefined;
  readonly isListening: (url: string) => boolean;
  /** Whether work is wanted at all. */
  readonly isOpen: () => boolean;
  /** The running session; undefined while it is not known. */
  readonly session: () => bigint | undefined;
  readonly timing: PartnerTiming;
  readonly log: Logger;
  readonly metrics: PartnerMetrics;
  readonly signal: AbortSignal;
};

type Suspect = { readonly validator: ValidatorEntry; readonly heard: Heard };
type Watched = {
  readonly job: Uint8Array;
  /** Validators that knew this partner, and to which it listened when the job came. */
  readonly suspects: readonly Suspect[];
};

export class Complainer {
  readonly #options: ComplainerOptions;
  readonly #checks: WorkQueue;
  readonly #watched = new Map<string, Watched>();
  /** Who told of a job, by job: URLs. */
  readonly #told = new Map<string, Set<string>>();
  readonly #accused = new Set<string>();
  #session: bigint | undefined;
  #complaints = 0;

  constructor(options: ComplainerOptions) {
    this.#options = options;
    this.#checks = new WorkQueue({
      name: 'complaining',
      concurrency: 2,
      firstPauseMs: options.timing.retryMs,
      log: options.log,
      signal: options.signal,
      run: (key) => this.#check(key),
    });
  }

  /** A job stands in the file of a block: from now on somebody should tell of it. */
  noteJob(job: Uint8Array, height: bigint): void {
    const { validators, heardBefore, isListening, isOpen, timing } = this.#options;
    if (!isOpen() || this.#watched.size >= MAX_WATCHED) return;
    const suspects = validators().flatMap((validator) => {
      const heard = isListening(validator.url) ? heardBefore(validator.url, height) : undefined;
      return heard ? [{ validator, heard }] : [];
    });
    if (suspects.length === 0) return;
    const key = toHex(job);
    this.#watched.set(key, { job, suspects });
    this.#checks.add(key, timing.complainMs);
  }

  /** A validator told of a job; false when it was accused of not having done so. */
  noteHeard(job: Uint8Array, { url }: ValidatorEntry): boolean {
    const key = toHex(job);
    if (this.#accused.has(`${key} ${url}`)) return false;
    for (const oldest of this.#told.keys()) {
      if (this.#told.size < MAX_WATCHED) break;
      this.#told.delete(oldest);
    }
    const tellers = this.#told.get(key) ?? new Set();
    this.#told.set(key, tellers.add(url));
    return true;
  }

  stop(): Promise<void> {
    return this.#checks.stop();
  }

  async #check(key: string): Promise<void> {
    const { network, isOpen } = this.#options;
    const { job, suspects } = this.#watched.get(key)!;
    const found = await network.find(jobQuery, { id: job });
    const silent = found && isOpen() ? this.#silentOf(key, found.job, suspects) : [];
    for (const suspect of silent) await this.#complain(key, job, suspect);
    this.#watched.delete(key);
  }

  /** Those that answered for this partner and told nothing of a job that fits; nobody, when one of them did. */
  #silentOf(key: string, job: Job, suspects: readonly Suspect[]): readonly Suspect[] {
    const { signer, validators } = this.#options;
    const working = validators();
    const keys = working.map(({ nodeKey }) => nodeKey);
    const responsible = responsibleFor(signer.id, job.session, keys).map(toHex);
    const answers = ({ nodeKey }: ValidatorEntry) => responsible.includes(toHex(nodeKey));
    const told = this.#told.get(key);
    if (working.some((validator) => answers(validator) && told?.has(validator.url))) return [];
    return suspects.filter(
      ({ validator, heard: { value } }) =>
        answers(validator) && value.accepting === 1 && misfitOf(job, value) === undefined,
    );
  }

  async #complain(key: string, job: Uint8Array, { validator, heard }: Suspect): Promise<void> {
    const { network, signer, signal, metrics, log } = this.#options;
    if (!this.#mayComplain()) return;
    const { ready, acknowledgement } = heard;
    const accusation = { job, validator: validator.nodeKey, ready, acknowledgement };
    this.#noteAccused(`${key} ${validator.url}`);
    this.#complaints++;
    try {
      const posted = await network.post(complain, accusation, signer, { signal });
      await untilIncluded(network, posted, signal);
      metrics.count('partner_complaints_total', { outcome: 'filed' });
      log.warn('complained about a validator that told of nothing', {
        job,
        validator: validator.url,
      });
    } catch (error) {
      this.#complaints--;
      if (!(error instanceof PalisadeError) || isTransient(error)) throw error;
      metrics.count('partner_complaints_total', { outcome: 'refused' });
      log.info('a complaint was refused', { job, validator: validator.url, err: error });
    }
  }

  #mayComplain(): boolean {
    const session = this.#options.session();
    if (session !== this.#session) [this.#session, this.#complaints] = [session, 0];
    return this.#complaints < MAX_COMPLAINTS;
  }

  #noteAccused(name: string): void {
    for (const oldest of this.#accused) {
      if (this.#accused.size < MAX_WATCHED) break;
      this.#accused.delete(oldest);
    }
    this.#accused.add(name);
  }
}

/** What another try may mend: nobody answers, or the chain's clock is behind ours. */
function isTransient({ retry, code }: PalisadeError): boolean {
  return retry !== 'never' || code === 'market/too-early';
}
