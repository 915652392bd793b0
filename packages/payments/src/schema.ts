/** Formats of the child chain: positions, transactions, what is signed, exits' numbers. */
export {
  type Bond,
  DIALECTS,
  type Dialect,
  type ExitIdRule,
  isInFlight,
  v1,
  v2,
} from './dialect/index.ts';
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
export { paymentDomain, type SigningDomain, signingDigest } from './format/typed-data.ts';
