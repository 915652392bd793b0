/**
 * The chain's declarations: what clients may send, ask and watch, and the check of what a block commits
 * to. The rules are behind the package's other door.
 */

export { feeOf } from './accounts/charge.ts';
export { bindNodeKey, nodeKeyConsent } from './accounts/commands/bind-node-key.ts';
export { revokeNodeKey } from './accounts/commands/revoke-node-key.ts';
export { send } from './accounts/commands/send.ts';
export { nodeKeyBound, nodeKeyRevoked } from './accounts/events.ts';
export { accountQuery, nodeKeyQuery, paramsQuery, supplyQuery } from './accounts/queries.ts';
export { type RootsInBlock, type SignedRoot, signedRoot } from './application/signed-root.ts';
export { bondSlashed } from './bonds/bonds.ts';
export { formatAmount } from './format-amount.ts';
export { type EventDeclaration, event } from './module/event.ts';
export { MAX_PAGE, type QueryDeclaration, query } from './module/query.ts';
export { offenceProven } from './offences/offences.ts';
export { type ChainParams, DEFAULT_PARAMS, NATIVE } from './params.ts';
export { randomnessFixed, revealMissed } from './randomness/randomness.ts';
export { feesBurned, feesPaid } from './rewards/rewards.ts';
export { RUNNING, sessionQuery, sessionStarted } from './sessions/queries.ts';
export { type Session, sessionRecord } from './sessions/session.ts';
export { validatorsQuery } from './validators/module.ts';
export { seatChanged } from './validators/seats.ts';
export { SEAT, type Validator } from './validators/state.ts';
