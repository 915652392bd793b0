import { handle, type TxContext } from '@palisade/chain';
import {
  bytes32,
  command,
  type Declaration,
  type Domain,
  digestOf,
  equalBytes,
  isSignedBy,
  type Refusal,
  refuse,
  signature64,
  signature65,
  u32,
  u64,
} from '@palisade/core';
import { shorten } from '../ending.ts';
import { noAgreement, noSuchJob, notTheClient } from '../errors.ts';
import { AGREEMENT_STATE, type Agreement, agreements, type Job, jobs } from '../job.ts';
import { clientReceipt, partnerReceipt } from '../messages/voucher.ts';

const outcome = {
  job: bytes32,
  sequence: u32.is('Of the voucher that it ends'),
  lastSession: u64.is('Last session that is audited and paid'),
};

/** The client files the receipt that its partner signed too (C2V-7). */
export const complete = command({
  name: 'market.complete',
  title: 'Complete an agreement',
  doc: 'The client ends an agreement before its term, with the consent of the partner.',
  signer: 'account',
  fields: {
    ...outcome,
    partner: bytes32.is("The partner's node key"),
    partnerSignature: signature64.is("The partner's, over market.partner-receipt"),
  },
});

/** The partner files the receipt that its client signed too (P2V-8). */
export const partnerComplete = command({
  name: 'market.partner-complete',
  title: 'Complete an agreement as its partner',
  doc: 'The partner ends an agreement before its term, with the consent of the client.',
  signer: 'node',
  fields: {
    ...outcome,
    clientSignature: signature65.is("The client's, over market.client-receipt"),
  },
});

type Outcome = {
  readonly job: Uint8Array;
  readonly partner: Uint8Array;
  readonly sequence: number;
  readonly lastSession: bigint;
};

function findAgreement(
  ctx: TxContext,
  { job: jobId, partner }: Outcome,
): { job: Job; agreement: Agreement } | Refusal {
  const job = jobs.get(ctx.state, jobId);
  if (!job) return noSuchJob(jobId);
  const agreement = agreements.get(ctx.state, jobId, partner);
  if (agreement?.state !== AGREEMENT_STATE.active) return noAgreement(jobId, partner);
  return { job, agreement };
}

/** A receipt may end the agreement with this session or a later one, never after its term. */
function checkOutcome(ctx: TxContext, value: Outcome, agreement: Agreement): Refusal | undefined {
  if (value.sequence !== agreement.sequence)
    return refuse(
      'market/other-voucher',
      `The voucher in force has sequence ${agreement.sequence}, not ${value.sequence}.`,
    );
  if (value.lastSession < ctx.session.number || value.lastSession > agreement.lastSession)
    return refuse(
      'market/bad-last-session',
      `The last session can be ${ctx.session.number} to ${agreement.lastSession}, not ${value.lastSession}.`,
    );
  return undefined;
}

function checkSignature(
  declaration: Declaration<Outcome>,
  { job, partner, sequence, lastSession }: Outcome,
  domain: Domain,
  signature: Uint8Array,
  signer: Uint8Array,
): Refusal | undefined {
  const digest = digestOf(declaration, { job, partner, sequence, lastSession }, domain);
  if (isSignedBy(digest, signature, signer)) return undefined;
  return refuse('market/receipt-not-signed', 'The other party has not signed this receipt.');
}

/** From now on the last session stands: not even an unfiled voucher of before can move it. */
function settle(ctx: TxContext, { job, partner, lastSession }: Outcome): void {
  const agreement = agreements.need(ctx.state, job, partner);
  agreements.set(ctx.state, [job, partner], { ...agreement, final: 1 });
  shorten(ctx, job, partner, lastSession, 'ended by a receipt of both sides');
}

export function completeHandler(domain: Domain) {
  return handle(complete, {
    verify(ctx, value) {
      const found = findAgreement(ctx, value);
      if ('code' in found) return found;
      if (!equalBytes(found.job.client, ctx.sender.account)) return notTheClient(value.job);
      return (
        checkOutcome(ctx, value, found.agreement) ??
        checkSignature(partnerReceipt, value, domain, value.partnerSignature, value.partner)
      );
    },
    apply: (ctx, value) => settle(ctx, value),
  });
}

export function partnerCompleteHandler(domain: Domain) {
  return handle(partnerComplete, {
    verify(ctx, command) {
      const value = { ...command, partner: ctx.sender.nodeKey! };
      const found = findAgreement(ctx, value);
      if ('code' in found) return found;
      return (
        checkOutcome(ctx, value, found.agreement) ??
        checkSignature(clientReceipt, value, domain, command.clientSignature, found.job.client)
      );
    },
    apply: (ctx, value) => settle(ctx, { ...value, partner: ctx.sender.nodeKey! }),
  });
}
