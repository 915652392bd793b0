/** Refusals that more than one command of the market gives. */
import { formatAmount } from '@palisade/chain/schema';
import { type Refusal, refuse, toHex } from '@palisade/core';

export function noSuchJob(job: Uint8Array): Refusal {
  return refuse('market/no-such-job', `There is no job ${toHex(job)} on the chain.`, {
    retry: 'later',
    next: 'A job appears with the block that confirms it; check the id.',
  });
}

export function notTheClient(job: Uint8Array): Refusal {
  return refuse('market/not-the-client', `Job ${toHex(job)} belongs to another client.`);
}

export function jobIsOver(job: Uint8Array, reason: string): Refusal {
  return refuse('market/job-over', `Job ${toHex(job)} is over: ${reason}.`, {
    next: 'Make a new request.',
  });
}

export function noAgreement(job: Uint8Array, partner: Uint8Array): Refusal {
  return refuse(
    'market/no-agreement',
    `Job ${toHex(job)} has no running agreement with partner ${toHex(partner)}.`,
  );
}

export function agreementIsOver(): Refusal {
  return refuse('market/agreement-over', 'This agreement has ended: no voucher changes it.');
}

export function agreementIsEnding(lastSession: bigint): Refusal {
  return refuse(
    'market/agreement-ending',
    `Both sides have agreed that session ${lastSession} is the last one.`,
  );
}

export function aboveCeiling(amount: bigint, ceiling: bigint): Refusal {
  return refuse(
    'market/above-ceiling',
    `${formatAmount(amount)} in all are more than the ${formatAmount(ceiling)} of the rate voucher in force.`,
    { next: 'The client can sign a rate voucher for more, if its escrow bears it.' },
  );
}
