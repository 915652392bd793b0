/** @palisade/node: the validator daemon. `compose.ts` tells how the modules are plugged together. */
export { type AuditReport, auditState, type Finding } from './audit/auditState.ts';
export { commandCatalogue, composeModules, domainOf, jobFileRule } from './compose.ts';
export { nodeConfig } from './daemon/config.ts';
export { runNode } from './daemon/run-node.ts';
export { type RunningNode, startNode } from './node.ts';
export type { HostedValidator, NodeOptions } from './options.ts';
export {
  DEFAULT_POOL_TIMING,
  DEVELOPMENT_POOL_TIMING,
  type PoolTiming,
} from './services/timing.ts';
