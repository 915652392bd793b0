import { event } from '@palisade/chain/schema';
import { address, bytes32, list, text, u8, u32, u64, u128 } from '@palisade/core';

export const jobConfirmed = event({
  name: 'market.job-confirmed',
  doc: "A job stands in a block's job file; its escrow is locked.",
  fields: {
    job: bytes32,
    client: address,
    subject: bytes32,
    size: u64,
    partners: u8,
    sessions: u32,
    escrow: u128,
  },
});
export const agreementStarted = event({
  name: 'market.agreement-started',
  doc: 'Client and partner began; the partner is in the payout pool.',
  fields: { job: bytes32, partner: bytes32, rate: u128, firstSession: u64, lastSession: u64 },
});
export const agreementExtended = event({
  name: 'market.agreement-extended',
  doc: 'A new voucher prolongs an agreement.',
  fields: { job: bytes32, partner: bytes32, sequence: u32, rate: u128, lastSession: u64 },
});
export const auditAnswered = event({
  name: 'market.audit-answered',
  doc: "A partner proved to hold the content: this session's amount is earned.",
  fields: { job: bytes32, partner: bytes32, session: u64, amount: u128 },
});
export const auditMissed = event({
  name: 'market.audit-missed',
  doc: 'A partner did not answer its challenge within the session: nothing is paid for it.',
  fields: {
    job: bytes32,
    partner: bytes32,
    session: u64,
    seed: bytes32.is("The session's randomness, from which the challenge follows"),
    leaves: list(u64, 32).is('The leaves that were asked for'),
  },
});
export const partnerPaid = event({
  name: 'market.partner-paid',
  doc: "A partner's earnings of a session left the escrow.",
  fields: { session: u64, job: bytes32, partner: bytes32, account: address, amount: u128 },
});
export const payoutClosed = event({
  name: 'market.payout-closed',
  doc: 'The payout file of a session is complete; its root and content id can be proven.',
  fields: { session: u64, root: bytes32, content: bytes32, rows: u32, total: u128 },
});
export const voucherFiled = event({
  name: 'market.voucher-filed',
  doc: 'A usage voucher is on chain: what it owes beyond what was paid is paid with the session.',
  fields: { job: bytes32, partner: bytes32, sequence: u32, units: u64, amount: u128 },
});
export const voucherEquivocation = event({
  name: 'market.voucher-equivocation',
  doc: 'A client signed two amounts for one sequence: the larger is owed.',
  fields: {
    job: bytes32,
    client: address,
    partner: bytes32,
    sequence: u32,
    amount: u128.is('The larger'),
    other: u128.is('The smaller'),
  },
});
export const resultRejected = event({
  name: 'market.result-rejected',
  doc: 'A partner signed a result that two others, who did the same work, did not come to.',
  fields: { job: bytes32, partner: bytes32, client: address },
});
export const receiptFiled = event({
  name: 'market.receipt-filed',
  doc: 'Client and partner agree on the end of an agreement.',
  fields: {
    job: bytes32,
    partner: bytes32,
    sequence: u32,
    lastSession: u64,
    units: u64,
    amount: u128,
    result: bytes32.is('Hash of the result of a computation; otherwise zero'),
  },
});
export const agreementDisputed = event({
  name: 'market.agreement-disputed',
  doc: 'The last session of an agreement is over without a receipt: its arbitration window is open.',
  fields: {
    job: bytes32,
    partner: bytes32,
    sequence: u32.is('Of the highest usage voucher filed; 0 without one'),
    paid: u128,
    closes: u64.is('Session whose end closes the window'),
  },
});
export const agreementResolved = event({
  name: 'market.agreement-resolved',
  doc: 'An arbitration window has closed: the agreement is over, paid by the highest voucher filed.',
  fields: { job: bytes32, partner: bytes32, sequence: u32, paid: u128 },
});
export const agreementEnded = event({
  name: 'market.agreement-ended',
  doc: 'An agreement is over.',
  fields: { job: bytes32, partner: bytes32, paid: u128, reason: text(120) },
});
export const jobRenewed = event({
  name: 'market.job-renewed',
  doc: 'The client locked more escrow for a longer term.',
  fields: { job: bytes32, sessions: u32, escrow: u128 },
});
export const jobDisputed = event({
  name: 'market.job-disputed',
  doc: 'Nobody works on a job any more, and a receipt is missing: it ends with the arbitration window.',
  fields: { job: bytes32, committed: u128.is('What vouchers may still claim, base units') },
});
export const jobEnded = event({
  name: 'market.job-ended',
  doc: 'A job is completed, cancelled or resolved.',
  fields: {
    job: bytes32,
    outcome: u8.is('3 completed, 4 cancelled, 6 resolved'),
    reason: text(120),
  },
});
export const escrowReturned = event({
  name: 'market.escrow-returned',
  doc: 'What was not earned went back to the client.',
  fields: { job: bytes32, client: address, amount: u128 },
});

export const marketEvents = [
  jobConfirmed,
  agreementStarted,
  agreementExtended,
  auditAnswered,
  auditMissed,
  partnerPaid,
  payoutClosed,
  voucherFiled,
  voucherEquivocation,
  resultRejected,
  receiptFiled,
  agreementDisputed,
  agreementResolved,
  agreementEnded,
  jobRenewed,
  jobDisputed,
  jobEnded,
  escrowReturned,
];
