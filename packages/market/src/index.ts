/**
 * @palisade/market: jobs from request to payout (spec/market.md). The rules are behind this door;
 * what others may say and ask is behind `@palisade/market/schema`.
 */

export { ARCHIVE } from './archive/money.ts';
export { isMoved } from './archive/records.ts';
export { challenges } from './challenges/records.ts';
export { checkProofs } from './commands/answer.ts';
export { decidedIn, dutyParamsOf } from './duties/complaint.ts';
export { COMPLAINT_STATE, complaints } from './duties/records.ts';
export { ESCROW } from './escrow.ts';
export { agreements, jobs, settlementsDue } from './job.ts';
export { marketModule } from './module.ts';
export { marketParams } from './params.ts';
export { jobFiles, payoutRows, payouts } from './payout.ts';
export { payoutFileBytes } from './payout-file.ts';
export * from './schema.ts';
export { mayBeDrawn, standingViewOf, whyBarred } from './standing/queries.ts';
