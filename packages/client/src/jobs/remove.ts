/** The early end of a job: with a receipt from each partner that answers, without the others. */
import { encode, equalBytes, PalisadeError, signEnvelope, toHex } from '@palisade/core';
import {
  cancel,
  clientReceipt,
  complete,
  isInteractive,
  isOpen,
  type JobView,
  partnerReceipt,
  type Receipt,
  storageReceipt,
} from '@palisade/market/schema';
import { openMessage } from '../base/answers.ts';
import { clientError } from '../base/errors.ts';
import { badAnswer } from '../base/http.ts';
import { type AgreementLine, type JobContext, needJob, running } from './context.ts';
import { fileReceipt } from './file-receipt.ts';
import { postReceipt } from './partner-api.ts';
import { doorOf } from './upload.ts';

export type RemovalPlan = {
  readonly view: JobView;
  /** Agreements that run and will be ended. */
  readonly agreements: number;
  /** Fees at most, base units: one for each receipt, and one if the job must be cancelled. */
  readonly fee: bigint;
};

export type Removal = {
  readonly job: Uint8Array;
  /** Partners whose receipt ended their agreement. */
  readonly completed: readonly Uint8Array[];
  /** Partners that gave none, with the reason; the job was cancelled because of them. */
  readonly unanswered: readonly { readonly partner: Uint8Array; readonly error: PalisadeError }[];
  readonly cancelled: boolean;
  /** Fees paid, base units. */
  readonly fee: bigint;
};

/** A receipt names the running session; when it ends in between, one for the next is made. */
const MAX_SESSION_TURNS = 3;
const NO_SIGNATURE = new Uint8Array(64);

/** What removing a job would take. @throws PalisadeError as `remove` */
export async function planRemoval(context: JobContext, job: Uint8Array): Promise<RemovalPlan> {
  const view = await needOpenJob(context, job);
  const agreements = receiptable(view).filter(({ agreement }) => agreement.final === 0).length;
  const outcome = { job, partner: new Uint8Array(32), sequence: 0, lastSession: 0n };
  const each = await context.chain.feeFor(complete, {
    ...storageReceipt(outcome),
    partnerSignature: NO_SIGNATURE,
  });
  const last = await context.chain.feeFor(cancel, { job });
  return { view, agreements, fee: each * BigInt(agreements) + last };
}

/**
 * Ends a job after the running session. Partners are paid for that session; what is left of the
 * escrow comes back when the arbitration window has closed.
 * @throws PalisadeError `client/no-such-job`, `client/not-yours`, `client/job-over`; `client/not-included` when
 * it had to be cancelled and no block took that
 */
export async function remove(context: JobContext, job: Uint8Array): Promise<Removal> {
  const view = await needOpenJob(context, job);
  const agreements = receiptable(view);
  const results = await Promise.all(
    agreements.map((line) => completeOne(context, view, line).catch(asFailure)),
  );
  const unanswered = agreements.flatMap(({ partner }, i) => {
    const result = results[i]!;
    return result instanceof PalisadeError ? [{ partner, error: result }] : [];
  });
  const completed = agreements
    .filter((_, i) => !(results[i] instanceof PalisadeError))
    .map(({ partner }) => partner);
  let fee = 0n;
  for (const result of results) if (typeof result === 'bigint') fee += result;
  // A job with fewer agreements than wanted would keep its escrow until the end of its term.
  const cancelled = unanswered.length > 0 || agreements.length < view.job.partners;
  if (cancelled) {
    const sending = context.chain.send(cancel, { job }, context.account.signer);
    fee += (await sending.catch((error) => throwNotEnded(job, unanswered, error))).fee;
  }
  return { job, completed, unanswered, cancelled, fee };
}

