/**
 * Does the work of computation jobs: once an agreement runs, its content is taken apart, the module
 * runs, and what came of it is signed and kept. A crash loses nothing: what has no result is run
 * again when the partner is back, and comes to the same.
 */
import {
  type Domain,
  isRefusal,
  PalisadeError,
  type Refusal,
  refuse,
  type Signer,
  signEnvelope,
  toHex,
} from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { owedFor, RUN_END, rateFor, readWork, runResult, type Work } from '@palisade/market/schema';
import type { ComputeTerms, PartnerTiming } from '../config.ts';
import { fitText } from '../fit-text.ts';
import { type AgreementRecord, hexOf, sizeOf } from '../records/agreement.ts';
import type { AgreementBook } from '../records/agreement-book.ts';
import type { ContentStore } from '../storage/index.ts';
import { done, type Outcome, refused } from '../storage/outcome.ts';
import { WorkQueue } from '../work-queue.ts';
import type { RunBook, RunRecord } from './run-book.ts';
import type { Runner } from './runner.ts';

/** Room for words in the record. */
const MAX_REASON = 200;

/** How far a run is, as its client is told (spec/api.md). */
export type RunView = {
  readonly state: 'waiting' | 'done' | 'failed';
  /** Envelope of the signed `market.run-result`, once it is done. */
  readonly result?: Uint8Array;
  /** What happened, or why there will be no result, in words. */
  readonly reason?: string;
};

export type DeskOptions = {
  readonly runner: Runner;
  readonly runs: RunBook;
  readonly store: ContentStore;
  readonly book: AgreementBook;
  readonly domain: Domain;
  readonly signer: Signer;
  /** Base units per started 2^20 instructions. */
  readonly price: bigint;
  readonly compute: ComputeTerms;
  readonly timing: PartnerTiming;
  readonly signal: AbortSignal;
  readonly log: Logger;
};

export class ComputeDesk {
  readonly #options: DeskOptions;
  readonly #queue: WorkQueue;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      name: 'running a module',
      concurrency: options.compute.slots,
      firstPauseMs: options.timing.retryMs,
      log: options.log,
      signal: options.signal,
      run: (job) => this.#work(job),
    });
  }

  /** Runs whatever agreement runs and has no result yet. */
  look(): void {
    for (const { job, state } of this.#options.book.all())
      if (state === 'active') this.#queue.add(hexOf(job));
  }

  async stop(): Promise<void> {
    const stopped = this.#queue.stop();
    await this.#options.runner.stop();
    await stopped;
  }

  async view(job: Uint8Array): Promise<Outcome<RunView>> {
    const run = await this.#options.runs.get(job);
    if (run && run.result.length === 0) return done({ state: 'failed', reason: run.reason });
    if (run) return done({ state: 'done', result: run.result, reason: run.reason });
    if (this.#options.book.get(hexOf(job))) return done({ state: 'waiting' });
    return refused(noRun(job));
  }

  /** The output, for whoever has signed for it. */
  async output(job: Uint8Array): Promise<Outcome<Uint8Array>> {
    const run = await this.#options.runs.get(job);
    if (!run || run.result.length === 0) return refused(noRun(job));
    if (run.isPaid !== 1) return refused(notSignedFor());
    return done(await this.#options.runs.output(job));
  }

  /** What a run was found to be, for its receipt. */
  find(job: Uint8Array): Promise<RunRecord | undefined> {
    return this.#options.runs.get(job);
  }

  /** The client has signed the receipt: the output may leave. */
  release(job: Uint8Array): Promise<void> {
    return this.#options.runs.release(job);
  }

  async #work(id: string): Promise<void> {
    const { book, runs, log } = this.#options;
    const agreement = book.get(id);
    if (agreement?.state !== 'active' || (await runs.get(agreement.job))) return;
    const work = await this.#readWork(agreement);
    const refusal = isRefusal(work) ? work : this.#refusal(work, agreement);
    if (refusal) {
      log.warn('the work of a job is not done', { job: agreement.job, why: refusal.message });
      return this.#fail(agreement, 0n, refusal.message);
    }
    await this.#run(agreement, work as Work);
  }

  async #run(agreement: AgreementRecord, { module, input, limits }: Work): Promise<void> {
    const { runner, runs, domain, signer, compute, signal, log } = this.#options;
    const { job } = agreement;
    const order = {
      module,
      input,
      limits: { ...limits, memoryBytes: Number(limits.memoryBytes) },
      timeMs: compute.timeMs,
    };
    const run = await runner.run(order, signal).catch(asFinal);
    if (run instanceof PalisadeError) return this.#fail(agreement, limits.fuel, run.message);
    log.info('a module was run', { job, end: run.end, reason: run.reason });
    if (run.end === 'time-limit') return this.#fail(agreement, limits.fuel, run.reason);
    const { outputId, output, fuelUsed: fuel } = run;
    const value = { job, end: RUN_END[run.end], output: outputId, outputSize: output.length, fuel };
    const result = await signEnvelope(runResult, value, domain, signer);
    const reason = fitText(run.reason, MAX_REASON);
    await runs.put({ job, result, allowed: limits.fuel, reason, isPaid: 0 }, output);
  }

  #fail({ job }: AgreementRecord, allowed: bigint, why: string): Promise<void> {
    const reason = fitText(why, MAX_REASON);
    const run = { job, result: new Uint8Array(0), allowed, reason, isPaid: 0 };
    return this.#options.runs.put(run, new Uint8Array(0));
  }

  async #readWork(agreement: AgreementRecord): Promise<Work | Refusal> {
    const read = await this.#options.store.read(agreement.contentId, 0, sizeOf(agreement));
    if (!read.ok) return read.refusal;
    const content = new Uint8Array(sizeOf(agreement));
    let filled = 0;
    for await (const part of read.value) {
      content.set(part, filled);
      filled += part.length;
    }
    return readWork(content);
  }

  /** What this partner's own terms have against it. */
  #refusal({ limits }: Work, agreement: AgreementRecord): Refusal | undefined {
    const { price, compute } = this.#options;
    if (limits.memoryBytes > BigInt(compute.memoryBytes))
      return tooMuch('memory', limits.memoryBytes, compute.memoryBytes);
    if (limits.outputBytes > compute.outputBytes)
      return tooMuch('output', BigInt(limits.outputBytes), compute.outputBytes);
    const asked = rateFor(price, limits.fuel);
    const paid = owedFor(agreement, limits.fuel, limits.fuel);
    if (asked <= paid) return undefined;
    return refuse(
      'partner/rate-too-low',
      `All of the fuel costs ${asked} here; the voucher pays ${paid}.`,
    );
  }
}

/** What would be the same at the next try, as a value. */
function asFinal(error: unknown): PalisadeError {
  if (error instanceof PalisadeError && error.retry === 'never') return error;
  throw error;
}

function tooMuch(what: string, wanted: bigint, most: number): Refusal {
  return refuse(
    'partner/too-much',
    `The work asks for ${wanted} bytes of ${what}; here are ${most} at most.`,
  );
}

function noRun(job: Uint8Array): Refusal {
  return refuse('partner/no-run', `There is no run of job ${toHex(job)} here.`);
}

function notSignedFor(): Refusal {
  return refuse('partner/not-signed-for', 'The output leaves when its receipt is signed.', {
    next: 'Send the receipt to POST /v1/receipts first.',
  });
}
