/**
 * The main job by a client that may lose its network, or itself, at any moment: it goes on from the
 * files that it wrote to the disk.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { send } from '@palisade/chain';
import {
  type ChainClient,
  connect,
  describeSpool,
  formatPutState,
  type MarketClient,
  memorySpool,
  openMarket,
  type PutProgress,
  parsePutState,
  type Spool,
  spoolFile,
} from '@palisade/client';
import { accountSigner, PalisadeError, toHex } from '@palisade/core';
import { atomicWrite } from '@palisade/daemon';
import { makeNetwork } from '@palisade/devnet';
import { AGREEMENT_STATE, isOver } from '@palisade/market';
import type { Step } from './points.ts';
import { TIMING } from './timing.ts';

/** Two of five partners: spares are there when one of them fails. */
const REPLICAS = 2;
/** Partners that may be dearer than those needed: a put does not ask one again that has failed. */
const SPARES = 2;
/** Two groups and a bit, so that an upload can be cut. */
const FILE_BYTES = 2 * 1024 * 1024 + 4711;
const SESSIONS = 2;
/** How often the client looks at the chain, ms. */
const LOOK_MS = 100;

/** What came of the job. */
export type Outcome = {
  readonly job: string;
  /** Partners that were paid. */
  readonly paid: number;
};

/** What the client learns. */
export type Heard =
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'acknowledged'; readonly id: string }
  | { readonly kind: 'confirmed'; readonly job: string }
  | { readonly kind: 'interrupted'; readonly why: string }
  | { readonly kind: 'outcome'; readonly outcome: Outcome };

export type MainJobOptions = {
  readonly urls: readonly string[];
  /** Where its state and its content are. */
  readonly folder: string;
  readonly tell: (heard: Heard) => void;
};

const { clientSecret: SECRET } = makeNetwork('crash', 0, TIMING);

/** The content as partners get it. */
type Sealed = { readonly spool: Spool; readonly contentId: Uint8Array };

/** The bytes that the client stores: always the same, as those of a file are. */
export function contentOfJob(): Uint8Array {
  const block = createHash('sha512').update('crash').digest();
  return Buffer.alloc(FILE_BYTES, block);
}

/** The client's door to the network. */
export function clientOf(urls: readonly string[]) {
  const chain = connect({ urls });
  const signer = accountSigner(SECRET);
  return { chain, signer, market: openMarket(chain, { signer, ownerSecret: SECRET }) };
}

export class MainJob {
  readonly #chain: ChainClient;
  readonly #market: MarketClient;
  readonly #signer;
  readonly #options: MainJobOptions;
  readonly #told = new Set<Step>();

  constructor(options: MainJobOptions) {
    this.#options = options;
    const { chain, market, signer } = clientOf(options.urls);
    this.#chain = chain;
    this.#market = market;
    this.#signer = signer;
  }

  /** Runs the job to its first payout, or to its end. */
  async run(): Promise<Outcome> {
    const spooled = await this.#spool();
    this.#step('begun');
    while (!(await this.#attempt(spooled))) await pause(LOOK_MS);
    return this.#follow();
  }

  /** The sealed content: an earlier process has written it down, or it is sealed now. */
  async #spool(): Promise<Sealed> {
    const path = join(this.#options.folder, 'content');
    if (!existsSync(path)) {
      const manifest = { name: 'crash.bin', kind: 'file' as const, size: FILE_BYTES };
      const source = once(contentOfJob());
      const { spool } = await spoolFile(source, manifest, { ownerSecret: SECRET }, memorySpool);
      const sealed = new Uint8Array(spool.size);
      await spool.read(0, sealed);
      await atomicWrite(path, sealed);
    }
    const spool = await memorySpool(once(readFileSync(path)));
    const { contentId } = await describeSpool(spool);
    return { spool, contentId };
  }

  /** True when the put is done, or its job is over. */
  async #attempt(spooled: Sealed): Promise<boolean> {
    try {
      await this.#put(spooled);
      return true;
    } catch (error) {
      if (!(error instanceof PalisadeError)) throw error;
      this.#options.tell({ kind: 'interrupted', why: `${error.code}: ${error.message}` });
      return error.code === 'client/job-over';
    }
  }

  get #statePath(): string {
    return join(this.#options.folder, 'put.json');
  }

  async #put({ spool, contentId }: Sealed): Promise<void> {
    const path = this.#statePath;
    const state = existsSync(path) ? parsePutState(readFileSync(path, 'utf8')) : undefined;
    const wish = { size: spool.size, durationMs: SESSIONS * TIMING.sessionMs };
    const { sessions, maxRate } =
      state ?? (await this.#market.quote({ ...wish, replicas: REPLICAS + SPARES }));
    await this.#market.put({
      spool,
      contentId,
      replicas: REPLICAS,
      sessions,
      maxRate,
      ...(state ? { state } : {}),
      onState: (now) => atomicWrite(path, formatPutState(now)),
      onProgress: (progress) => this.#onProgress(progress),
    });
  }

  #step(step: Step): void {
    if (this.#told.has(step)) return;
    this.#told.add(step);
    this.#options.tell({ kind: 'step', step });
  }

  #onProgress(progress: PutProgress): void {
    const { step } = progress;
    const { tell } = this.#options;
    if (step === 'partner-failed') {
      tell({ kind: 'interrupted', why: progress.error.message });
      return;
    }
    if (step === 'confirmed') tell({ kind: 'confirmed', job: toHex(progress.job) });
    this.#step(step);
    if (step !== 'uploading') void this.#transfer();
  }

  /** A payment beside the job, so that the main lane has acknowledged transactions too. */
  async #transfer(): Promise<void> {
    const to = new Uint8Array(randomBytes(20));
    const fields = { to, denom: 'pal', amount: 10n ** 18n };
    try {
      const { id } = await this.#chain.post(send, fields, this.#signer);
      this.#options.tell({ kind: 'acknowledged', id: toHex(id) });
    } catch (error) {
      // Nothing was promised, so nothing is expected.
      if (!(error instanceof PalisadeError)) throw error;
    }
  }

  /** Waits for the payout to every partner, or for the end of the job. */
  async #follow(): Promise<Outcome> {
    const { job } = parsePutState(readFileSync(this.#statePath, 'utf8')).request!;
    for (; ; await pause(LOOK_MS)) {
      try {
        const { history, ...view } = await this.#market.job(job);
        const named = (name: string) => history.filter((event) => event.name === name).length;
        if (named('market.audit-answered') > 0) this.#step('audit-answered');
        const paid = named('market.partner-paid');
        if (paid > 0) this.#step('payout');
        const active = view.agreements.filter(
          ({ agreement }) => agreement.state === AGREEMENT_STATE.active,
        );
        if (isOver(view.job) || (active.length > 0 && paid >= active.length))
          return { job: toHex(job), paid };
      } catch (error) {
        if (!(error instanceof PalisadeError)) throw error;
      }
    }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}
