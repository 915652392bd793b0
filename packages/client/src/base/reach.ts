/**
 * The one retry policy (C2V-2.G1): attempt k, counted from 0, asks k + 1 validators at once; at
 * most four attempts, so ten validators, which is the largest active set. Between attempts a pause
 * with jitter; validators that were not asked yet come first, the quick and reliable before others.
 */
import type { PalisadeError } from '@palisade/core';
import type { Directory, Validator } from './directory.ts';
import { type Environment, follow } from './environment.ts';
import { aborted, asClientError, clientError } from './errors.ts';

export type ReachPolicy = {
  readonly attempts: number;
  /** For each attempt. */
  readonly timeoutMs: number;
  /** Before the second attempt; doubles, and is spread by half to both sides. */
  readonly pauseMs: number;
};

/** 6 s: a request takes at most 4 s before a block's job file fills, and 2 s on the way. */
export const DEFAULT_POLICY: ReachPolicy = { attempts: 4, timeoutMs: 6000, pauseMs: 500 };
/** Blocks of one second: the same in small. */
export const DEVELOPMENT_POLICY: ReachPolicy = { attempts: 4, timeoutMs: 2000, pauseMs: 100 };

export type Answer<T> = { readonly validator: Validator; readonly value: T };

export type ReachOptions<T> = {
  /** What is wanted, for the error: `the status`. */
  readonly what: string;
  /**
   * When to stop; by default at the first answer, and then one final refusal ends it. With a
   * predicate a refusal is one validator's word: it is not asked again, the others are.
   */
  readonly enough?: (answers: readonly Answer<T>[]) => boolean;
  /** Key of a validator to ask first: one that is known to have what is wanted. */
  readonly first?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

export type ReachContext = {
  readonly directory: Directory;
  readonly env: Environment;
  readonly policy: ReachPolicy;
};

/** How one validator is asked. */
export type Call<T> = (validator: Validator, signal: AbortSignal) => Promise<T>;

/** Refusals that concern one validator only, whatever they say about retrying. */
const NOT_THIS_ONE = new Set(['market/not-active', 'client/other-chain']);

/** Whatever a daemon thinks of trying again: that something is not there is an answer. */
const NOT_FOUND = 404;

type Failed = { readonly validator: Validator; readonly error: PalisadeError };

/**
 * Asks validators until there is enough.
 * @throws PalisadeError a final refusal as the validator gave it; `client/unreachable` with
 * `data.tried`; `client/aborted`; `client/no-validators`
 */
export async function reach<T>(
  context: ReachContext,
  call: Call<T>,
  options: ReachOptions<T>,
): Promise<readonly Answer<T>[]> {
  const { policy, env, directory } = context;
  const answers: Answer<T>[] = [];
  const failures: Failed[] = [];
  const closed = new Set<string>();
  for (let attempt = 0; attempt < policy.attempts; attempt++) {
    if (failures.length > 0) await env.sleep(pauseOf(context, attempt), options.signal);
    const chosen = choose(directory, attempt + 1, closed, failures, options.first);
    if (chosen.length === 0) break;
    const final = await askAll(context, call, options, chosen, { answers, failures, closed });
    if (final) throw final;
    if (isEnough(options, answers)) return answers;
  }
  throw outcome(options, failures, answers.length);
}

function isEnough<T>({ enough }: ReachOptions<T>, answers: readonly Answer<T>[]): boolean {
  return enough ? enough(answers) : answers.length > 0;
}

function pauseOf({ policy, env }: ReachContext, attempt: number): number {
  return policy.pauseMs * 2 ** Math.max(0, attempt - 1) * (0.5 + env.random());
}

/** Those not asked yet, best first; then those that failed, the longest ago first. */
function choose(
  directory: Directory,
  wanted: number,
  closed: ReadonlySet<string>,
  failures: readonly Failed[],
  first: string | undefined,
): readonly Validator[] {
  const open = directory.list().filter(({ key }) => !closed.has(key));
  const lastFailure = (key: string) => failures.findLastIndex((f) => f.validator.key === key);
  const rank = ({ key }: Validator) => (key === first ? -2 : lastFailure(key));
  return [...open].sort((a, b) => rank(a) - rank(b)).slice(0, wanted);
}

type Progress<T> = {
  readonly answers: Answer<T>[];
  readonly failures: Failed[];
  readonly closed: Set<string>;
};

/** One attempt: resolves when all have answered or failed, at once when there is enough. */
async function askAll<T>(
  { directory, env, policy }: ReachContext,
  call: Call<T>,
  options: ReachOptions<T>,
  chosen: readonly Validator[],
  progress: Progress<T>,
): Promise<PalisadeError | undefined> {
  const life = follow(options.signal);
  let final: PalisadeError | undefined;
  const askOne = async (validator: Validator) => {
    const started = env.nowMs();
    try {
      const value = await withTimeout(env, policy.timeoutMs, validator, life.signal, call);
      if (life.signal.aborted) return;
      directory.noteAnswer(validator.key, env.nowMs() - started);
      progress.closed.add(validator.key);
      progress.answers.push({ validator, value });
      if (isEnough(options, progress.answers)) life.abort();
    } catch (thrown) {
      if (life.signal.aborted) return;
      const error = asClientError(thrown, validator.url);
      progress.failures.push({ validator, error });
      if (isRefusalOf(error)) directory.noteAnswer(validator.key, env.nowMs() - started);
      else directory.noteFailure(validator.key);
      if (!isFinal(error)) return;
      progress.closed.add(validator.key);
      if (options.enough || NOT_THIS_ONE.has(error.code)) return;
      final ??= error;
      life.abort();
    }
  };
  await Promise.all(chosen.map(askOne));
  life.release();
  if (options.signal?.aborted) throw aborted();
  return final;
}

async function withTimeout<T>(
  env: Environment,
  timeoutMs: number,
  validator: Validator,
  outer: AbortSignal,
  call: Call<T>,
): Promise<T> {
  const life = follow(outer);
  const alarm = follow(outer);
  const late = env.sleep(timeoutMs, alarm.signal).then(() => {
    throw clientError('client/timeout', `${validator.url} did not answer in ${timeoutMs} ms.`, {
      retry: 'now',
    });
  });
  try {
    return await Promise.race([call(validator, life.signal), late]);
  } finally {
    late.catch(() => {}); // the alarm of an answer that came in time
    alarm.abort();
    alarm.release();
    life.abort();
    life.release();
  }
}

/** A refusal is an answer of a working daemon; own codes are failures to get one. */
function isRefusalOf(error: PalisadeError): boolean {
  return !error.code.startsWith('client/');
}

function isFinal(error: PalisadeError): boolean {
  if (NOT_THIS_ONE.has(error.code)) return true;
  return isRefusalOf(error) && (error.retry === 'never' || error.data.status === NOT_FOUND);
}

function outcome<T>(
  { what }: ReachOptions<T>,
  failures: readonly Failed[],
  answered: number,
): PalisadeError {
  const refusal = failures.find(
    ({ error }) => isRefusalOf(error) && error.code !== 'market/not-active',
  );
  if (refusal) return refusal.error;
  if (failures.length === 0 && answered === 0)
    return clientError('client/no-validators', `No validator is known to ask for ${what}.`, {
      next: 'Give the URL of one: --url, or PALISADE_URL.',
    });
  const tried = failures.map(({ validator, error }) => `${validator.url}: ${error.message}`);
  const why = failures.at(-1)?.error.message ?? `${answered} answered, and that is not enough.`;
  return clientError(
    'client/unreachable',
    `${new Set(failures.map((f) => f.validator.key)).size + answered} validators were asked for ${what}, ${answered} answered. The last: ${why}`,
    {
      retry: 'later',
      next: 'Check the connection, and that the network runs: one for development is started by palisade devnet.',
      data: { tried, answered },
    },
  );
}
