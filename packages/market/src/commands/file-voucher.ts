import { handle, type TxContext } from '@palisade/chain';
import {
  bytes32,
  command,
  type Domain,
  digestOf,
  isSignedBy,
  type Refusal,
  refuse,
  toHex,
  type ValueOf,
} from '@palisade/core';
import { putAgreement } from '../agreement.ts';
import {
  aboveCeiling,
  agreementIsEnding,
  agreementIsOver,
  noAgreement,
  noSuchJob,
} from '../errors.ts';
import { voucherEquivocation, voucherFiled } from '../events.ts';
import { type Agreement, agreements, isInteractive, jobs } from '../job.ts';
import { usageSignature, usageTerms, usageVoucher } from '../messages/usage-voucher.ts';
import { ceilingOf, isUnsettled } from '../rules/bound.ts';
import { noteEquivocation } from '../standing/notes.ts';
import { accountKey, ROLE } from '../standing/records.ts';

/**
 * Files the running total that the client vouched for last (P2V-8): in the term as often as the
 * partner cares to be paid, and in the arbitration window when no receipt came. Each needs no more
 * than the last one, so a partner files once a session at most if it wants to save fees.
 */
export const fileVoucher = command({
  name: 'market.file-voucher',
  title: 'File a usage voucher',
  doc: 'A partner of computation or access files what its client vouched for; it is paid with the session.',
  signer: 'node',
  fields: { job: bytes32, ...usageTerms, clientSignature: usageSignature },
});
type Filing = ValueOf<typeof fileVoucher>;

/** Two amounts for one sequence: somebody who signs both cannot be believed either. */
function isEquivocation({ sequence, amount }: Filing, filed: Agreement): boolean {
  return sequence !== 0 && sequence === filed.usageSequence && amount !== filed.vouched;
}

function checkRaises(value: Filing, filed: Agreement): Refusal | undefined {
  const { usageSequence, units, vouched, equivocated } = filed;
  const known = equivocated === value.sequence && value.amount < vouched;
  if (isEquivocation(value, filed) && !known) return undefined;
  if (value.sequence > usageSequence && value.amount >= vouched && value.units >= units)
    return undefined;
  return refuse(
    'market/voucher-not-newer',
    `Voucher ${usageSequence} is filed, with ${units} units for ${vouched}; a newer one has a higher sequence and no less of either.`,
  );
}

function checkAgreement(ctx: TxContext, value: Filing): Refusal | undefined {
  const partner = ctx.sender.nodeKey!;
  const job = jobs.get(ctx.state, value.job);
  if (!job) return noSuchJob(value.job);
  if (!isInteractive(job))
    return refuse(
      'market/not-interactive',
      'Storage is paid by its audits: there are no usage vouchers for it.',
    );
  const agreement = agreements.get(ctx.state, value.job, partner);
  if (!agreement) return noAgreement(value.job, partner);
  if (!isUnsettled(agreement)) return agreementIsOver();
  if (agreement.final === 1) return agreementIsEnding(agreement.lastSession);
  const ceiling = ceilingOf(agreement);
  if (value.amount > ceiling) return aboveCeiling(value.amount, ceiling);
  return checkRaises(value, agreement);
}

export function fileVoucherHandler(domain: Domain) {
  return handle(fileVoucher, {
    verify(ctx, value) {
      const refusal = checkAgreement(ctx, value);
      if (refusal) return refusal;
      const { client } = jobs.need(ctx.state, value.job);
      const { job, sequence, units, amount, timeMs, previous, clientSignature } = value;
      const partner = ctx.sender.nodeKey!;
      const voucher = { job, partner, sequence, units, amount, timeMs, previous };
      if (isSignedBy(digestOf(usageVoucher, voucher, domain), clientSignature, client))
        return undefined;
      return refuse(
        'market/voucher-not-signed',
        `The voucher is not signed by the client ${toHex(client)}.`,
      );
    },
    apply(ctx, value) {
      const partner = ctx.sender.nodeKey!;
      const { job, sequence, units, amount } = value;
      const filed = agreements.need(ctx.state, job, partner);
      const isConflict = isEquivocation(value, filed);
      if (isConflict) clientEquivocated(ctx, value, partner, filed);
      else ctx.emit(voucherFiled, { job, partner, sequence, units, amount });
      const total = { usageSequence: sequence, units, vouched: amount };
      putAgreement(ctx, job, partner, {
        ...filed,
        ...(amount >= filed.vouched ? total : {}),
        equivocated: isConflict ? sequence : filed.equivocated,
      });
    },
  });
}

/** The larger amount is owed, and the client's word is worth less from now on. */
function clientEquivocated(
  ctx: TxContext,
  { job, sequence, amount }: Filing,
  partner: Uint8Array,
  { vouched }: Agreement,
): void {
  const { client } = jobs.need(ctx.state, job);
  const [larger, other] = amount > vouched ? [amount, vouched] : [vouched, amount];
  ctx.emit(voucherEquivocation, { job, client, partner, sequence, amount: larger, other });
  noteEquivocation(ctx, ROLE.client, accountKey(client));
}
