/** One point: the network dies there, comes back, and must have kept every promise. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { toHex } from '@palisade/core';
import { auditState } from '@palisade/node';
import { isOver, MainJob, type Outcome } from './main-job.ts';
import { Network } from './network.ts';
import type { Point } from './points.ts';

/** Longest time for a point, ms: four sessions, one restart, and a busy machine. */
const PATIENCE_MS = 60_000;
/** Time in which what was acknowledged must be in a block, ms: many blocks. */
const INCLUSION_MS = 5_000;

/** A waiting transaction dropped by a rule of the market, not by its nonce or its fee. */
const OUTDATED = /"codespace":"market\/[a-z-]+","msg":"A waiting transaction no longer passes/;

export type PointReport = {
  /** Whether the process died at the point, and not afterwards because it was never reached. */
  readonly reached: boolean;
  /** From the death to a network that makes blocks again, ms. */
  readonly recoveryMs: number;
  /** Laws checked on the stopped folder. */
  readonly laws: number;
  readonly height: string;
  readonly end: string;
  /** Promises that were looked up: transactions, contents. */
  readonly promises: number;
  /** What does not hold; nothing, when all is well. */
  readonly failures: readonly string[];
  readonly interruptions: readonly string[];
};

export async function runPoint(point: Point, keep: boolean): Promise<PointReport> {
  const network = await Network.create();
  const failures: string[] = [];
  let run: Run | undefined;
  try {
    run = new Run(network, point, failures);
    const report = await run.go();
    if (keep && failures.length > 0) console.error(`kept: ${network.root}`);
    return report;
  } finally {
    network.kill();
    await network.gone();
    if (!(keep && failures.length > 0)) await rm(network.root, { recursive: true, force: true });
  }
}

class Run {
  readonly #network: Network;
  readonly #point: Point;
  readonly #failures: string[];
  readonly #job: MainJob;
  #recoveryMs = 0;
  #stepSeen = false;
  /** The kill that is on its way after a step. */
  #blow: Promise<void> | undefined;
  /** The network is gone for good. */
  readonly #hopeless = new AbortController();

  constructor(network: Network, point: Point, failures: string[]) {
    this.#network = network;
    this.#point = point;
    this.#failures = failures;
    this.#job = new MainJob({
      urls: network.urls,
      path: join(network.root, 'put.json'),
      onStep: (step) => {
        if (point.kind !== 'step' || step !== point.step || this.#stepSeen) return;
        this.#stepSeen = true;
        this.#blow = pause(point.afterMs).then(() => network.kill());
      },
    });
  }

  async go(): Promise<PointReport> {
    const stop = AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), this.#hopeless.signal]);
    const network = this.#network;
    void network.start(this.#point);
    const died = network.gone();
    const restarted = died
      .then(() => this.#restart())
      .catch((error: Error) => {
        this.#fail(`the network did not come back: ${error.message}`);
        this.#hopeless.abort();
      });
    const working = this.#job.run(stop);
    let outcome: Outcome | undefined;
    try {
      outcome = await working;
    } catch (error) {
      this.#fail((error as Error).message);
    }
    // A job that ends in the meantime does not call it off.
    await this.#blow;
    const reached = this.#blow !== undefined || network.killedAt !== undefined;
    if (!reached) network.kill();
    await restarted;
    try {
      if (outcome) await this.#check(outcome);
      await this.#checkPromises();
      await this.#checkShadow();
    } catch (error) {
      this.#fail(`it could not be asked: ${(error as Error).message}`);
    }
    const audit = await this.#stopAndAudit();
    return {
      reached,
      recoveryMs: Math.round(this.#recoveryMs),
      ...audit,
      end: outcome ? endOf(outcome) : 'none',
      promises: network.said().length + this.#job.acknowledged.size + this.#job.confirmed.size,
      failures: this.#failures,
      interruptions: this.#job.interruptions,
    };
  }

  #fail(what: string): void {
    this.#failures.push(what);
  }

  async #restart(): Promise<void> {
    const network = this.#network;
    if (network.ended !== 'SIGKILL')
      throw new Error(`it ended with ${network.ended}: ${network.errors.join('')}`);
    if (this.#point.client) this.#job.interrupt();
    const before = network.killedAt ?? performance.now();
    if (!(await network.start(undefined))) throw new Error(network.errors.join(''));
    const from = await this.#height();
    const until = performance.now() + INCLUSION_MS;
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

  /** The job is on chain, and the file comes back while somebody is paid for keeping it. */
  async #check({ view, paid }: Outcome): Promise<void> {
    const now = (await this.#job.chain.job(view.id)) ?? view;
    if (isOver(now)) {
      if (now.job.reason === '' && paid === 0) this.#fail('the job ended without a reason');
      return;
    }
    try {
      const back = await this.#job.fetchBack(view.id);
      if (Buffer.compare(back, this.#job.bytes) !== 0) this.#fail('the file came back otherwise');
    } catch (error) {
      this.#fail(`the file does not come back: ${(error as Error).message}`);
    }
  }

  async #checkPromises(): Promise<void> {
    for (const job of this.#job.confirmed)
      if (!(await this.#isIncluded(job))) this.#fail(`the confirmed job ${job} is in no block`);
    const said = this.#network.said();
    const acknowledged = new Set(this.#job.acknowledged);
    for (const one of said) if (one.kind === 'acknowledged') acknowledged.add(one.id);
    const missing: string[] = [];
    for (const id of acknowledged) if (!(await this.#isIncluded(id))) missing.push(id);
    // What came too late for its session or job is dropped for that reason, and the log says so.
    const outdated = this.#logLines().filter((line) => OUTDATED.test(line)).length;
    if (missing.length > outdated)
      this.#fail(
        `acknowledged, but in no block: ${missing.join(', ')}; ${outdated} dropped as outdated`,
      );
    const complete = new Set<string>();
    for (const one of said) if (one.kind === 'complete') complete.add(`${one.port} ${one.job}`);
    for (const key of complete) await this.#expectHeld(key);
  }

  async #isIncluded(id: string): Promise<boolean> {
    const until = performance.now() + INCLUSION_MS;
    for (; performance.now() < until; await pause(50)) {
      const response = await fetch(`${this.#network.urls[0]}/v1/transactions/${id}`);
      const { status } = (await response.json()) as { readonly status?: string };
      if (status === 'included') return true;
    }
    return false;
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
    const view = await this.#job.chain.job(Buffer.from(job.slice(2), 'hex'));
    if (!view) return this.#fail(`${key} is complete, but the chain has no such job`);
    if (isOver(view)) return;
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
    if (code !== 0) this.#fail(`the network ended with ${code}: ${this.#network.errors.join('')}`);
    for (const line of this.#logLines())
      if (/"level":"?(fatal|60)/.test(line)) this.#fail(`logged: ${line.slice(0, 500)}`);
    const { findings, height } = await auditState(join(root, 'node'));
    for (const { name, ok, what } of findings) if (!ok) this.#fail(`${name}: ${what}`);
    return { laws: findings.length, height: `${height}` };
  }
}

function endOf({ view, paid }: Outcome): string {
  return isOver(view) ? `over (${view.job.reason}), ${paid} paid` : `${paid} paid`;
}
