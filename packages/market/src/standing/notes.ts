/**
 * What counts: every deed that touches a standing is noted through one of these. Purchases never do,
 * nor do blocks and transactions as such.
 */
import type { BlockContext, Offence, State, TxContext } from '@palisade/chain';
import type { KeyValueReader } from '@palisade/core';
import { placeOnRing } from '../challenges/ring.ts';
import { params } from '../params.ts';
import { containmentEnded, faultNoted } from './events.ts';
import type { StandingParams } from './params.ts';
import {
  accountKey,
  type Exposure,
  exposures,
  FAULT,
  type Fault,
  meetings,
  newcomer,
  ROLE,
  type Role,
  type Standing,
  standings,
} from './records.ts';
import { SCALE, scoreOf } from './score.ts';
import { atPeriod, failed, isWarning, periodOf, released, succeeded } from './transitions.ts';
import { pairShare, testimony, valueWeight, weightOf } from './weight.ts';

/** Two who met at work, and what it was worth in base units. */
export type Meeting = {
  readonly partner: Uint8Array;
  /** The client's account, 20 bytes. */
  readonly client: Uint8Array;
  readonly value: bigint;
};

/** The standing of a key as of a session, with what time has mended. */
export function standingOf(
  state: KeyValueReader,
  role: Role,
  key: Uint8Array,
  session: bigint,
): Standing {
  const period = periodOf(session, standingParamsOf(state));
  const known = standings.get(state, role, key);
  return known ? atPeriod(known, period) : newcomer(session, period);
}

export function standingParamsOf(state: KeyValueReader): StandingParams {
  return params.need(state).standing;
}

/** A partner was paid for a session, or a receipt of both sides was filed: it kept its word. */
export function noteEarned(ctx: BlockContext, { partner, client, value }: Meeting): void {
  const { state, session } = ctx;
  const { unitValue, testimonyHalf } = standingParamsOf(state);
  const { fees } = standingOf(state, ROLE.client, accountKey(client), session.number);
  const share = weightOf(
    meet(ctx, ROLE.partner, partner, accountKey(client)),
    testimony(fees, testimonyHalf),
  );
  // What a pair pays itself is no more a pledge than it is a recommendation.
  note(ctx, ROLE.partner, partner, (before) =>
    succeeded(before, weightOf(valueWeight(value, unitValue), share), (value * share) / SCALE),
  );
}

/** An agreement came to its end and was paid: the client kept its word, too. */
export function noteCompleted(ctx: BlockContext, { partner, client, value }: Meeting): void {
  if (value === 0n) return;
  const { unitValue } = standingParamsOf(ctx.state);
  const key = accountKey(client);
  const share = meet(ctx, ROLE.client, key, partner);
  note(ctx, ROLE.client, key, (before) =>
    succeeded(before, weightOf(valueWeight(value, unitValue), share), 0n),
  );
}

/** A client paid the network for a command: its word weighs more from now on. */
export function noteFee({ state, session, sender, fee }: TxContext): void {
  const key = accountKey(sender.account);
  const before = standingOf(state, ROLE.client, key, session.number);
  standings.set(state, [ROLE.client, key], { ...before, fees: before.fees + fee });
}

/** Something was not done. A fault weighs in full: nobody but its own can make a key fail. */
export function noteFault(
  ctx: BlockContext,
  role: Role,
  key: Uint8Array,
  fault: Fault,
  weight: bigint,
): void {
  const limits = standingParamsOf(ctx.state);
  const session = ctx.session.number;
  const before = standingOf(ctx.state, role, key, session);
  const after = failed(before, fault, weight, limits);
  standings.set(ctx.state, [role, key], after);
  ctx.emit(faultNoted, {
    role,
    key,
    fault,
    session,
    warning: isWarning(before, fault, limits) ? 1 : 0,
    score: scoreOf(after),
    failuresInRow: after.failuresInRow,
    contained: after.containedUntil === 0n ? 0 : 1,
  });
}

