/**
 * The child chain's public API, as a watcher needs it. What it answers is a stranger's word: bounded in
 * size and time, read by a schema, and judged by what the root chain has.
 */
import { exactJson, fromHex, PalisadeError, parseExactJson, toHex } from '@palisade/core';
import { readBounded } from '@palisade/daemon/base';
import type { ReceivedBlock } from '@palisade/payments';
import * as z from 'zod';

export type ChildChain = {
  /** The block with this root; undefined when the child chain says that it has none. */
  block(hash: Uint8Array): Promise<ReceivedBlock | undefined>;
  /** Hands on a call of a client, and what it was answered: `data` of the envelope. */
  forward(method: string, body: unknown): Promise<ForwardAnswer>;
};

export type ForwardAnswer = { readonly success: boolean; readonly data: unknown };

/** 65 536 transactions of 1 KiB in hex, and their quotes. */
const MAX_BLOCK_BYTES = 140 * 1024 * 1024;
const MAX_ANSWER_BYTES = 1024 * 1024;
const MAX_TXS = 65_536;
/** A full block at 2 MB/s takes 70 s. */
const BLOCK_MS = 90_000;
const CALL_MS = 15_000;

const hex = (maxBytes: number) =>
  z
    .string()
    .max(2 + 2 * maxBytes)
    .regex(/^0x(?:[0-9a-fA-F]{2})*$/)
    .transform((text) => fromHex(text.toLowerCase()));
const blockAnswer = z.object({
  blknum: z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER)),
  hash: hex(32),
  transactions: z.array(hex(1024)).max(MAX_TXS),
});
const envelope = z.object({ success: z.boolean(), data: z.unknown() });
const failure = z.object({ code: z.string().max(200) });

/** A child chain at a base URL. */
export function httpChildChain(baseUrl: string): ChildChain {
  const url = (method: string) => `${baseUrl.replace(/\/+$/, '')}/${method}`;
  return {
    block: async (hash) => {
      const body = { hash: toHex(hash) };
      const { success, data } = await post(url('block.get'), body, MAX_BLOCK_BYTES, BLOCK_MS);
      if (!success && failure.safeParse(data).data?.code.endsWith('not_found')) return undefined;
      const read = blockAnswer.safeParse(data);
      if (!success || !read.success) throw badAnswer('block.get', read.error?.message);
      const { blknum, hash: answered, transactions } = read.data;
      return { number: Number(blknum), hash: answered, transactions };
    },
    forward: (method, body) => post(url(method), body, MAX_ANSWER_BYTES, CALL_MS),
  };
}

async function post(
  url: string,
  body: unknown,
  maxBytes: number,
  timeoutMs: number,
): Promise<ForwardAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: exactJson(body),
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
  }).catch((cause: unknown) => {
    throw unreachable(url, cause);
  });
  const bytes = await readBounded(response, maxBytes).catch((cause: unknown) => {
    throw unreachable(url, cause);
  });
  if (!bytes) throw badAnswer(url, `it has more than ${maxBytes} bytes`);
  let value: unknown;
  try {
    value = parseExactJson(new TextDecoder().decode(bytes));
  } catch (error) {
    throw badAnswer(url, `status ${response.status}: ${(error as Error).message}`);
  }
  const read = envelope.safeParse(value);
  if (!read.success) throw badAnswer(url, 'it is not the envelope of the API');
  return { success: read.data.success, data: read.data.data };
}

function unreachable(url: string, cause: unknown): PalisadeError {
  return new PalisadeError({
    code: 'watcher/child-chain-unreachable',
    message: `The child chain does not answer at ${url}: ${(cause as Error).message}.`,
    retry: 'later',
    cause,
  });
}

function badAnswer(what: string, why: string | undefined): PalisadeError {
  return new PalisadeError({
    code: 'watcher/bad-answer',
    message: `The child chain answers ${what} with something else than asked for: ${why ?? 'a failure'}.`,
    retry: 'later',
  });
}
