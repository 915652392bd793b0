import { bytes32, message, u32, u64, u128 } from '@palisade/core';

const terms = {
  job: bytes32,
  partner: bytes32.is("The partner's node key"),
  sequence: u32.is('The highest counts; a renewal is one more'),
  rate: u128.is('Base units per session'),
  sessions: u32.is('Sessions in all, from the first audited one'),
};

/**
 * The rate voucher: signed once by the client, it lets every audit answer of the term release one
 * session's amount (market chapter, Decisions). Nothing is paid by silence.
 */
export const rateVoucher = message({
  name: 'market.rate-voucher',
  title: 'Rate voucher',
  doc: 'The client agrees to pay a partner an amount per session in which it proves to hold the content.',
  signer: 'account',
  fields: terms,
});

const outcome = {
  job: bytes32,
  partner: bytes32.is("The partner's node key"),
  sequence: u32.is('Sequence of the voucher that it ends'),
  lastSession: u64.is('Last session that is audited and paid'),
};

/** The end of an agreement, in the client's words. */
export const clientReceipt = message({
  name: 'market.client-receipt',
  title: 'Receipt of the client',
  doc: 'The client agrees that the agreement ends.',
  signer: 'account',
  fields: outcome,
});

/** The same in the partner's words; both together complete the agreement. */
export const partnerReceipt = message({
  name: 'market.partner-receipt',
  title: 'Receipt of the partner',
  doc: 'The partner agrees that the agreement ends.',
  signer: 'node',
  fields: outcome,
});
