/** The market's declarations: commands, messages, queries, events. Pure data for clients and partners. */
export { answerAudit, challenge, leafProof } from './commands/answer.ts';
export { cancel } from './commands/cancel.ts';
export { complete, partnerComplete } from './commands/complete.ts';
export { renew } from './commands/renew.ts';
export { JOB_LANE, request } from './commands/request.ts';
export { start } from './commands/start.ts';
export * from './events.ts';
export {
  AGREEMENT_STATE,
  type Agreement,
  agreementRecord,
  JOB_STATE,
  type Job,
  jobRecord,
  UTILITY,
} from './job.ts';
export { acknowledgement } from './messages/acknowledgement.ts';
export {
  confirmation,
  MAX_DIRECTORY,
  MAX_URL,
  validatorEndpoint,
} from './messages/confirmation.ts';
export { accept, match, notice, offer } from './messages/matching.ts';
export { ready, subscribe } from './messages/ready.ts';
export { tunnelOpen } from './messages/tunnel.ts';
export { clientReceipt, partnerReceipt, rateVoucher } from './messages/voucher.ts';
export { DEFAULT_MARKET_PARAMS, type MarketParams } from './params.ts';
export { type PayoutRow, payoutRow, payoutSummary, ROW_STATUS } from './payout.ts';
export {
  auditDueQuery,
  type JobView,
  jobQuery,
  jobsOfQuery,
  jobView,
  marketParamsQuery,
  payoutQuery,
} from './queries.ts';
export { escrowFor, PRICE_UNIT_BYTES, rateFor, sessionsFor } from './rules/terms.ts';
