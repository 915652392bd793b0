/** Single HTTP requests: bounded in time and size, answers checked, refusals told from failures. */
import { type ErrorData, PalisadeError, type Retry } from '@palisade/core';
import { type Environment, follow } from './environment.ts';
import { aborted, asClientError, clientError } from './errors.ts';
import { plainText, type Reader } from './shapes.ts';

/** Bytes of a JSON answer at most: a page of 100 records or a block's events stay far below. */
export const MAX_JSON_BYTES = 8 * 1024 * 1024;
/** Bytes of a refusal that are read. */
const MAX_REFUSAL_BYTES = 64 * 1024;

export type HttpRequest = {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** From the request to the last byte of the answer; for streams, to its headers. */
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
};

/**
 * Sends a request and reads a JSON answer.
 * @throws PalisadeError with the daemon's own code for a refusal; `client/timeout`,
 * `client/connection`, `client/bad-answer`, `client/answer-too-large`, `client/aborted`
 */
export async function requestJson<T>(
  env: Environment,
  request: HttpRequest,
  reader: Reader<T>,
): Promise<T> {
  const bytes = await requestBytes(env, request);
  try {
    return reader.fromJson(JSON.parse(new TextDecoder().decode(bytes)), '');
  } catch (cause) {
    throw badAnswer(request.url, cause instanceof PalisadeError ? cause.message : 'it is no JSON');
  }
}

/** As `requestJson`, for an answer of raw bytes. */
export async function requestBytes(env: Environment, request: HttpRequest): Promise<Uint8Array> {
  return timed(env, request, async (signal) => {
    const response = await send(env, request, signal);
    return readAll(response, request.maxBytes ?? MAX_JSON_BYTES, request.url);
  });
}

/** An answer that is read as it comes. */
export type OpenStream = {
  readonly status: number;
  readonly headers: Headers;
  /** Ends with the answer. @throws PalisadeError `client/timeout` when nothing comes for too long */
  readonly bytes: AsyncIterable<Uint8Array>;
  close(): void;
};

/**
 * Sends a request whose answer is a stream. The time limit covers the headers; `idleMs` every pause
 * between two chunks.
 */
