import { bytes32, message, u32, u128 } from '@palisade/core';

const terms = {
  job: bytes32,
  partner: bytes32.is("The partner's node key"),
  sequence: u32.is('The highest counts; a renewal is one more'),
  rate: u128.is('Base units per session'),
  sessions: u32.is('Sessions in all, from the first audited one'),
};

/**
 * The rate voucher: signed once by the client. For storage it lets every audit answer of the term
 * release one session's amount (market chapter, Decisions). For computation and access it pays
 * nothing by itself: rate x sessions is the ceiling of what usage vouchers may add up to. Nothing is
 * ever paid by silence.
 */
export const rateVoucher = message({
  name: 'market.rate-voucher',
  title: 'Rate voucher',
  doc: 'The client agrees to pay a partner up to an amount per session: for content that it proves to hold, or for use that the client vouches for.',
  signer: 'account',
  fields: terms,
});
