/**
 * Gives work to partners, and waits for what they find. How far each hiring is can be written down:
 * whoever goes on with it after a crash has the same jobs, and pays for no other.
 */
import { describeContent, equalBytes, PalisadeError } from '@palisade/core';
import {
  AGREEMENT_STATE,
  encodeWork,
  isOpen,
  rateFor,
  runEndOf,
  runResult,
  UTILITY,
} from '@palisade/market/schema';
import { openMessage } from '../base/answers.ts';
import type { JobContext } from './context.ts';
import { runState } from './partner-api.ts';
import { put } from './put.ts';
import type { ChosenPartner, PutState } from './put-state.ts';
import { RUN_SESSIONS } from './quote.ts';
import type { Ran, RunWish } from './run.ts';
import { memorySpool } from './spool.ts';
import { doorOf } from './upload.ts';

/** Pause between two looks at a run, ms: it grows, so that a long one is not asked after for nothing. */
const FIRST_LOOK_MS = 50;
const LAST_LOOK_MS = 2000;
/** Failures in a row after which a partner is given up. */
const MAX_FAILURES = 5;

export type Hired = Omit<Ran, 'paid'> & ChosenPartner;
type Work = { readonly job: Uint8Array; readonly partners: readonly ChosenPartner[] };

export class Hiring {
  readonly #context: JobContext;
  readonly #wish: RunWish;
  readonly #content: Uint8Array;
  readonly #states: PutState[];
  #count = 0;

  /** @throws PalisadeError `market/work-too-large` */
  constructor(context: JobContext, wish: RunWish) {
    this.#context = context;
    this.#wish = wish;
    this.#content = encodeWork(wish);
    this.#states = [...(wish.hires ?? [])];
  }

  /** Gives the work to some more partners, none of them `known`, and answers with what they find. */
  async hire(count: number, known: readonly Hired[]): Promise<Hired[]> {
    const place = this.#count++;
    const state = this.#states[place];
    const { job, partners } =
      (state && (await this.#begun(state))) ?? (await this.#give(place, count, known));
    return Promise.all(partners.map((one) => resultOf(this.#context, this.#wish, job, one)));
  }

  /** The partners of an earlier try whose work is or will be paid; undefined when there are not all. */
  async #begun({ request, chosen, replicas }: PutState): Promise<Work | undefined> {
    const view = request && (await this.#context.chain.job(request.job));
    if (!view) return undefined;
    const { active } = AGREEMENT_STATE;
    const partners = view.agreements.flatMap(({ partner, agreement }) => {
      const { rate, state, final } = agreement;
      const url = chosen.find((one) => equalBytes(one.partner, partner))?.url;
      const counts = url !== undefined && (state === active || final === 1);
      return counts ? [{ partner, url, rate }] : [];
    });
    return partners.length === replicas ? { job: view.id, partners } : undefined;
  }

  async #give(place: number, count: number, known: readonly Hired[]): Promise<Work> {
    const { limits, maxRate, minScore = 0, onProgress, signal } = this.#wish;
    const { roots, contentId } = describeContent([this.#content]);
    const state = await this.#openState(place);
    return put(this.#context, {
      utility: UTILITY.computation,
      spool: await memorySpool(once(this.#content)),
      contentId,
      roots,
      replicas: count,
      sessions: RUN_SESSIONS,
      maxRate,
      minScore,
      // An offer is for all that the client allows; what is asked shows in the price.
      suits: ({ ready }) => rateFor(ready.price, limits.fuel) <= maxRate,
      without: known.map(({ partner }) => partner),
      onState: async (now) => {
        this.#states[place] = now;
        await this.#wish.onHires?.([...this.#states]);
      },
      ...(state ? { state } : {}),
      ...(onProgress ? { onProgress } : {}),
      ...(signal ? { signal } : {}),
    });
  }

  /** Where an earlier try can be taken up; a job that is over cannot. */
  async #openState(place: number): Promise<PutState | undefined> {
    const state = this.#states[place];
    const view = state?.request && (await this.#context.chain.job(state.request.job));
    return view && !isOpen(view.job) ? undefined : state;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Ten minutes: beyond that, a run should be cut into several. */
const DEFAULT_PATIENCE_MS = 600_000;

/** Waits for what a partner finds; that there is nothing to be had from it is an answer, too. */
async function resultOf(
  context: JobContext,
  { patienceMs = DEFAULT_PATIENCE_MS, onProgress, signal }: RunWish,
  job: Uint8Array,
  chosen: ChosenPartner,
): Promise<Hired> {
  const { partner, url } = chosen;
  const { env } = context.chain.context;
  const domain = await context.chain.domain();
  const until = env.nowMs() + patienceMs;
  const nothing = (reason: string): Hired => {
    onProgress?.({ step: 'no-result', partner, reason });
    return { ...chosen, job, evidence: undefined, result: undefined, reason };
  };
  let failures = 0;
  for (let pauseMs = FIRST_LOOK_MS; env.nowMs() < until; pauseMs *= 1.5) {
    try {
      const { state, result: evidence, reason } = await runState(doorOf(context, url, signal), job);
      if (state === 'failed') return nothing(reason ?? 'it gave no reason');
      if (state === 'done' && evidence) {
        const { sender, value } = openMessage(runResult, evidence, domain, url);
        const end = runEndOf(value.end);
        if (!equalBytes(sender, partner) || !equalBytes(value.job, job) || !end)
          return nothing('its result is about something else');
        const said = reason ?? '';
        onProgress?.({ step: 'ran', partner, end, fuel: value.fuel, reason: said });
        return { ...chosen, job, evidence, result: value, reason: said };
      }
      failures = 0;
    } catch (error) {
      if (!(error instanceof PalisadeError) || error.code === 'client/aborted') throw error;
      if (++failures === MAX_FAILURES) return nothing(error.message);
    }
    await env.sleep(Math.min(pauseMs, LAST_LOOK_MS), signal);
  }
  return nothing(`it took longer than ${patienceMs} ms`);
}
