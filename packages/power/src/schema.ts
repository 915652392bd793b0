/** Power's declarations: commands, queries, events. Pure data for clients, miners and collators. */
export { type Claim, claimRecord, ENTRY, type Entry } from './claims/claim.ts';
export { createMiner } from './claims/create-miner.ts';
export { deregisterMiner } from './claims/deregister-miner.ts';
export * from './events.ts';
export { DEFAULT_POWER_PARAMS, DEVELOPMENT_POWER_PARAMS, type PowerParams } from './params.ts';
/** Sealing and both proofs are pure, too: miners make them, everybody checks them. */
export * from './proofs/index.ts';
export * from './sectors/schema.ts';
