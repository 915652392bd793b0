/**
 * @palisade/payments: the child chain's outputs, transactions, blocks and fees, in the two dialects
 * that the root chain's contracts speak (spec/payments.md). Pure: no clock, no disk, no network.
 */
export {
  type BlockError,
  BlockFormer,
  type ChildBlock,
  type ExpectedBlock,
  type InvalidBlock,
  isInvalidBlock,
  type Judging,
  judgeBlock,
  judgeInSteps,
  MAX_PAYMENTS,
  nextChildBlock,
  openClaim,
  type ReceivedBlock,
  type Spender,
  spendsOf,
} from './block/child-block.ts';
export { numberOf, wordOf } from './format/integers.ts';
export {
  Ledger,
  OUTPUT_RECORD_BYTES,
  outputRecord,
  type Placed,
  readOutputRecord,
} from './ledger/ledger.ts';
export { LedgerSnapshot } from './ledger/snapshot.ts';
export { paymentsModule } from './module.ts';
// What a node reads of the committed state.
export { params as paymentsState } from './params.ts';
export { agreed, digestAfter, NOTHING_AGREED, nextEvent } from './root-event.ts';
export { type Amounts, surplusOf, tokenKey } from './rules/amounts.ts';
export type { Reason } from './rules/errors.ts';
export type { Fees, FeeTable } from './rules/fees.ts';
export {
  addEffects,
  type BlockSoFar,
  type Demands,
  type Effects,
  judge,
  type OpenBlock,
  type Outputs,
  openBlock,
} from './rules/judge.ts';
export { isPayment, type Opened, openTransaction, type Recover } from './rules/open.ts';
export * from './schema.ts';
export { blockOfRoot, childBlocks } from './state.ts';
