/** Power's declarations: commands, queries, events; and the draw, which anybody may check. */
export { cancelSlash } from './backing/cancel-slash.ts';
export { type ClaimView as Claim, claimRecord } from './claims/claim.ts';
export { createMiner } from './claims/create-miner.ts';
export { delegate } from './claims/delegate.ts';
export { deregisterMiner } from './claims/deregister-miner.ts';
export { ENTRY, type Entry } from './claims/entry.ts';
export { undelegate } from './claims/undelegate.ts';
export { addBond } from './collators/add-bond.ts';
export { type Collator, collatorRecord } from './collators/collator.ts';
export { leaveCollators } from './collators/leave-collators.ts';
export { registerCollator, rootKeyConsent } from './collators/register-collator.ts';
export type { Draw, Line } from './draw/draws.ts';
export { type Occasion, type Place, placeOf } from './draw/race.ts';
export { type SnapshotHead, type SnapshotLine, STANDING } from './draw/snapshot.ts';
export {
  type CheckedDraw,
  type DrawClaim,
  type Reason,
  snapshotRoot,
  verifyDraw,
} from './draw/verify.ts';
export * from './events.ts';
export { DEFAULT_POWER_PARAMS, DEVELOPMENT_POWER_PARAMS, type PowerParams } from './params.ts';
/** Sealing and both proofs are pure, too: miners make them, everybody checks them. */
export * from './proofs/index.ts';
export {
  type CollatorView,
  claimQuery,
  collatorQuery,
  collatorsQuery,
  drawQuery,
  powerParamsQuery,
  powerTotalsQuery,
  RUNNING_SESSION,
  seatsQuery,
  snapshotQuery,
} from './queries.ts';
export { cappedVotes, isLowTrust, knownSeats } from './seats/plan.ts';
export type { Seating, Seatings } from './seats/seating.ts';
export * from './sectors/schema.ts';
