/**
 * @palisade/power: proven storage as power, to whom it is lent, and who is drawn for a seat by it
 * (spec/power.md). The rules are behind this door; what others may say and ask is behind
 * `@palisade/power/schema`.
 */
export { claims, totals } from './claims/claim.ts';
export type { MinerPower } from './claims/update-power.ts';
export { type Power, type PowerOptions, powerModule } from './module.ts';
export { params as powerParameters, powerParams } from './params.ts';
export * from './schema.ts';
export { type Pledges, pledges } from './sectors/collateral.ts';
export { type SectorsOptions, sectorsKeep, sectorsModule } from './sectors/module.ts';
export { params as sectorsParameters, sectorsParams } from './sectors/params.ts';
export { due as sectorsDue, partitions, preCommits, sectors } from './sectors/state.ts';
