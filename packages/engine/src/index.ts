/**
 * @palisade/engine: what orders transactions into blocks and drives the application. `Engine` is the
 * interface; `createEmbeddedEngine` is the driver that needs nothing but this process.
 */
export type { Divergence, KeyDifference } from './embedded/divergence.ts';
export { DivergenceError } from './embedded/divergence.ts';
export type { EmbeddedEngine } from './embedded/embedded.ts';
export { createEmbeddedEngine, EMBEDDED_DESCRIPTION } from './embedded/embedded.ts';
export type {
  DroppedTx,
  EmbeddedOptions,
  FaultPoint,
  Genesis,
  GenesisValidator,
  HostedKey,
  Limits,
  Notice,
  ProposalSource,
  Replica,
  Shadow,
  ShadowOptions,
  StoreChange,
} from './embedded/options.ts';
export { DEFAULT_LIMITS } from './embedded/options.ts';
export type * from './engine.ts';
