/** The chain's events as one endless list, whatever happens to connections and validators. */
import type { EventDeclaration } from '@palisade/chain/schema';
import { PalisadeError } from '@palisade/core';
import { type ChainEvent, historyEvent } from './answers.ts';
import type { Validator } from './directory.ts';
import { asClientError, clientError } from './errors.ts';
import type { ReachContext } from './reach.ts';
import { type ServerEvent, serverEvents } from './server-events.ts';

export type FollowOptions = {
  /** Names or prefixes, as `market.`; all events without. */
  readonly topics?: readonly string[];
  /** First height; the next block without. */
  readonly from?: bigint;
  readonly signal?: AbortSignal;
};

/** Connections in a row that may fail before the follower gives up, with growing pauses: half a minute. */
const MAX_RECONNECTS = 10;
const MAX_PAUSE_MS = 5000;

type Place = { readonly height: bigint; readonly index: number };

/**
 * Events in order, each once. A broken connection is taken up again, at another validator if need
 * be, after the event that was seen last. Ends by the signal only.
 * @throws PalisadeError `client/unreachable` when nobody serves events any more; then go on with
 * `from`; `client/aborted`
 */
export async function* followEvents(
  context: ReachContext,
  { topics = [], from, signal }: FollowOptions,
  nextHeight: () => Promise<bigint>,
): AsyncGenerator<ChainEvent> {
  const start = from ?? (await nextHeight());
  let last: Place | undefined;
  for (let failures = 0; failures <= MAX_RECONNECTS; ) {
    const validators = context.directory.list();
    const validator = validators[failures % Math.max(1, validators.length)];
    if (!validator) break;
    try {
      for await (const event of connection(context, validator, topics, start, last, signal)) {
        if (last && !isAfter(event, last)) continue;
        failures = 0;
        last = event;
        yield event;
      }
      failures++;
    } catch (error) {
      failures = fail(context, validator, error, failures);
    }
    const pause = Math.min(MAX_PAUSE_MS, context.policy.pauseMs * 2 ** failures);
    await context.env.sleep(pause * (0.5 + context.env.random()), signal);
  }
  throw clientError('client/unreachable', 'No validator serves events any more.', {
    retry: 'later',
    next: `Go on from block ${last?.height ?? start} when validators answer again.`,
  });
}

/** Counts a failure; what another connection cannot mend is thrown. */
function fail(
  { directory }: ReachContext,
  validator: Validator,
  thrown: unknown,
  failures: number,
): number {
  const error = asClientError(thrown, validator.url);
  if (error.code === 'client/aborted') throw error;
  const isRefusal = !error.code.startsWith('client/');
  if (isRefusal && error.retry === 'never') throw error;
  if (error.code !== 'client/timeout') directory.noteFailure(validator.key);
  return failures + 1;
}

function isAfter(event: Place, last: Place): boolean {
  return event.height > last.height || (event.height === last.height && event.index > last.index);
}

async function* connection(
  { env, policy }: ReachContext,
  { url }: Validator,
  topics: readonly string[],
  start: bigint,
  last: Place | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<ChainEvent> {
  const query = new URLSearchParams({ from: `${start}` });
  if (topics.length > 0) query.set('topics', topics.join(','));
  const request = {
    url: `${url}/v1/events?${query}`,
    timeoutMs: policy.timeoutMs,
    ...(last ? { headers: { 'last-event-id': `${last.height}.${last.index}` } } : {}),
    ...(signal ? { signal } : {}),
  };
  for await (const event of serverEvents(env, request)) yield parse(event, url);
}

function parse({ id, data }: ServerEvent, url: string): ChainEvent {
  const place = /^([0-9]{1,20})\.([0-9]{1,9})$/.exec(id ?? '');
  try {
    const json = JSON.parse(data) as object;
    if (place) return historyEvent.fromJson({ ...json, index: Number(place[2]) }, 'event');
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof PalisadeError)) throw error;
  }
  throw clientError('client/bad-answer', `${url} sent an event that cannot be read.`, {
    retry: 'now',
  });
}

/** The data of an event if it is one of this kind, by its declaration; otherwise undefined. */
export function readEvent<T>(
  declaration: EventDeclaration<T>,
  event: { readonly name: string; readonly data: unknown },
): T | undefined {
  if (event.name !== declaration.name) return undefined;
  return declaration.schema.fromJson(event.data, event.name);
}
