/**
 * @palisade/chain: the state machine that everything runs in. Accounts and fees, sessions, the
 * five things that modules share (ledger, bonds, offences, rewards, randomness), and the
 * application that an engine drives.
 *
 * @example
 * const application = createApplication({ modules: [accountsModule(domain), …], store, domain, jobFile });
 */
export { cannotPay, FEE_POT, senderOf } from './accounts/charge.ts';
export {
  balanceOf,
  burn,
  burnHeld,
  cannotHold,
  cannotReceive,
  cannotSpend,
  endow,
  heldFor,
  hold,
  mint,
  moduleAccount,
  release,
  transfer,
} from './accounts/ledger.ts';
export { accountsGenesis, accountsModule } from './accounts/module.ts';
export { balances, holds, nodeKeys, supplies } from './accounts/state.ts';
export {
  type ApplicationOptions,
  createApplication,
  type PalisadeApplication,
} from './application/application.ts';
export { CODE, Execution } from './application/execution.ts';
export {
  encodeGenesis,
  type Genesis,
  type GenesisState,
  genesisHash,
  parseGenesis,
} from './application/genesis.ts';
export { REPORT_LANE } from './application/mempool.ts';
export { inlineOpener, type TxOpener } from './application/opener.ts';
export type { JobFileRule } from './application/proposal.ts';
export { appHashOf, committed, loadRoots, type Roots } from './application/roots.ts';
export {
  MAX_MISSED,
  NO_EXTENSION,
  type VoteExtension,
  voteExtension,
} from './application/votes.ts';
export { type BondSource, bondsModule, OWN_BOND, ownBond } from './bonds/bonds.ts';
export { KEPT_SNAPSHOTS, MemorySnapshots, type SnapshotStore } from './image/snapshot-store.ts';
export {
  type BlockContext,
  type CommandHandler,
  type Hooks,
  handle,
  type Invariant,
  type Module,
  type Sender,
  type TxContext,
} from './module/module.ts';
export { answer, type QueryHandler } from './module/query.ts';
export { type Offence, reportOffence } from './offences/offences.ts';
export { PPM, params } from './params.ts';
export {
  dueReveal,
  missedReveals,
  type Randomness,
  randomness,
  revealInput,
} from './randomness/randomness.ts';
export { type RewardSink, rewardsModule, splitByWeight, toOwner } from './rewards/rewards.ts';
export * from './schema.ts';
export { sessionsModule } from './sessions/queries.ts';
export { currentSession, sessions } from './sessions/session.ts';
export { type Collection, collection } from './state/collection.ts';
export { bytesKey, indexKey, type KeyPart, nameKey, u64Key } from './state/keys.ts';
export { Overlay, type State } from './state/overlay.ts';
export { validatorsGenesis, validatorsModule } from './validators/module.ts';
export {
  changeSeats,
  dropSeat,
  fillSeat,
  type SeatHolder,
  standBy,
  standDown,
} from './validators/seats.ts';
export { activeValidators, attendance, validators } from './validators/state.ts';
