/** A longer term: more escrow, and a new voucher for every partner. */
import { PalisadeError } from '@palisade/core';
import { escrowFor, type JobView, renew as renewCommand } from '@palisade/market/schema';
import { clientError } from '../base/errors.ts';
import { type AgreementLine, agreementOf, type JobContext, needJob, running } from './context.ts';
import { postVoucher } from './partner-api.ts';
import { urlOf } from './remove.ts';
import { doorOf } from './upload.ts';
import { signVoucher } from './voucher.ts';

export type RenewalPlan = {
  readonly view: JobView;
  /** Sessions that are added. */
  readonly sessions: number;
  /** Locked in addition, base units. */
  readonly escrow: bigint;
  readonly fee: bigint;
};

export type Renewal = {
  readonly job: Uint8Array;
  /** Sessions in all. */
  readonly sessions: number;
  readonly prolonged: readonly Uint8Array[];
  readonly failed: readonly { readonly partner: Uint8Array; readonly error: PalisadeError }[];
  readonly fee: bigint;
};

/** Blocks in which a partner's new start must be seen. */
const START_BLOCKS = 20;

/** What prolonging a job by at least `durationMs` would take. */
export async function planRenewal(
  { chain, ...rest }: JobContext,
  job: Uint8Array,
  durationMs: number,
): Promise<RenewalPlan> {
  const view = await needJob({ chain, ...rest }, job);
  const { sessionMs } = await chain.params();
  const sessions = Number((BigInt(Math.ceil(durationMs)) + sessionMs - 1n) / sessionMs);
  const { partners, maxRate } = view.job;
  const escrow = escrowFor({ partners, sessions, maxRate });
  return { view, sessions, escrow, fee: await chain.feeFor(renewCommand, { job, sessions }) };
}

/**
 * Prolongs a job: the chain locks more escrow, then every partner gets a voucher for the longer
 * term. A partner that does not take it keeps its old term.
 * @throws PalisadeError the chain's refusal of the renewal itself
 */
export async function renew(
  context: JobContext,
  job: Uint8Array,
  sessions: number,
): Promise<Renewal> {
  const { chain, account } = context;
  const { fee } = await chain.send(renewCommand, { job, sessions }, account.signer);
  const view = await needJob(context, job);
  const lines = running(view);
  const results = await Promise.all(
    lines.map((line) => prolong(context, view, line, sessions).catch(asFailure)),
  );
  const failed = lines.flatMap(({ partner }, i) => {
    const error = results[i];
    return error ? [{ partner, error }] : [];
  });
  const prolonged = lines.filter((_, i) => !results[i]).map(({ partner }) => partner);
  return { job, sessions: view.job.sessions, prolonged, failed, fee };
}

function asFailure(error: unknown): PalisadeError {
  if (error instanceof PalisadeError && error.code !== 'client/aborted') return error;
  throw error;
}

async function prolong(
  context: JobContext,
  { id, job }: JobView,
  { partner, agreement }: AgreementLine,
  added: number,
): Promise<undefined> {
  const { chain } = context;
  const url = await urlOf(context, partner);
  const sequence = agreement.sequence + 1;
  const sessions = Math.min(agreement.sessions + added, job.sessions);
  const terms = { partner, url, rate: agreement.rate };
  await postVoucher(
    doorOf(context, url),
    await signVoucher(context, id, terms, sequence, sessions),
  );
  const { blockTimeMs } = await chain.status();
  const { env } = chain.context;
  const until = env.nowMs() + START_BLOCKS * blockTimeMs;
  while (env.nowMs() < until) {
    const now = agreementOf(await needJob(context, id), partner);
    if (now && now.sequence >= sequence) return;
    await env.sleep(blockTimeMs / 2);
  }
  throw clientError('client/timeout', `${url} took the voucher, but no block has it.`, {
    retry: 'later',
  });
}
