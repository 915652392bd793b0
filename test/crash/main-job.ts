/**
 * The main job by a client that may lose its network, or itself, at any moment: it goes on from the
 * state that it wrote to the disk.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { send } from '@palisade/chain';
import {
  type ChainClient,
  connect,
  formatPutState,
  type MarketClient,
  memorySpool,
  openMarket,
  type PutProgress,
  parsePutState,
  type Spooled,
  spoolFile,
} from '@palisade/client';
import { accountSigner, PalisadeError, type Signer, toHex } from '@palisade/core';
import { atomicWrite } from '@palisade/daemon';
import { makeNetwork } from '@palisade/devnet';
import { AGREEMENT_STATE, JOB_STATE, type JobView } from '@palisade/market';
import type { Step } from './points.ts';
import { TIMING } from './timing.ts';

/** Two of five partners: spares are there when one of them fails. */
export const REPLICAS = 2;
/** Partners that may be dearer than those needed: a put does not ask one again that has failed. */
const SPARES = 2;
/** Two groups and a bit, so that an upload can be cut. */
const FILE_BYTES = 2 * 1024 * 1024 + 4711;
const SESSIONS = 2;
/** How often the client looks at the chain, ms. */
const LOOK_MS = 100;

export type MainJobOptions = {
  readonly urls: readonly string[];
  /** File of the client's state. */
  readonly path: string;
  readonly onStep: (step: Step) => void;
};

/** What the client knows in the end. */
export type Outcome = {
  readonly view: JobView;
  /** Partners that were paid. */
  readonly paid: number;
};

export class MainJob {
  readonly chain: ChainClient;
  readonly market: MarketClient;
  readonly bytes = new Uint8Array(randomBytes(FILE_BYTES));
  /** Jobs that more than a third of the weight has confirmed. */
  readonly confirmed = new Set<string>();
  /** Transactions of the client that were acknowledged. */
  readonly acknowledged = new Set<string>();
  /** Why the put had to be taken up again. */
  readonly interruptions: string[] = [];
  readonly #options: MainJobOptions;
  readonly #signer: Signer;
  readonly #secret: Uint8Array;
  #life = new AbortController();
  #spooled: Spooled | undefined;

  constructor(options: MainJobOptions) {
    this.#options = options;
    this.#secret = makeNetwork('crash', 0, TIMING).clientSecret;
    this.#signer = accountSigner(this.#secret);
    this.chain = connect({ urls: options.urls });
    this.market = openMarket(this.chain, { signer: this.#signer, ownerSecret: this.#secret });
  }

  /** Drops whatever the put has in memory: it begins again from its file. */
  interrupt(): void {
    this.#life.abort();
    this.#life = new AbortController();
  }

  /** Runs the job to its first payout, or to its end. */
  async run(stop: AbortSignal): Promise<Outcome> {
    const key = { ownerSecret: this.#secret };
    const bytes = this.bytes;
    const source = (async function* () {
      yield bytes;
    })();
    const manifest = { name: 'crash.bin', kind: 'file' as const, size: bytes.length };
    this.#spooled = await spoolFile(source, manifest, key, memorySpool);
    while (!stop.aborted && !(await this.#attempt(stop))) await pause(LOOK_MS);
    return this.#follow(stop);
  }

  /** True when the put is done, or its job is over. */
  async #attempt(stop: AbortSignal): Promise<boolean> {
    try {
      await this.#put(AbortSignal.any([stop, this.#life.signal]));
      return true;
    } catch (error) {
      if (!(error instanceof PalisadeError)) throw error;
      const why = `${error.code}: ${error.message}`;
      if (this.interruptions.at(-1) !== why) this.interruptions.push(why);
      return error.code === 'client/job-over';
    }
  }

  async #put(signal: AbortSignal): Promise<void> {
    const { path } = this.#options;
    const spooled = this.#spooled!;
    const state = existsSync(path) ? parsePutState(readFileSync(path, 'utf8')) : undefined;
    const wish = { size: spooled.size, durationMs: SESSIONS * TIMING.sessionMs };
    const { sessions, maxRate } =
      state ?? (await this.market.quote({ ...wish, replicas: REPLICAS + SPARES }));
    await this.market.put({
      ...spooled,
      replicas: REPLICAS,
      sessions,
      maxRate,
      ...(state ? { state } : {}),
      onState: (now) => atomicWrite(path, formatPutState(now)),
      onProgress: (progress) => this.#onProgress(progress),
      signal,
    });
  }

  #onProgress(progress: PutProgress): void {
    const { step } = progress;
    if (step === 'partner-failed') {
      this.interruptions.push(progress.error.message);
      return;
    }
    if (step === 'confirmed') this.confirmed.add(toHex(progress.job));
    this.#options.onStep(step);
    if (step !== 'uploading') void this.#transfer();
  }

  /** A payment beside the job, so that the main lane has acknowledged transactions too. */
  async #transfer(): Promise<void> {
    const to = new Uint8Array(randomBytes(20));
    const fields = { to, denom: 'pal', amount: 10n ** 18n };
    try {
      const { id } = await this.chain.post(send, fields, this.#signer);
      this.acknowledged.add(toHex(id));
    } catch (error) {
      // Nothing was promised, so nothing is expected.
      if (!(error instanceof PalisadeError)) throw error;
    }
  }

  /** The job that the client has written down. */
  #job(): Uint8Array {
    return parsePutState(readFileSync(this.#options.path, 'utf8')).request!.job;
  }

  /** Waits for the payout to every partner, or for the end of the job. */
  async #follow(stop: AbortSignal): Promise<Outcome> {
    for (; !stop.aborted; await pause(LOOK_MS)) {
      try {
        const job = this.#job();
        const { history, ...view } = await this.market.job(job);
        const named = (name: string) => history.filter((event) => event.name === name).length;
        if (named('market.audit-answered') > 0) this.#options.onStep('audit-answered');
        const paid = named('market.partner-paid');
        if (paid > 0) this.#options.onStep('payout');
        const active = view.agreements.filter(
          ({ agreement }) => agreement.state === AGREEMENT_STATE.active,
        );
        if (isOver(view) || (active.length > 0 && paid >= active.length)) return { view, paid };
      } catch (error) {
        if (!(error instanceof PalisadeError)) throw error;
      }
    }
    throw new Error('the job did not come to its payout or end');
  }

  /** The file, as the partners give it back. */
  async fetchBack(job: Uint8Array): Promise<Uint8Array> {
    const got = await this.market.get(job);
    const parts: Uint8Array[] = [];
    for await (const part of got.bytes) parts.push(part);
    return Buffer.concat(parts);
  }
}

export function isOver({ job }: JobView): boolean {
  return job.state === JOB_STATE.completed || job.state === JOB_STATE.cancelled;
}