export async function openStream(
  env: Environment,
  request: HttpRequest,
  idleMs: number,
): Promise<OpenStream> {
  const life = follow(request.signal);
  const close = () => {
    life.abort();
    life.release();
  };
  try {
    const inner = { ...request, signal: life.signal };
    // The stream outlives the wait for its headers, so the fetch hangs on the stream's own signal.
    const response = await timed(env, inner, () => send(env, request, life.signal), close);
    const bytes = chunks(env, response, request.url, idleMs, life.signal, close);
    return { status: response.status, headers: response.headers, bytes, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function* chunks(
  env: Environment,
  response: Response,
  url: string,
  idleMs: number,
  signal: AbortSignal,
  close: () => void,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return close();
  // Also ends the wait for bytes of a fetch that does not heed its signal.
  const cancel = () => reader.cancel().catch(() => {}); // a broken stream has nothing left to cancel
  signal.addEventListener('abort', cancel, { once: true });
  const watch = watchWaits(env, idleMs, close);
  const check = () => {
    if (watch.isLate()) throw timeout(url, idleMs);
    if (signal.aborted) throw aborted();
  };
  try {
    for (;;) {
      const next = await watch.wait(reader.read());
      check();
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    check();
    throw asClientError(error, url);
  } finally {
    watch.stop();
    await cancel();
    close();
  }
}

/**
 * Calls `onLate` once a wait has lasted too long. One alarm for all waits of a stream: an alarm for
 * each of the chunks of a large file leaves more garbage than the chunks themselves.
 */
function watchWaits(env: Environment, mostMs: number, onLate: () => void) {
  const alarm = follow();
  let sinceMs: number | undefined;
  let isLate = false;
  const watch = async () => {
    for (let leftMs = mostMs; leftMs > 0; ) {
      await env.sleep(leftMs, alarm.signal);
      leftMs = sinceMs === undefined ? mostMs : sinceMs + mostMs - env.nowMs();
    }
    isLate = true;
    onLate();
  };
  watch().catch(() => {}); // it was told to stop
  return {
    isLate: () => isLate,
    stop: () => alarm.abort(),
    async wait<T>(work: Promise<T>): Promise<T> {
      sinceMs = env.nowMs();
      const value = await work;
      sinceMs = undefined;
      return value;
    },
  };
}

/** Runs `work` under the request's time limit; `onTimeout` ends what would otherwise go on. */
async function timed<T>(
  env: Environment,
  { url, signal, timeoutMs }: HttpRequest,
  work: (signal: AbortSignal) => Promise<T>,
  onTimeout: () => void = () => {},
): Promise<T> {
  const life = follow(signal);
  const alarm = follow();
  let isLate = false;
  const late = (async () => {
    if (timeoutMs === undefined) return new Promise<never>(() => {});
    await env.sleep(timeoutMs, alarm.signal);
    isLate = true;
    life.abort();
    onTimeout();
    throw timeout(url, timeoutMs);
  })();
  late.catch(() => {}); // the alarm of a request that ended in time is dropped
  const given = new Promise<never>((_, reject) => {
    const stop = () => reject(isLate ? timeout(url, timeoutMs!) : aborted());
    if (life.signal.aborted) stop();
    life.signal.addEventListener('abort', stop, { once: true });
  });
  given.catch(() => {}); // nobody waits for it when the work ends first
  try {
    return await Promise.race([work(life.signal), late, given]);
  } catch (error) {
    if (isLate) throw timeout(url, timeoutMs!);
    if (signal?.aborted) throw aborted();
    throw asClientError(error, url);
  } finally {
    alarm.abort();
    life.release();
  }
}

async function send(
  env: Environment,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<Response> {
  const { url, method = 'GET', body } = request;
  const type = typeof body === 'string' ? 'application/json' : 'application/octet-stream';
  const headers = { ...(body === undefined ? {} : { 'content-type': type }), ...request.headers };
  const init: RequestInit = { method, headers, signal, redirect: 'error' };
  if (body !== undefined) init.body = body as BodyInit;
  const response = await env.fetch(url, init);
  if (response.ok) return response;
  throw await refusalOf(response, url);
}

async function readAll(response: Response, max: number, url: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  if (!reader) return new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > max) {
      await reader.cancel().catch(() => {}); // it may be broken already
      throw clientError('client/answer-too-large', `${url} sent more than ${max} bytes.`, {
        retry: 'now',
        data: { url },
      });
    }
    parts.push(value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const text = plainText(600);
/** `module/what-is-wrong`, and no more than a line of it. */
const CODE = /^[a-z][a-z0-9-]*\/[a-z0-9-]{1,80}$/;
const RETRIES: readonly unknown[] = ['never', 'later', 'now'];

async function refusalOf(response: Response, url: string): Promise<PalisadeError> {
  const bytes = await readAll(response, MAX_REFUSAL_BYTES, url).catch(() => new Uint8Array(0));
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    json = undefined;
  }
  return (
    refusalFromJson((json as { error?: unknown } | undefined)?.error, response.status) ??
    clientError('client/bad-answer', `${url} answered with status ${response.status}.`, {
      retry: 'now',
      data: { url, status: response.status },
    })
  );
}

/**
 * The refusal that a daemon wrote into an answer, or undefined when it is none. `data.status` is
 * the HTTP status that came with it.
 */
export function refusalFromJson(json: unknown, status?: number): PalisadeError | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { code, message, next, retry, data } = json as Record<string, unknown>;
  if (typeof code !== 'string' || !CODE.test(code) || typeof message !== 'string') return undefined;
  return new PalisadeError({
    code,
    message: text.fromJson(message, 'error.message'),
    retry: RETRIES.includes(retry) ? (retry as Retry) : 'never',
    data: { ...plainData(data), ...(status === undefined ? {} : { status }) },
    ...(typeof next === 'string' ? { next: text.fromJson(next, 'error.next') } : {}),
  });
}

/** Entries of a refusal's data, and of lists in it, that are kept. */
const MAX_DATA = 64;

function plainData(data: unknown): ErrorData {
  const kept: Record<string, string | number | boolean | readonly string[]> = {};
  if (typeof data !== 'object' || data === null) return kept;
  for (const [name, value] of Object.entries(data).slice(0, MAX_DATA)) {
    if (typeof value === 'number' || typeof value === 'boolean') kept[name] = value;
    if (typeof value === 'string') kept[name] = text.fromJson(value, name);
    if (Array.isArray(value))
      kept[name] = value.slice(0, MAX_DATA).map((entry) => text.fromJson(asText(entry), name));
  }
  return kept;
}

function asText(entry: unknown): string {
  return typeof entry === 'string' ? entry : (JSON.stringify(entry) ?? '');
}

export function badAnswer(url: string, why: string): PalisadeError {
  return clientError('client/bad-answer', `The answer of ${url} cannot be used: ${why}`, {
    retry: 'now',
    data: { url },
  });
}

function timeout(url: string, ms: number): PalisadeError {
  return clientError('client/timeout', `${url} did not answer within ${ms} ms.`, {
    retry: 'now',
    data: { url, ms },
  });
}
