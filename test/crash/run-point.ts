/** One point: the network dies there, comes back, and must have kept every promise. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fromHex, toHex } from '@palisade/core';
import { isOver } from '@palisade/market';
import { auditState } from '@palisade/node';
import { Client } from './client.ts';
import { bytesOf, clientOf, contentOfJob, type Outcome } from './main-job.ts';
import { Network } from './network.ts';
import type { Point, Step } from './points.ts';

/** Longest time for a job, ms: four sessions and a restart are 20 s, and the machine may be busy. */
const PATIENCE_MS = 240_000;
/** Time in which what was acknowledged must be in a block, ms: many blocks, on a busy machine as well. */
const INCLUSION_MS = 60_000;
/** Time in which the first block after a restart must be there, ms. */
const BLOCK_MS = 60_000;
/** Time in which the blocks of a moment come after its step, ms. */
const STRIKE_MS = 20_000;

/** Refusals by rules of the market: the transaction came too late for its session or its job. */
const TOO_LATE = /^market\//;

export type PointReport = {
  /** Whether the process died at the point, and not afterwards because it was never reached. */
  readonly reached: boolean;
  /** From the death to a network that makes blocks again, ms. */
  readonly recoveryMs: number;
  /** Laws checked on the stopped folder. */
  readonly laws: number;
  readonly height: string;
  readonly end: string;
  /** Promises that were looked up: transactions, jobs, contents. */
  readonly promises: number;
  /** Acknowledged transactions that were dropped, with the code that says why. */
  readonly dropped: readonly string[];
  /** What does not hold; nothing, when all is well. */
  readonly failures: readonly string[];
  readonly interruptions: readonly string[];
};

export async function runPoint(point: Point, keep: boolean): Promise<PointReport> {
  const network = await Network.create();
  const failures: string[] = [];
  const run = new Run(network, point, failures);
  try {
    const report = await run.go();
    if (keep && failures.length > 0) console.error(`kept: ${network.root}`);
    return report;
  } finally {
    await run.stop();
    if (!(keep && failures.length > 0)) await rm(network.root, { recursive: true, force: true });
  }
}

class Run {
  readonly #network: Network;
  readonly #client: Client;
  readonly #point: Point;
  readonly #failures: string[];
  readonly #dropped: string[] = [];
  readonly #chain;
  readonly #market;
  #promises = 0;
  #recoveryMs = 0;
  #isArmed = false;
  /** The kill that is on its way after a step. */
  #blow: Promise<void> | undefined;
  /** The network is gone for good. */
  readonly #hopeless = new AbortController();

  constructor(network: Network, point: Point, failures: string[]) {
    this.#network = network;
    this.#point = point;
    this.#failures = failures;
    this.#client = new Client(network, (step) => this.#onStep(step));
    const { chain, market } = clientOf(network.urls);
    this.#chain = chain;
    this.#market = market;
  }

