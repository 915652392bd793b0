/**
 * One question to a root-chain node and its answer. Whatever comes back is hostile until a schema has
 * taken it: a proxy's HTML page, half an answer, another question's answer, a node that never stops
 * talking. One call is one attempt; `patient` tries again.
 */
import { PalisadeError } from '@palisade/core';
import * as z from 'zod';
import { refused, trouble } from './errors.ts';

/** A JSON-RPC method with its arguments, and what its result must look like. */
export type Question<T> = {
  readonly method: string;
  readonly params: readonly unknown[];
  readonly result: z.ZodType<T>;
};

/** Asks a root-chain node. Throws `PalisadeError`: `retry: 'later'` for troubles, 'never' for refusals. */
export type Rpc = {
  ask<T>(question: Question<T>, signal?: AbortSignal): Promise<T>;
  /** The node that answered last: its host, and its place among the addresses; not its path, which can hold a key. */
  readonly node?: string | undefined;
  /** Asks another node from now on, where there is one: this one answers, but is behind. */
  turn?(): void;
};

export type RpcOptions = {
  /** Nodes of the same chain; after a failure the next one is asked. */
  readonly urls: readonly string[];
  /** One attempt takes no longer, ms. A node that is alive answers a batch of logs in far less. */
  readonly timeoutMs?: number;
  /** An answer is no longer, bytes: a batch of 1,000 blocks full of our logs fits many times. */
  readonly maxBytes?: number;
  /** A node, as `node` names it, that is not asked at present: its word is what others are asked to confirm. */
  readonly except?: () => string | undefined;
};

const TIMEOUT_MS = 20_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** JSON-RPC codes for "too many requests": EIP-1474, and providers that reuse the HTTP status. */
const LIMIT_CODES = new Set([-32005, 429]);
/** What providers write when the limit is one of size, not of rate: fewer blocks would do. */
const TOO_LARGE = /range|too (?:large|many)|more than \d+|limit exceeded|response size/i;
const MAX_MESSAGE = 300;

const envelope = z.union([
  z.object({
    jsonrpc: z.literal('2.0'),
    id: z.number(),
    error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }),
  }),
  z.object({ jsonrpc: z.literal('2.0'), id: z.number(), result: z.unknown() }),
]);

/** Asks nodes over HTTP, one attempt per call. */
export function httpRpc(options: RpcOptions): Rpc {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  let lastId = 0;
  let turn = 0;
  let answered: string | undefined;
  const nameOf = (url: string) => `${new URL(url).host} (#${options.urls.indexOf(url) + 1})`;
  return {
    get node() {
      return answered;
    },
    turn() {
      turn++;
    },
    async ask(question, signal) {
      const except = options.except?.();
      const urls = options.urls.filter((url) => nameOf(url) !== except);
      const url = urls[turn % urls.length];
      if (url === undefined)
        throw trouble('unreachable', `There is no root-chain node beside ${except}.`);
      const id = ++lastId;
      try {
        const body = await post(url, id, question, {
          maxBytes,
          signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]),
        });
        const result = judge(question, id, body);
        answered = nameOf(url);
        return result;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        if (error instanceof PalisadeError && error.retry === 'never') throw error;
        turn++;
        if (error instanceof PalisadeError) throw error;
        throw trouble('unreachable', `The root-chain node did not answer ${question.method}.`, {
          cause: error,
        });
      }
    },
  };
}

async function post(
  url: string,
  id: number,
  { method, params }: Question<unknown>,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
    signal,
  });
  const text = await readBounded(response, maxBytes);
  if (response.status === 429)
    throw trouble('rate-limited', `The root-chain node limits requests (${method}).`);
  // Some nodes send JSON-RPC errors with status 400 or 500: only what is no JSON is judged by it.
  if (!response.ok && !text.startsWith('{'))
    throw trouble('unreachable', `The root-chain node answered HTTP ${response.status}.`, {
      data: { status: response.status },
    });
  return text;
}

async function readBounded(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder('utf-8');
  const parts: string[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > maxBytes)
      throw trouble('garbage', `The root-chain node sent more than ${maxBytes} bytes.`);
    parts.push(decoder.decode(chunk as Uint8Array, { stream: true }));
  }
  return parts.join('') + decoder.decode();
}

function judge<T>(question: Question<T>, id: number, text: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw garbage(question, 'is no JSON', text);
  }
  const opened = envelope.safeParse(json);
  if (!opened.success) throw garbage(question, 'is no JSON-RPC answer', text);
  if (opened.data.id !== id) throw garbage(question, 'belongs to another question', text);
  if ('error' in opened.data) throw ofError(question, opened.data.error);
  const result = question.result.safeParse(opened.data.result);
  if (!result.success)
    throw garbage(question, `is not what was asked for (${result.error.issues[0]?.message})`, text);
  return result.data;
}

function garbage({ method }: Question<unknown>, what: string, text: string): PalisadeError {
  return trouble('garbage', `The root-chain node's answer to ${method} ${what}.`, {
    data: { answer: text.slice(0, MAX_MESSAGE) },
  });
}

function ofError(
  { method }: Question<unknown>,
  error: { code: number; message: string; data?: unknown },
): PalisadeError {
  const message = error.message.slice(0, MAX_MESSAGE);
  if (LIMIT_CODES.has(error.code) && !TOO_LARGE.test(message))
    return trouble('rate-limited', `The root-chain node limits requests: ${message}`);
  // -32603 is "internal error": the node's trouble, not the question's.
  if (error.code === -32603 && !/revert/i.test(message))
    return trouble('unreachable', `The root-chain node failed at ${method}: ${message}`);
  const data: Record<string, string | number> = { method, code: error.code };
  if (typeof error.data === 'string') data.revert = error.data.slice(0, 10_000);
  return refused(message, data);
}
