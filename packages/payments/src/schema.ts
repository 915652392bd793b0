/** What others may say to payments and ask of them, and the formats of the child chain. */
export { reportRoot } from './commands/report-root.ts';
export { submitPayment } from './commands/submit.ts';
export {
  type Bond,
  DIALECTS,
  type Dialect,
  type ExitIdRule,
  isInFlight,
  v1,
  v2,
} from './dialect/index.ts';
export * from './events.ts';
export {
  type ExitPlace,
  exitPriority,
  inFlightExitId,
  outputIdOf,
  standardExitId,
} from './format/ids.ts';
export {
  BlockTree,
  EMPTY_SUBTREES,
  isIncluded,
  leafHash,
  PROOF_BYTES,
  TREE_DEPTH,
  UNUSED_LEAF,
} from './format/merkle.ts';
export {
  CHILD_BLOCK_INTERVAL,
  depositBlockOf,
  isDepositBlock,
  isPosition,
  MAX_BLOCK_TXS,
  type Place,
  type Position,
  placeOf,
  positionOf,
  txPositionOf,
} from './format/position.ts';
export {
  decodeSigned,
  decodeTransaction,
  depositOf,
  encodeSigned,
  encodeTransaction,
  type FeeClaim,
  feeClaimOf,
  feeNonce,
  hashOf,
  isZero,
  MAX_TX_BYTES,
  OUTPUT_TYPE,
  type Output,
  type Payment,
  SIGNATURE_BYTES,
  type Signed,
  type Transaction,
  TX_TYPE,
} from './format/transaction.ts';
export {
  paymentDomain,
  type SigningDomain,
  signingDigest,
  typedDataOf,
} from './format/typed-data.ts';
export {
  DEFAULT_PAYMENTS_PARAMS,
  MAX_FEE_TOKENS,
  type PaymentsParams,
  paymentsParams,
} from './params.ts';
export {
  blockOfRootQuery,
  childBlockQuery,
  outputQuery,
  outputsOfQuery,
  paymentsStateQuery,
  submittersQuery,
} from './queries.ts';
export { ROOT_EVENT, type RootEvent, rootEvent } from './root-event.ts';
