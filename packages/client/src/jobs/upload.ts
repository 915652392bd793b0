/** One partner gets its copy: voucher, bytes with resume, and the start in a block (P2V-5). */
import { PalisadeError, toHex } from '@palisade/core';
import { clientError } from '../base/errors.ts';
import { agreementOf, type JobContext } from './context.ts';
import {
  type AgreementState,
  agreementState,
  type PartnerDoor,
  postVoucher,
  putOutline,
  putPiece,
} from './partner-api.ts';
import type { ChosenPartner } from './put-state.ts';
import type { Spool } from './spool.ts';
import { signVoucher } from './voucher.ts';

/** Bytes sent at a time: large enough to forget the cost of a request, small enough to hold for each partner. */
const PIECE_BYTES = 2 * 1024 * 1024;
/** Failures without progress after which a partner is given up. */
const MAX_FAILURES = 4;
/**
 * A partner that took a part and then went away may just be restarting: what it has is worth this
 * many of the time limits of a request, and the others' offers may have run out by then.
 */
const RETURN_TIMEOUTS = 10;
/** Blocks until a start must be seen, once all bytes are there. */
const START_BLOCKS = 20;
/** A partner reads everything again before it starts: a slow disk does this much. */
const HASHED_BYTES_PER_SECOND = 32 * 1024 * 1024;
/** The first voucher of an agreement. */
export const FIRST_SEQUENCE = 1;

export type UploadJob = {
  readonly job: Uint8Array;
  readonly sessions: number;
  readonly spool: Spool;
  /** Group roots of the content. */
  readonly roots: Uint8Array;
  readonly onSent: (sent: number) => void;
  /** Whether the partner answered at all; told once. */
  readonly onContact?: (ok: boolean) => void;
  readonly signal?: AbortSignal | undefined;
};

export function doorOf({ chain }: JobContext, url: string, signal?: AbortSignal): PartnerDoor {
  const { env, policy } = chain.context;
  return { env, url, timeoutMs: policy.timeoutMs, ...(signal ? { signal } : {}) };
}

/**
 * Hands a partner its voucher and the bytes, and waits until the chain shows that it has started.
 * @throws PalisadeError `client/partner-failed` with the reason
 */
export async function engage(
  context: JobContext,
  chosen: ChosenPartner,
  upload: UploadJob,
): Promise<void> {
  const door = doorOf(context, chosen.url, upload.signal);
  try {
    const { job, sessions } = upload;
    const voucher = await signVoucher(context, job, chosen, FIRST_SEQUENCE, sessions);
    const begun = await firstContact(upload, () =>
      persist(context, () => postVoucher(door, voucher)),
    );
    const told =
      begun.state === 'upload'
        ? await persist(context, () => putOutline(door, job, upload.roots))
        : undefined;
    await sendAll(context, door, upload, told ?? begun);
    await untilStarted(context, door, chosen.partner, { job, size: upload.spool.size });
  } catch (thrown) {
    if (!(thrown instanceof PalisadeError) || thrown.code === 'client/aborted') throw thrown;
    throw clientError(
      'client/partner-failed',
      `Partner ${toHex(chosen.partner)} at ${chosen.url} did not take the content: ${thrown.message}`,
      { retry: 'later', next: 'Another partner is asked.', cause: thrown },
    );
  }
}

/** A refusal is an answer, too. */
async function firstContact<T>({ onContact }: UploadJob, request: () => Promise<T>): Promise<T> {
  try {
    const answer = await request();
    onContact?.(true);
    return answer;
  } catch (error) {
    if (error instanceof PalisadeError && error.code !== 'client/aborted')
      onContact?.(!error.code.startsWith('client/'));
    throw error;
  }
}

/** A request again after failures of the connection; a refusal stands. */
export async function persist<T>({ chain }: JobContext, request: () => Promise<T>): Promise<T> {
  const { env, policy } = chain.context;
  for (let failures = 1; ; failures++) {
    try {
      return await request();
    } catch (error) {
      if (!isTransient(error) || failures === MAX_FAILURES) throw error;
      await env.sleep(policy.pauseMs * 2 ** failures * (0.5 + env.random()));
    }
  }
}

function isTransient(error: unknown): boolean {
  if (!(error instanceof PalisadeError) || error.code === 'client/aborted') return false;
  return error.code.startsWith('client/') || error.retry !== 'never';
}

/** Sends what the partner lacks; after every failure it is asked where it stands. */
async function sendAll(
  { chain }: JobContext,
  door: PartnerDoor,
  { job, spool, onSent }: UploadJob,
  begun: AgreementState,
): Promise<void> {
  const { env, policy } = chain.context;
  let at = begun;
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, spool.size));
  // Who has taken nothing yet is given up after a few failures.
  let giveUpMs = 0;
  for (let failures = 0; at.state === 'upload' && at.offset < spool.size; ) {
    onSent(at.offset);
    const { offset } = at;
    try {
      // A request copies its body when it begins, so the buffer is free for the next one.
      const piece = buffer.subarray(0, spool.size - offset);
      await spool.read(offset, piece);
      at = await putPiece(door, job, offset, piece);
      failures = at.offset > offset || at.state !== 'upload' ? 0 : failures + 1;
      if (failures === 0) giveUpMs = env.nowMs() + RETURN_TIMEOUTS * policy.timeoutMs;
    } catch (error) {
      if (!(error instanceof PalisadeError) || error.code === 'client/aborted') throw error;
      failures++;
      const pauseMs = Math.min(policy.timeoutMs, policy.pauseMs * 2 ** failures);
      await env.sleep(pauseMs * (0.5 + env.random()), door.signal);
      at = await agreementState(door, job).catch(() => at); // it may come back before we give up
      const moved = at.offset !== offset || at.state !== 'upload';
      if (moved) failures = 0;
      else if (!isTransient(error)) throw error;
    }
    if (failures >= MAX_FAILURES && env.nowMs() >= giveUpMs)
      throw clientError('client/connection', `Nothing arrives beyond byte ${at.offset}.`);
  }
  onSent(spool.size);
}

/** The chain decides whether a partner has started, not the partner. */
export async function untilStarted(
  context: JobContext,
  door: PartnerDoor,
  partner: Uint8Array,
  { job, size }: { readonly job: Uint8Array; readonly size: number },
): Promise<void> {
  const { env } = door;
  const { blockTimeMs } = await context.chain.status();
  const hashingMs = (1000 * size) / HASHED_BYTES_PER_SECOND;
  const until = env.nowMs() + START_BLOCKS * blockTimeMs + hashingMs;
  for (let failures = 0; env.nowMs() < until; ) {
    const view = await context.chain.job(job);
    if (view && agreementOf(view, partner)) return;
    await env.sleep(blockTimeMs / 2, door.signal);
    try {
      const { state, offset } = await agreementState(door, job);
      if (state === 'upload' && offset < size)
        throw clientError('client/bad-answer', `It had all bytes, and now has ${offset} of them.`);
      failures = 0;
    } catch (error) {
      if (!isTransient(error) || ++failures >= MAX_FAILURES) throw error;
    }
  }
  throw clientError('client/timeout', 'It has all bytes, but no block has its start.');
}