/** A partner did not answer an audit that was worth `value`. */
export function noteMissed(ctx: BlockContext, partner: Uint8Array, value: bigint): void {
  const weight = valueWeight(value, standingParamsOf(ctx.state).unitValue);
  noteFault(ctx, ROLE.partner, partner, FAULT.audit, weight);
}

/** Two partners came to another result than this one: it weighs what the work was worth, and the client's word. */
export function noteWrongResult(ctx: BlockContext, { partner, client, value }: Meeting): void {
  const { unitValue, testimonyHalf } = standingParamsOf(ctx.state);
  const { fees } = standingOf(ctx.state, ROLE.client, accountKey(client), ctx.session.number);
  const weight = weightOf(valueWeight(value, unitValue), testimony(fees, testimonyHalf));
  noteFault(ctx, ROLE.partner, partner, FAULT.result, weight);
}

/** Somebody signed two words that exclude each other; who reports it holds the evidence. */
export function noteEquivocation(ctx: BlockContext, role: Role, key: Uint8Array): void {
  noteFault(ctx, role, key, FAULT.equivocation, SCALE);
}

/**
 * A validator neglected somebody, by evidence that this one holds: what the same one says again and
 * again weighs less each time, for it may be an enemy's.
 */
export function noteNeglect(
  ctx: BlockContext,
  fault: typeof FAULT.complaint | typeof FAULT.duty,
  validator: Uint8Array,
  by: Uint8Array,
): void {
  noteFault(ctx, ROLE.validator, validator, fault, meet(ctx, ROLE.validator, validator, by));
}

/** The chain proved that a validator did wrong: an equivocation is the end of its score. */
export function noteOffence(ctx: BlockContext, { validator, kind }: Offence): void {
  if (kind === 'equivocation') noteEquivocation(ctx, ROLE.validator, validator);
  else noteFault(ctx, ROLE.validator, validator, FAULT.duty, SCALE);
}

/**
 * Two validators found a partner missing, or empty-handed. It weighs in full; what one of them says of
 * the same partner again and again weighs less each time.
 */
export function noteChallengeFailed(
  ctx: BlockContext,
  partner: Uint8Array,
  validators: readonly Uint8Array[],
): void {
  const shares = validators.map((by) => meet(ctx, ROLE.partner, partner, by));
  noteFault(ctx, ROLE.partner, partner, FAULT.challenge, weightOf(...shares));
}

/** A challenge was passed, an audit or one of the validators': it ends a containment. */
export function noteChallengePassed(ctx: BlockContext, role: Role, key: Uint8Array): void {
  const session = ctx.session.number;
  const before = standingOf(ctx.state, role, key, session);
  if (before.containedUntil === 0n) return;
  standings.set(ctx.state, [role, key], released(before));
  ctx.emit(containmentEnded, { role, key, session });
}

/** Changes what a partner has in flight; one that has nothing has no record. */
export function expose(
  state: State,
  partner: Uint8Array,
  { agreements, value }: { readonly agreements: number; readonly value: bigint },
): void {
  const before = exposureOf(state, partner);
  const after = { agreements: before.agreements + agreements, value: before.value + value };
  if (after.agreements === 0) exposures.delete(state, partner);
  else exposures.set(state, [partner], after);
  if (agreements !== 0) placeOnRing(state, partner);
}

const NOTHING: Exposure = { agreements: 0, value: 0n };

export function exposureOf(state: KeyValueReader, partner: Uint8Array): Exposure {
  return exposures.get(state, partner) ?? NOTHING;
}

function note(
  ctx: BlockContext,
  role: Role,
  key: Uint8Array,
  change: (before: Standing) => Standing,
): void {
  const before = standingOf(ctx.state, role, key, ctx.session.number);
  standings.set(ctx.state, [role, key], change(before));
}

/** Counts a meeting of `key` with another; answers what it weighs among those of the period. */
function meet({ state, session }: BlockContext, role: Role, key: Uint8Array, other: Uint8Array) {
  const period = periodOf(session.number, standingParamsOf(state));
  const known = meetings.get(state, role, key, other);
  const count = known?.period === period ? known.count : 0;
  meetings.set(state, [role, key, other], { period, count: count + 1 });
  return pairShare(count);
}
