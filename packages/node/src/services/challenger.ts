/**
 * Challenging partners (P2V-1.G2), the duty of a passive validator: those whom the session's randomness
 * gives it are asked for a sign of life and for leaves, at a time that nobody knows. One that fails
 * three times is reported; that harms nobody unless the other validator found the same by itself. Of
 * successes only those are reported that free a contained partner.
 */
import { sessions } from '@palisade/chain';
import { equalBytes, toBinaryString } from '@palisade/core';
import {
  type Challenge,
  challenges,
  FINDING,
  MAX_CHALLENGE_ANSWER,
  ROLE,
  reportChallenge,
  standingViewOf,
} from '@palisade/market';
import { challengePartner, type Found } from './challenge-partner.ts';
import { fileCommand } from './file-command.ts';
import type { Pool } from './pool.ts';
import type { Validator } from './validator.ts';

/** Failures in a row that make a partner missing: a line may break, a process start again. */
const TRIES = 3;
/** Partners asked at a time. */
const AT_ONCE = 8;
/** Blocks that may refuse a report: their time is behind that of the READY in it by one or two. */
const MOST_REFUSALS = 5;
/** Bytes of a report at most: the partner's READY and its answer are in it. */
const REPORT_BYTES = 2560 + MAX_CHALLENGE_ANSWER;

/** Names of findings in metrics. */
const NAMES = { 1: 'passed', 2: 'unreachable', 3: 'bad-answer', 4: 'wrong-leaves' } as const;

type Task = {
  readonly partner: Uint8Array;
  readonly challenge: Challenge;
  /** The READY by which the partner should be there, and where; undefined until one holds. */
  ready: { readonly envelope: Uint8Array; readonly url: string } | undefined;
  failures: number;
  nextMs: number;
  isAsked: boolean;
  /** What is to be reported, and how often that was refused. */
  found: Found | undefined;
  refusals: number;
};

export class Challenger {
  private readonly pool: Pool;
  private readonly self: Validator;
  private readonly stopping = new AbortController();
  private readonly asking = new Set<Promise<void>>();
  /** Of the running session, by partner: as many as the chain draws. */
  private readonly tasks = new Map<string, Task>();
  private session: bigint | undefined;

  constructor(pool: Pool, self: Validator) {
    this.pool = pool;
    this.self = self;
  }

  /** Partners that are still to be challenged, or reported, in the running session. */
  get open(): number {
    return this.tasks.size;
  }

  /** Looks after what is due; called with every block. It does not wait for partners. */
  async look(): Promise<void> {
    const running = sessions.get(this.pool.application.committed, this.self.session);
    if (!running || running.randomnessHeight === 0n) return;
    if (this.session !== running.number) this.begin(running.number);
    for (const [key, task] of this.tasks) {
      if (task.found) await this.report(key, task, task.found);
      else if (this.isDue(task)) this.ask(key, task, running.randomness);
    }
  }

  /** Resolves when nobody is being asked any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.asking);
  }

  private begin(session: bigint): void {
    this.session = session;
    this.tasks.clear();
    const { application, nowMs } = this.pool;
    for (const [[, partner], challenge] of challenges.list(application.committed, session)) {
      if (!this.isToReport(challenge)) continue;
      const nextMs = nowMs() + Math.random() * this.pool.timing.challengeSpreadMs;
      const begun = {
        ready: undefined,
        failures: 0,
        isAsked: false,
        found: undefined,
        refusals: 0,
      };
      this.tasks.set(toBinaryString(partner), { partner, challenge, nextMs, ...begun });
    }
  }

  /** Whether this validator is one of the two, and has not reported yet. */
  private isToReport({ first, second, firstSaid, secondSaid }: Challenge): boolean {
    const { nodeKey } = this.self;
    if (equalBytes(first, nodeKey)) return firstSaid === 0;
    return equalBytes(second, nodeKey) && secondSaid === 0;
  }

  private isDue({ isAsked, nextMs }: Task): boolean {
    if (isAsked || this.asking.size >= AT_ONCE || this.stopping.signal.aborted) return false;
    return nextMs <= this.pool.nowMs();
  }

  private ask(key: string, task: Task, seed: Uint8Array): void {
    const { partner, challenge } = task;
    const { board, nowMs } = this.pool;
    if (board.hasSignedOff(partner)) {
      this.tasks.delete(key);
      return;
    }
    // Nobody has to be there who never said so; whoever did is held to it, also when it fell silent.
    const entry = board.find(partner, nowMs());
    if (entry) task.ready = { envelope: entry.envelope, url: entry.value.url };
    if (!task.ready) return;
    const asked = { partner, url: task.ready.url, challenge, seed };
    const { signal } = this.stopping;
    task.isAsked = true;
    const asking: Promise<void> = challengePartner(this.pool, this.self, asked, signal)
      .then((found) => this.take(key, task, found))
      // What fails on this side says nothing about the partner: it is asked again.
      .catch(() => {})
      .finally(() => {
        task.isAsked = false;
        this.asking.delete(asking);
      });
    this.asking.add(asking);
  }

  /** Takes note of what came of asking; what counts for nothing is over, what counts is reported. */
  private take(key: string, task: Task, found: Found): void {
    const isPassed = found.finding === FINDING.passed;
    // A session that is over asks nobody; and who gave up itself was not left without an answer.
    if (this.tasks.get(key) !== task || this.stopping.signal.aborted) return;
    this.pool.metrics.count('challenges_total', { finding: NAMES[found.finding] });
    if (!isPassed) {
      task.failures++;
      task.nextMs = this.pool.nowMs() + this.pool.timing.challengeRetryMs;
      if (task.failures >= TRIES) task.found = found;
      return;
    }
    const { committed } = this.pool.application;
    if (standingViewOf(committed, ROLE.partner, task.partner).contained === 1) task.found = found;
    else this.tasks.delete(key);
  }

  /** Files what was found, until it stands on the chain or nobody wants to know. */
  private async report(key: string, task: Task, { finding, answer }: Found): Promise<void> {
    const { application, board } = this.pool;
    const { partner, ready } = task;
    const session = this.session!;
    const known = challenges.get(application.committed, session, partner);
    const hasLeft = finding !== FINDING.passed && board.hasSignedOff(partner);
    if (!known || !ready || hasLeft || !this.isToReport(known)) {
      this.tasks.delete(key);
      return;
    }
    const report = { session, partner, finding, ready: ready.envelope, answer };
    const outcome = await fileCommand(this.pool, this.self, reportChallenge, report, REPORT_BYTES);
    if (outcome === 'refused' && ++task.refusals >= MOST_REFUSALS) this.tasks.delete(key);
  }
}
