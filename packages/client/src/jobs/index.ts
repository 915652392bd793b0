/** A job's life from the client's side: quote, put, get, renew, share, remove. */
export {
  type AccessJob,
  type AccessOptions,
  type AccessProgress,
  type AccessQuote,
  type AccessWish,
  NOTHING_USED,
  UsagePayer,
  type UsageState,
} from './access.ts';
export type { Account } from './context.ts';
export type { GetOptions, Got } from './get.ts';
export { type MarketClient, openMarket } from './market-client.ts';
export type { PutProgress, PutResult, PutWish } from './put.ts';
export { type ChosenPartner, formatPutState, type PutState, parsePutState } from './put-state.ts';
export type { PartnerQuote, Quote, QuoteWish, RunQuote, RunQuoteWish } from './quote.ts';
export type { Removal, RemovalPlan } from './remove.ts';
export type { Renewal, RenewalPlan } from './renew.ts';
export type { Ran, RunDone, RunProgress, RunWish } from './run.ts';
export type { SourceProgress } from './sources.ts';
export {
  describeSpool,
  memorySpool,
  type Spool,
  type Spooled,
  type SpoolWriter,
  spoolFile,
} from './spool.ts';
export { formatVoucher, type KeptVoucher, voucherFileName } from './voucher.ts';
