/**
 * @palisade/rootchain: Ethereum as this house uses it (spec/contracts.md). Typed bindings to the contracts,
 * a follower of their logs that hands out nothing false, a sender with its own nonces, and for development
 * a root chain on this machine.
 */
export {
  type AuthorityKeys,
  type AuthorityMember,
  type AuthoritySession,
  blockRootCall,
  rotationCall,
  sortedMembers,
} from './authority/authority.ts';
export {
  authorityBinding,
  bindings,
  type Contract,
  ERC20_VAULT_ID,
  ETH_VAULT_ID,
  ETHER,
} from './contracts.ts';
export { bindingsV1 } from './contracts-v1.ts';
export {
  ANVIL_CHAIN_ID,
  type Anvil,
  type AnvilOptions,
  hasAnvil,
  startAnvil,
} from './dev/anvil.ts';
export { type Artifacts, type DeployOptions, deploy, deployTestToken } from './dev/deploy.ts';
export { type Checkpoint, checkpointSchema, thinned } from './follow/checkpoint.ts';
export {
  type Blocks,
  type FollowOptions,
  follow,
  type Rewind,
  type Step,
} from './follow/follow.ts';
export type { LogPlace, RootLog, Sources } from './follow/log.ts';
export { authorityAbi } from './generated/authority.ts';
export { exitGameAbi } from './generated/exit-game.ts';
export { BATCH_BLOCKS, FINALITY_MARGIN } from './params.ts';
export { type OnTrouble, type Patience, patiently, type Waiting } from './rpc/patient.ts';
export { publicClient } from './rpc/provider.ts';
export { httpRpc, type Question, type Rpc, type RpcOptions } from './rpc/rpc.ts';
export { type BlockHeader, blockAt, type Receipt } from './rpc/shapes.ts';
export { type RootContracts, rootContractsSchema } from './schema.ts';
export {
  createSender,
  type Outcome,
  type Sender,
  type SenderOptions,
  type Transaction,
} from './send/sender.ts';
