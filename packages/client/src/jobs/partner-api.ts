/** A partner's HTTP interface (spec/api.md). Every call concerns one partner and is made once. */
import { bytes32, PalisadeError, toHex } from '@palisade/core';
import type { Environment } from '../base/environment.ts';
import { clientError } from '../base/errors.ts';
import { type OpenStream, openStream, requestBytes, requestJson } from '../base/http.ts';
import {
  count,
  envelopeBytes,
  listOf,
  object,
  oneOf,
  optional,
  plainText,
  type ReadBy,
} from '../base/shapes.ts';
import { TUNNEL_PATH } from '../tunnel/frames.ts';

/** A partner as a caller knows it: where it is, and how long its answers may take. */
export type PartnerDoor = {
  readonly env: Environment;
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
};

const STATES = ['upload', 'starting', 'complete'] as const;
const agreementReader = object({
  state: oneOf(STATES),
  offset: count,
  size: optional(count),
  start: optional(bytes32),
});
/** How far an agreement is at the partner: `complete` once it runs. */
export type AgreementState = {
  readonly state: (typeof STATES)[number];
  readonly offset: number;
};

/** Time for a piece of an upload: the last one is answered after all was read again and hashed. */
const PIECE_TIMEOUT_MS = 60_000;
/** Words of a partner about a run that failed. */
const MAX_REASON_CHARS = 400;
/** Silence within a download after which another partner is asked. */
const DOWNLOAD_IDLE_MS = 10_000;

export function postVoucher(door: PartnerDoor, voucher: Uint8Array): Promise<AgreementState> {
  const request = { ...at(door, '/v1/agreements'), method: 'POST' as const, body: voucher };
  return requestJson(door.env, request, agreementReader);
}

export function agreementState(door: PartnerDoor, job: Uint8Array): Promise<AgreementState> {
  return requestJson(door.env, at(door, `/v1/agreements/${toHex(job)}`), agreementReader);
}

/** What a partner answers that knows no such request. */
const UNKNOWN_ROUTE: readonly unknown[] = [404, 405];

/**
 * Sends the group roots, so that the partner checks every MiB as it comes, and no stranger can
 * spoil the upload. A partner that does not take them checks at the end; then this is undefined.
 */
export async function putOutline(
  door: PartnerDoor,
  job: Uint8Array,
  roots: Uint8Array,
): Promise<AgreementState | undefined> {
  const path = `/v1/agreements/${toHex(job)}/outline`;
  const request = { ...at(door, path), method: 'PUT' as const, body: roots };
  try {
    return await requestJson(door.env, request, agreementReader);
  } catch (error) {
    if (error instanceof PalisadeError && UNKNOWN_ROUTE.includes(error.data.status))
      return undefined;
    throw error;
  }
}

/** Sends bytes from `offset` on; the answer says where the next ones go. */
export function putPiece(
  door: PartnerDoor,
  job: Uint8Array,
  offset: number,
  bytes: Uint8Array,
): Promise<AgreementState> {
  const path = `/v1/agreements/${toHex(job)}/content?offset=${offset}`;
  const request = { ...at(door, path), method: 'PUT' as const, body: bytes };
  return requestJson(door.env, { ...request, timeoutMs: PIECE_TIMEOUT_MS }, agreementReader);
}

/** The group roots of a content; to be checked against its id. */
export function outlineBytes(
  door: PartnerDoor,
  contentId: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array> {
  const request = at(door, `/v1/content/${toHex(contentId)}/outline`);
  return requestBytes(door.env, { ...request, maxBytes });
}

/**
 * The bytes of a content from `from` on, as they come.
 * @throws PalisadeError `client/bad-answer` when the partner ignores where to begin
 */
export async function contentFrom(
  door: PartnerDoor,
  contentId: Uint8Array,
  from: number,
): Promise<OpenStream> {
  const request = at(door, `/v1/content/${toHex(contentId)}`);
  const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
  const stream = await openStream(door.env, { ...request, headers }, DOWNLOAD_IDLE_MS);
  if (from === 0 || stream.status === 206) return stream;
  stream.close();
  throw clientError('client/bad-answer', `${door.url} does not serve parts of a content.`);
}

const runReader = object({
  state: oneOf(['waiting', 'done', 'failed'] as const),
  result: optional(envelopeBytes),
  reason: optional(plainText(MAX_REASON_CHARS)),
});

/** How far the run of a computation job is at its partner, with the signed result once it is done. */
export function runState(door: PartnerDoor, job: Uint8Array) {
  return requestJson(door.env, at(door, `/v1/agreements/${toHex(job)}/result`), runReader);
}

/** The output of a run, once its receipt is signed; to be checked against its id. */
export function runOutput(
  door: PartnerDoor,
  job: Uint8Array,
  maxBytes: number,
): Promise<Uint8Array> {
  const request = at(door, `/v1/agreements/${toHex(job)}/output`);
  return requestBytes(door.env, { ...request, timeoutMs: PIECE_TIMEOUT_MS, maxBytes });
}

/** Rules of a partner's list at most, and characters of one. */
const MAX_RULES = 256;
const MAX_RULE_CHARS = 300;
const tunnelReader = object({
  allow: listOf(plainText(MAX_RULE_CHARS), MAX_RULES),
  voucherMs: count,
  voucherBytes: count,
  maxStreams: count,
  connectsPerSecond: count,
});
/** Where a partner's tunnels lead, and how often they must be paid. */
export type TunnelTerms = ReadBy<typeof tunnelReader>;

export function tunnelTerms(door: PartnerDoor): Promise<TunnelTerms> {
  return requestJson(door.env, at(door, TUNNEL_PATH), tunnelReader);
}

const receiptReader = object({ receipt: envelopeBytes });

/** Exchanges receipts: ours for the partner's. */
export async function postReceipt(door: PartnerDoor, receipt: Uint8Array): Promise<Uint8Array> {
  const request = { ...at(door, '/v1/receipts'), method: 'POST' as const, body: receipt };
  return (await requestJson(door.env, request, receiptReader)).receipt;
}

function at({ url, timeoutMs, signal }: PartnerDoor, path: string) {
  return { url: `${url}${path}`, timeoutMs, ...(signal ? { signal } : {}) };
}
