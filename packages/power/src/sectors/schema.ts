/** Declarations of sectors. Pure data for miners, validators and clients. */
export { declareFaults, declareRecoveries, terminate } from './commands/declare.ts';
export { disputeSeal, reportWithheldSeal } from './commands/dispute-seal.ts';
export { disputeWindow, reportWithheld } from './commands/dispute-window.ts';
export { preCommit } from './commands/pre-commit.ts';
export { proveCommit } from './commands/prove-commit.ts';
export { proveWindow } from './commands/prove-window.ts';
export { END } from './ending.ts';
export * from './events.ts';
export {
  DEFAULT_SECTORS_PARAMS,
  DEVELOPMENT_SECTORS_PARAMS,
  depositOf,
  disputeSpan,
  periodOf,
  pledgeOf,
  type SectorsParams,
  shapeOf,
} from './params.ts';
export {
  type PartitionView,
  partitionsQuery,
  sectorMinerQuery,
  sectorsOfQuery,
  sectorsParamsQuery,
} from './queries.ts';
export { blocksUntilOpen, isMutable, type Window, windowAt } from './schedule.ts';
export {
  MEMBER,
  type Member,
  type Miner,
  type Partition,
  type PreCommit,
  type Sector,
} from './state.ts';
export {
  proofReady,
  sealQuestion,
  sealSubject,
  VERDICT,
  verdict,
  windowQuestion,
  windowSubject,
} from './verdict.ts';
