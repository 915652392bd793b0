import { bytes32, message, signature65, u32, u64, u128 } from '@palisade/core';

/** What a usage voucher says beside whom it is about; the command that files one repeats it. */
export const usageTerms = {
  sequence: u32.is('The first is 1; the highest counts'),
  units: u64.is('Used in all so far, in the units that both sides count'),
  amount: u128.is('Owed in all so far, base units'),
  timeMs: u64.is('When the client signed it, ms since 1970'),
  previous: bytes32.is('Digest of the voucher before; zero in the first'),
};

/**
 * The running total of computation or access (market chapter 4.5): each voucher replaces all before
 * it, so that losing one loses nothing, and the partner stops working when the client stops signing.
 * A client never signs a sequence twice: the larger amount would be owed, and its standing be gone. `previous` ties them into one history that the parties can hold
 * against each other; the chain sees only the few that are filed, and does not judge it.
 */
export const usageVoucher = message({
  name: 'market.usage-voucher',
  title: 'Usage voucher',
  doc: 'The client owes a partner this much in all for what it has used of a job so far.',
  signer: 'account',
  fields: { job: bytes32, partner: bytes32.is("The partner's node key"), ...usageTerms },
});

export const usageSignature = signature65.is("The client's, over market.usage-voucher");
