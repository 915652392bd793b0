import { handle, type TxContext } from '@palisade/chain';
import {
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
} from '@palisade/core';
import { putAgreement, shorten } from '../agreement.ts';
import {
  aboveCeiling,
  agreementIsEnding,
  noAgreement,
  noSuchJob,
  notTheClient,
} from '../errors.ts';
import { receiptFiled } from '../events.ts';
import { type Agreement, agreements, isInteractive, type Job, jobs } from '../job.ts';
import {
  clientReceipt,
  isStorageReceipt,
  partnerReceipt,
  type Receipt,
  receiptTerms,
} from '../messages/receipt.ts';
import { ceilingOf, isUnsettled } from '../rules/bound.ts';

/** The client files the receipt that its partner signed too (C2V-7). */
export const complete = command({
  name: 'market.complete',
  title: 'Complete an agreement',
  doc: 'The client ends an agreement with the consent of the partner.',
  signer: 'account',
  fields: {
    ...receiptTerms,
    partnerSignature: signature64.is("The partner's, over market.partner-receipt"),
  },
});

const { partner: _, ...ownReceiptTerms } = receiptTerms;

/** The partner files the receipt that its client signed too (P2V-8). */
export const partnerComplete = command({
  name: 'market.partner-complete',
  title: 'Complete an agreement as its partner',
  doc: 'The partner ends an agreement with the consent of the client.',
  signer: 'node',
  fields: {
    ...ownReceiptTerms,
    clientSignature: signature65.is("The client's, over market.client-receipt"),
  },
});

function findAgreement(
  ctx: TxContext,
  { job: jobId, partner }: Receipt,
): { job: Job; agreement: Agreement } | Refusal {
  const job = jobs.get(ctx.state, jobId);
  if (!job) return noSuchJob(jobId);
  const agreement = agreements.get(ctx.state, jobId, partner);
  if (!agreement || !isUnsettled(agreement)) return noAgreement(jobId, partner);
  return { job, agreement };
}

/** It ends storage with this session or a later one, never after the term, and names no use. */
function checkStorage(ctx: TxContext, value: Receipt, agreement: Agreement): Refusal | undefined {
  if (!isStorageReceipt(value))
    return refuse(
      'market/not-interactive',
      'Storage is paid by its audits: its receipt names no units, no amount and no result.',
    );
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

/**
 * It says no less than any voucher that is filed and no more than the ceiling. The session that it
 * names may be over: one that was signed in the last moment of a session is as good in the next.
 */
function checkUsage(ctx: TxContext, value: Receipt, agreement: Agreement): Refusal | undefined {
  const { usageSequence, units, vouched } = agreement;
  if (agreement.final === 1) return agreementIsEnding(agreement.lastSession);
  if (value.sequence < usageSequence || value.units < units || value.amount < vouched)
    return refuse(
      'market/other-voucher',
      `Voucher ${usageSequence} is filed, with ${units} units for ${vouched}; the receipt says less.`,
    );
  const ceiling = ceilingOf(agreement);
  if (value.amount > ceiling) return aboveCeiling(value.amount, ceiling);
  if (value.lastSession > ctx.session.number || value.lastSession > agreement.lastSession)
    return refuse(
      'market/bad-last-session',
      `The last session can be ${earlier(ctx.session.number, agreement.lastSession)} at most, not ${value.lastSession}.`,
    );
  return undefined;
}

function earlier(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function checkSignature(
  declaration: Declaration<Receipt>,
  { job, partner, sequence, lastSession, units, amount, result }: Receipt,
  domain: Domain,
  signature: Uint8Array,
  signer: Uint8Array,
): Refusal | undefined {
  const receipt = { job, partner, sequence, lastSession, units, amount, result };
  if (isSignedBy(digestOf(declaration, receipt, domain), signature, signer)) return undefined;
  return refuse('market/receipt-not-signed', 'The other party has not signed this receipt.');
}

/** From now on the end stands: not even an unfiled voucher of before can move it. */
function settle(ctx: TxContext, value: Receipt): void {
  const { job: jobId, partner, sequence, lastSession, units, amount, result } = value;
  const agreement = agreements.need(ctx.state, jobId, partner);
  ctx.emit(receiptFiled, { job: jobId, partner, sequence, lastSession, units, amount, result });
  if (isInteractive(jobs.need(ctx.state, jobId))) {
    const total = { usageSequence: sequence, units, vouched: amount };
    const last = earlier(ctx.session.number, agreement.lastSession);
    putAgreement(ctx, jobId, partner, { ...agreement, ...total, final: 1, lastSession: last });
    return;
  }
  agreements.set(ctx.state, [jobId, partner], { ...agreement, final: 1 });
  shorten(ctx, jobId, partner, lastSession, 'ended by a receipt of both sides');
}

function checkReceipt(
  ctx: TxContext,
  value: Receipt,
  { job, agreement }: { readonly job: Job; readonly agreement: Agreement },
): Refusal | undefined {
  return (isInteractive(job) ? checkUsage : checkStorage)(ctx, value, agreement);
}

export function completeHandler(domain: Domain) {
  return handle(complete, {
    verify(ctx, value) {
      const found = findAgreement(ctx, value);
      if ('code' in found) return found;
      if (!equalBytes(found.job.client, ctx.sender.account)) return notTheClient(value.job);
      return (
        checkReceipt(ctx, value, found) ??
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
        checkReceipt(ctx, value, found) ??
        checkSignature(clientReceipt, value, domain, command.clientSignature, found.job.client)
      );
    },
    apply: (ctx, value) => settle(ctx, { ...value, partner: ctx.sender.nodeKey! }),
  });
}
