/** Whether a client's voucher is one to work for. Pure rules; the chain repeats the hard ones. */
import { equalBytes, type Opened, type Refusal, refuse, toHex, type ValueOf } from '@palisade/core';
import {
  AGREEMENT_STATE,
  type Agreement,
  isOpen,
  type Job,
  type JobView,
  type rateVoucher,
} from '@palisade/market/schema';
import { rateTooLow } from '../offers/judge-job.ts';
import type { AgreementRecord } from '../records/agreement.ts';

export type Voucher = ValueOf<typeof rateVoucher>;

export function agreementOf(view: JobView, partner: Uint8Array): Agreement | undefined {
  return view.agreements.find((line) => equalBytes(line.partner, partner))?.agreement;
}

export function otherPartner({ partner }: { readonly partner: Uint8Array }): Refusal {
  return refuse('partner/other-partner', `It names the partner ${toHex(partner)}, not this one.`, {
    next: 'Sign it for the node key in the READY of this partner.',
  });
}

/** Checks who signed, for whom, and what the job allows. */
export function checkVoucher(
  { sender, value }: Opened<Voucher>,
  { job }: JobView,
  { partner, mine }: { readonly partner: Uint8Array; readonly mine: Agreement | undefined },
): Refusal | undefined {
  if (!equalBytes(value.partner, partner)) return otherPartner(value);
  if (!equalBytes(sender, job.client))
    return refuse(
      'market/not-the-client',
      `Job ${toHex(value.job)} belongs to ${toHex(job.client)}; ${toHex(sender)} signed the voucher.`,
    );
  if (!isOpen(job))
    return refuse('market/job-over', `Job ${toHex(value.job)} is over: ${job.reason}.`, {
      next: 'Make a new request.',
    });
  if (mine && mine.state !== AGREEMENT_STATE.active)
    return refuse('market/agreement-over', 'This agreement has ended and cannot be prolonged.');
  if (!mine && job.active >= job.partners)
    return refuse('market/job-full', `The job has all of its ${job.partners} partners.`);
  if (value.rate > job.maxRate)
    return refuse(
      'market/rate-too-high',
      `The voucher names ${value.rate} per session; the job allows ${job.maxRate}.`,
    );
  if (value.sessions < 1 || value.sessions > job.sessions)
    return refuse(
      'market/bad-term',
      `The voucher names ${value.sessions} sessions; the job has ${job.sessions}.`,
    );
  return checkEscrow(value, job, mine);
}

/** The escrow must bear the voucher: the chain would refuse the start, after all the work. */
function checkEscrow(value: Voucher, job: Job, mine: Agreement | undefined): Refusal | undefined {
  const wanted = BigInt(value.sessions) * value.rate;
  // What this partner's earlier voucher has bound is at most its whole worth.
  const bound = mine ? BigInt(mine.sessions) * mine.rate : 0n;
  const left = job.escrow - job.committed + bound;
  if (wanted <= left) return undefined;
  return refuse('market/escrow-too-small', `The voucher needs ${wanted}; ${left} are unbound.`, {
    retry: 'later',
    next: 'The client can renew the job with more escrow.',
  });
}

/** Whether a voucher is worth what was agreed or is asked: `least` per session. */
export function checkRate({ rate }: Voucher, least: bigint): Refusal | undefined {
  return rate < least ? rateTooLow(rate, least) : undefined;
}

/** How a voucher stands to the one before it. */
export type Succession = 'first' | 'same' | 'newer' | Refusal;

/** A voucher replaces another with a higher sequence, and never for less. */
export function succession(value: Voucher, before: AgreementRecord | undefined): Succession {
  if (!before) return 'first';
  const { sequence, rate, sessions } = before;
  if (value.sequence === sequence) {
    if (value.rate === rate && value.sessions === sessions) return 'same';
    return refuse(
      'partner/voucher-conflict',
      `The voucher with sequence ${sequence} says something else.`,
      { next: 'Sign one with a higher sequence.', data: { sequence } },
    );
  }
  if (value.sequence < sequence || value.rate < rate || value.sessions < sessions)
    return refuse(
      'market/voucher-not-newer',
      `A voucher replaces one only with a sequence above ${sequence}, and never for less.`,
      { data: { sequence, rate: `${rate}`, sessions } },
    );
  return 'newer';
}