  async go(): Promise<PointReport> {
    const network = this.#network;
    void network.start(this.#point);
    const restarted = network
      .gone()
      .then(() => this.#restart())
      .catch((error: Error) => {
        const { ended, errors } = network;
        const why = [error.message, ended && `it ended with ${ended}`, errors];
        this.#fail(`the network did not come back: ${why.filter(Boolean).join('; ')}`);
        this.#hopeless.abort();
      });
    await this.#client.start();
    await this.#outcome();
    const reached = await this.#struck();
    if (!reached) network.kill();
    await restarted;
    // A client that was killed in the meantime has gone through it again.
    const outcome = await this.#outcome();
    const end = await this.#checkAll(outcome);
    const audit = await this.#stopAndAudit();
    return {
      reached,
      recoveryMs: Math.round(this.#recoveryMs),
      ...audit,
      end,
      promises: this.#promises,
      dropped: this.#dropped,
      failures: this.#failures,
      interruptions: this.#client.interruptions,
    };
  }

  async stop(): Promise<void> {
    await this.#client.stop();
    this.#network.kill();
    await this.#network.gone();
  }

  #fail(what: string): void {
    this.#failures.push(what);
  }

  #onStep(step: Step): void {
    const point = this.#point;
    if (this.#isArmed) return;
    if (point.kind === 'step' && point.step === step) {
      this.#isArmed = true;
      this.#blow = pause(point.afterMs).then(() => this.#network.kill());
    }
    if (point.kind === 'engine' && point.after === step) {
      this.#isArmed = true;
      this.#network.arm();
    }
  }

  /** Undefined when it did not come in time. */
  async #outcome(): Promise<Outcome | undefined> {
    const stop = AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), this.#hopeless.signal]);
    const given = new Promise<undefined>((resolve) => {
      if (stop.aborted) resolve(undefined);
      stop.addEventListener('abort', () => resolve(undefined));
    });
    try {
      return await Promise.race([this.#client.outcome(), given]);
    } catch (error) {
      this.#fail((error as Error).message);
      return undefined;
    }
  }

  /** Whether the network died at its point; a job that ends in the meantime does not call it off. */
  async #struck(): Promise<boolean> {
    await this.#blow;
    const until = performance.now() + (this.#isArmed ? STRIKE_MS : 0);
    while (this.#network.killedAt === undefined && performance.now() < until) await pause(20);
    return this.#network.killedAt !== undefined;
  }

  async #restart(): Promise<void> {
    const network = this.#network;
    if (network.ended !== 'SIGKILL')
      throw new Error(`it ended with ${network.ended}: ${network.errors}`);
    const before = performance.now();
    if (this.#point.client) await this.#client.restart();
    if (!(await network.start(undefined))) throw new Error(network.errors);
    const from = await this.#height();
    const until = performance.now() + BLOCK_MS;
    while ((await this.#height()) <= from && performance.now() < until) await pause(20);
    if ((await this.#height()) <= from) this.#fail('no block is made after the restart');
    this.#recoveryMs = performance.now() - before;
  }

  async #status(): Promise<{ height: string; shadow: { height: string } | null }> {
    return (await (await fetch(`${this.#network.urls[0]}/status`)).json()) as never;
  }

  async #height(): Promise<bigint> {
    return BigInt((await this.#status()).height);
  }

  /** What came of the job, in words. */
  async #checkAll(outcome: Outcome | undefined): Promise<string> {
    let end = 'none';
    try {
      if (outcome) end = await this.#checkJob(outcome);
      else this.#fail('the job did not come to its payout or end');
      await this.#checkPromises();
      await this.#checkShadow();
    } catch (error) {
      this.#fail(`it could not be asked: ${(error as Error).message}`);
    }
    return end;
  }

  /** The job is on chain, and the file comes back while somebody is paid for keeping it. */
  async #checkJob({ job, paid }: Outcome): Promise<string> {
    const view = await this.#chain.job(fromHex(job));
    if (!view) {
      this.#fail(`the chain has no job ${job}`);
      return 'none';
    }
    if (isOver(view.job)) {
      if (view.job.reason === '' && paid === 0) this.#fail('the job ended without a reason');
      return `over (${view.job.reason}), ${paid} paid`;
    }
    try {
      const back = await bytesOf((await this.#market.get(view.id)).bytes);
      if (Buffer.compare(back, contentOfJob()) !== 0) this.#fail('the file came back otherwise');
    } catch (error) {
      this.#fail(`the file does not come back: ${(error as Error).message}`);
    }
    return `${paid} paid`;
  }

  async #checkPromises(): Promise<void> {
    const { confirmed } = this.#client;
    const acknowledged = new Set(this.#client.acknowledged);
    const complete = new Set<string>();
    for (const one of this.#network.said())
      if (one.kind === 'acknowledged') acknowledged.add(one.id);
      else complete.add(`${one.port} ${one.job}`);
    this.#promises = confirmed.size + acknowledged.size + complete.size;
    for (const job of confirmed) {
      const { status } = await this.#fate(job);
      if (status !== 'included') this.#fail(`the confirmed job ${job} is ${status}`);
    }
    for (const id of acknowledged) await this.#checkAcknowledged(id);
    for (const key of complete) await this.#expectHeld(key);
  }

  /** An acknowledged transaction is in a block, or its own record says why it came too late for one. */
  async #checkAcknowledged(id: string): Promise<void> {
    const { status, error } = await this.#fate(id);
    if (status === 'included') return;
    const code = error?.code ?? '';
    if (status === 'dropped') this.#dropped.push(code);
    if (status !== 'dropped' || !TOO_LATE.test(code))
      this.#fail(`the acknowledged transaction ${id} is ${status} (${code} ${error?.message})`);
  }

  /** Where a transaction stands when it waits no more, or when it was waited for long enough. */
  async #fate(id: string): Promise<Fate> {
    const until = performance.now() + INCLUSION_MS;
    for (;;) {
      const response = await fetch(`${this.#network.urls[0]}/v1/transactions/${id}`);
      const fate = (await response.json()) as Partial<Fate>;
      const { status = 'unknown', error } = fate;
      if (status === 'included' || status === 'dropped' || performance.now() > until)
        return { status, error };
      await pause(50);
    }
  }

  /** What the validators logged. No folder: they had nothing to say. */
  #logLines(): readonly string[] {
    const folder = join(this.#network.root, 'node', 'log');
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
  }

  /** A partner that said `complete` serves the content as long as the job runs. */
  async #expectHeld(key: string): Promise<void> {
    const [port, job] = key.split(' ') as [string, string];
    const view = await this.#chain.job(fromHex(job));
    if (!view) return this.#fail(`${key} is complete, but the chain has no such job`);
    if (isOver(view.job)) return;
    const url = `http://127.0.0.1:${port}/v1/content/${toHex(view.job.subject)}`;
    const response = await fetch(url);
    const size = (await response.arrayBuffer()).byteLength;
    if (response.status !== 200 || BigInt(size) !== view.job.size)
      this.#fail(`partner ${port} said complete and gives ${response.status}, ${size} bytes`);
  }

  /** Both replicas stand at the same block, and have compared every one. */
  async #checkShadow(): Promise<void> {
    const { height, shadow } = await this.#status();
    if (!shadow || BigInt(shadow.height) + 2n < BigInt(height))
      this.#fail(`the shadow stands at ${shadow?.height} of ${height}`);
    const response = await fetch(`${this.#network.urls[0]}/health`);
    if (response.status !== 200) this.#fail(`not healthy: ${await response.text()}`);
  }

  async #stopAndAudit(): Promise<{ laws: number; height: string }> {
    const { root } = this.#network;
    const code = await this.#network.stop();
    if (code !== 0) this.#fail(`the network ended with ${code}: ${this.#network.errors}`);
    for (const line of this.#logLines())
      if (/"level":"?(fatal|60)/.test(line)) this.#fail(`logged: ${line.slice(0, 500)}`);
    const { findings, height } = await auditState(join(root, 'node'));
    for (const { name, ok, what } of findings) if (!ok) this.#fail(`${name}: ${what}`);
    return { laws: findings.length, height: `${height}` };
  }
}

type Fate = {
  readonly status: string;
  readonly error: { readonly code: string; readonly message: string } | undefined;
};