/** A cancellation has its turn behind receipts that no block took: why these are missing is what helps. */
function throwNotEnded(job: Uint8Array, unanswered: Removal['unanswered'], cause: unknown): never {
  if (!(cause instanceof PalisadeError) || cause.code !== 'client/not-included') throw cause;
  const reasons = unanswered.map(({ error }) => error.message);
  const why = ['its cancellation is in no block.', ...reasons].join(' ');
  throw clientError('client/not-included', `Job ${toHex(job)} is not ended: ${why}`, {
    ...{ cause, retry: 'later', data: cause.data },
    next: 'Look at the job in some minutes: if it still runs, end it again.',
  });
}

/**
 * Agreements that a receipt ends here. What use is worth is settled where it is used: of other
 * utility the job is cancelled, and its partners are paid what was vouched for.
 */
function receiptable(view: JobView): readonly AgreementLine[] {
  return isInteractive(view.job) ? [] : running(view);
}

function asFailure(error: unknown): PalisadeError {
  if (error instanceof PalisadeError && error.code !== 'client/aborted') return error;
  throw error;
}

async function needOpenJob(context: JobContext, id: Uint8Array): Promise<JobView> {
  const view = await needJob(context, id);
  const { client, reason } = view.job;
  if (!equalBytes(client, context.account.signer.id))
    throw clientError('client/not-yours', `Job ${toHex(id)} belongs to ${toHex(client)}.`, {
      next: 'Use the key of that account.',
    });
  if (isOpen(view.job)) return view;
  throw clientError('client/job-over', `Job ${toHex(id)} is over already: ${reason}.`);
}

/** Exchanges receipts with one partner and files them; returns the fee. */
async function completeOne(
  context: JobContext,
  view: JobView,
  { partner, agreement }: AgreementLine,
): Promise<bigint> {
  if (agreement.final === 1) return 0n; // a receipt stands already
  const url = await urlOf(context, partner);
  const { fee } = await completeWith(context, url, (session) => {
    const lastSession = earlier(session, agreement.lastSession);
    return storageReceipt({ job: view.id, partner, sequence: agreement.sequence, lastSession });
  });
  return fee;
}

/**
 * Ends an agreement by a receipt of both sides.
 * @param receiptFor the receipt, should it be signed in that session
 */
export async function completeWith(
  context: JobContext,
  url: string,
  receiptFor: (session: bigint) => Receipt,
): Promise<{ readonly receipt: Receipt; readonly fee: bigint }> {
  return inRunningSession(context, async (session) => {
    const receipt = receiptFor(session);
    const partnerSignature = await exchange(context, url, receipt);
    const fee = await fileReceipt(context, { ...receipt, partnerSignature });
    return { receipt, fee };
  });
}

/** Does what names the running session; again, when that ends in between. */
export async function inRunningSession<T>(
  { chain }: JobContext,
  act: (session: bigint) => Promise<T>,
): Promise<T> {
  for (let turn = 1; ; turn++)
    try {
      return await act((await chain.session()).number);
    } catch (error) {
      const isNextSession =
        error instanceof PalisadeError && error.code === 'market/bad-last-session';
      if (!isNextSession || turn === MAX_SESSION_TURNS) throw error;
    }
}

function earlier(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

/** Our receipt for the partner's; returns its signature. */
export async function exchange(
  context: JobContext,
  url: string,
  receipt: Receipt,
): Promise<Uint8Array> {
  const { chain, account } = context;
  const domain = await chain.domain();
  const mine = await signEnvelope(clientReceipt, receipt, domain, account.signer);
  const theirs = await postReceipt(doorOf(context, url), mine);
  const said = openMessage(partnerReceipt, theirs, domain, url);
  const { value, sender, signature } = said;
  const { schema } = partnerReceipt;
  const isSame = equalBytes(encode(schema, value), encode(schema, receipt));
  if (isSame && equalBytes(sender, receipt.partner)) return signature;
  throw badAnswer(url, 'its receipt says something else than ours');
}

export async function urlOf({ chain }: JobContext, partner: Uint8Array): Promise<string> {
  const records = await chain.partners();
  const found = records.find(({ nodeKey }) => equalBytes(nodeKey, partner));
  if (found) return found.url;
  throw clientError('client/partner-failed', `Partner ${toHex(partner)} is not to be found.`, {
    retry: 'later',
  });
}
