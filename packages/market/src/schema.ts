/** The market's declarations: commands, messages, queries, events. Pure data for clients and partners. */

export {
  archiveCalled,
  archiveFunded,
  archiveMoved,
  archiveOpened,
  archiveUnfunded,
} from './archive/events.ts';
export { type ArchiveParams, DEFAULT_ARCHIVE_PARAMS } from './archive/params.ts';
export { archiveCallsQuery } from './archive/queries.ts';
export { challengeDoubted, challengeFailed, challengePassed } from './challenges/events.ts';
export { challengesQuery } from './challenges/queries.ts';
export { type Challenge, FINDING, type Finding } from './challenges/records.ts';
export { answerAudit, challenge } from './commands/answer.ts';
export { cancel } from './commands/cancel.ts';
export { complain } from './commands/complain.ts';
export { complete, partnerComplete } from './commands/complete.ts';
export { fileVoucher } from './commands/file-voucher.ts';
export { postBond } from './commands/post-bond.ts';
export { rebut } from './commands/rebut.ts';
export { renew } from './commands/renew.ts';
export { reportChallenge } from './commands/report-challenge.ts';
export { reportOmission } from './commands/report-omission.ts';
export { reportResult } from './commands/report-result.ts';
export { JOB_LANE, request } from './commands/request.ts';
export { returnBond } from './commands/return-bond.ts';
export { start } from './commands/start.ts';
export {
  complaintDismissed,
  complaintFiled,
  complaintUpheld,
  omissionProven,
} from './duties/events.ts';
export { DEFAULT_DUTY_PARAMS, type DutyParams } from './duties/params.ts';
export * from './events.ts';
export {
  AGREEMENT_STATE,
  type Agreement,
  agreementRecord,
  isInteractive,
  isOfArchive,
  isOpen,
  isOver,
  JOB_STATE,
  type Job,
  jobRecord,
  UTILITY,
} from './job.ts';
export { acknowledgement } from './messages/acknowledgement.ts';
export { challengeAnswer, MAX_CHALLENGE_ANSWER, partnerChallenge } from './messages/challenge.ts';
export {
  encodeWork,
  isSameResult,
  MAX_WORK_BYTES,
  owedFor,
  RUN_END,
  type RunEnd,
  type RunResult,
  readWork,
  runEndOf,
  runResult,
  type Work,
  type WorkLimits,
} from './messages/computation.ts';
export {
  confirmation,
  MAX_DIRECTORY,
  MAX_URL,
  validatorEndpoint,
} from './messages/confirmation.ts';
export { clientConnectReport, partnerConnectReport } from './messages/connect-report.ts';
export { leafProof } from './messages/leaf-proof.ts';
export { accept, match, notice, offer } from './messages/matching.ts';
export { MAX_REASON, ready, readyAck, signOff, subscribe } from './messages/ready.ts';
export {
  clientReceipt,
  isStorageReceipt,
  partnerReceipt,
  type Receipt,
  storageReceipt,
} from './messages/receipt.ts';
export { tunnelOpen } from './messages/tunnel.ts';
export { usageVoucher } from './messages/usage-voucher.ts';
export { rateVoucher } from './messages/voucher.ts';
export { NO_WORK, type NoWork, noticeAck, workAnswer, workQuery } from './messages/work.ts';
export { DEFAULT_MARKET_PARAMS, type MarketParams } from './params.ts';
export {
  type PayoutRow,
  type PayoutSummary,
  payoutRow,
  payoutSummary,
  ROW_STATUS,
} from './payout.ts';
export { areRowsOf, payoutFileSize, readPayoutFile } from './payout-file.ts';
export {
  auditDueQuery,
  type JobView,
  jobQuery,
  jobsOfQuery,
  jobView,
  marketParamsQuery,
  payoutQuery,
} from './queries.ts';
export { ceilingOf } from './rules/bound.ts';
export {
  type Capacity,
  type CapacityChange,
  type CapacityTimes,
  capacityChange,
  NEVER_CHANGED,
  noteChange,
  waitForChange,
} from './rules/capacity.ts';
export {
  CHALLENGE_LEAVES,
  challengedPlaces,
  challengeLeaves,
  challengersOf,
} from './rules/challenged.ts';
export { type Filter, type Misfit, misfitOf, rateAsked, type Wanted } from './rules/fitting.ts';
export { NOTICE_MS, RESPONSIBLE, responsibleFor } from './rules/responsible.ts';
export {
  amountFor,
  escrowFor,
  lastOfTerm,
  PRICE_UNIT_BYTES,
  rateFor,
  sessionsFor,
} from './rules/terms.ts';
export { bondPosted, bondReturned, containmentEnded, faultNoted } from './standing/events.ts';
export { DEFAULT_STANDING_PARAMS, type StandingParams } from './standing/params.ts';
export {
  mayTakeQuery,
  type StandingView,
  standingQuery,
  standingView,
} from './standing/queries.ts';
export { accountKey, FAULT, ROLE, type Role } from './standing/records.ts';
