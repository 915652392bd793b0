/**
 * @palisade/power: proven storage as power, to whom it is lent, and who is drawn for a seat by it
 * (spec/power.md). The rules are behind this door; what others may say and ask is behind
 * `@palisade/power/schema`.
 */
export { backerLoss, type Collateral, type PendingSlash, slashes } from './backing/slash.ts';
export { claims, totals } from './claims/claim.ts';
export { DelegationColumns } from './claims/columns.ts';
export type { SectorCheck } from './claims/deregister-miner.ts';
export { lentSum } from './claims/lent.ts';
export type { MinerPower } from './claims/update-power.ts';
export { bondPurpose, endedBonds, type VirtualStake } from './collators/bond.ts';
export { collators } from './collators/collator.ts';
export { draws, linesOf } from './draw/draws.ts';
export { type ScoreGate, snapshotHead, snapshotLines } from './draw/snapshot.ts';
export { type Power, type PowerOptions, powerModule } from './module.ts';
export { params as powerParameters, powerParams } from './params.ts';
export { collatorPower } from './queries.ts';
export * from './schema.ts';
export { seatings } from './seats/seating.ts';
export { pledges } from './sectors/collateral.ts';
export { type SectorsOptions, sectorsKeep, sectorsModule } from './sectors/module.ts';
export { params as sectorsParameters, sectorsParams } from './sectors/params.ts';
export {
  challenges as challengesOfWindows,
  due as sectorsDue,
  partitions,
  preCommits,
  sectors,
} from './sectors/state.ts';
export { judges, verdictsToFail } from './sectors/verdict.ts';
