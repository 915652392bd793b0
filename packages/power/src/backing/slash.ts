/**
 * Offences of collators (spec/power.md, 5): the seat and the candidacy go at once. Tokens go after
 * the deferral, in which a wrong slash can be cancelled: a share of the collator's bond, and of the
 * collateral of everybody who backed it in the snapshot that gave it the seat, in proportion to what
 * it had lent of what it has. Power itself is never taken: it is proven bytes.
 */
import {
  type BlockContext,
  burnHeld,
  bytesKey,
  collection,
  type Offence,
  PPM,
  type State,
  u64Key,
} from '@palisade/chain';
import {
  bytes32,
  type Infer,
  type KeyValueReader,
  record,
  text,
  u8,
  u32,
  u64,
} from '@palisade/core';
import { bondPurpose, endedBonds } from '../collators/bond.ts';
import { candidate, collators } from '../collators/collator.ts';
import { REMOVAL, removeCollator } from '../collators/remove-collator.ts';
import { lineOf } from '../draw/draws.ts';
import { backerSlashed, collatorSlashed, slashDeferred } from '../events.ts';
import { params } from '../params.ts';
import { type Seating, seatOf } from '../seats/seating.ts';
import { quarantine } from './quarantine.ts';
import { beginWalk, type Visitor, WALK } from './walk.ts';

/** What miners have put up beside their power: kept by whoever checks proofs of storage. */
export type Collateral = {
  /** What answers for a miner now, base units. */
  amount(state: KeyValueReader, miner: Uint8Array): bigint;
  /** Burns up to `amount` of it; answers what was taken. */
  slash(ctx: BlockContext, miner: Uint8Array, amount: bigint): bigint;
};

export const slashRecord = record('PendingSlash', {
  kind: text(32),
  fractionPpm: u32.is('Share that is lost, parts per million'),
  generation: u32,
  snapshot: u64.is('Session whose snapshot gave it the seat; 0 for a seat that was not drawn'),
  due: u64.is('Session at whose end it is carried out'),
  state: u8.is('0 deferred, 1 carried out, 2 cancelled'),
});
export type PendingSlash = Infer<typeof slashRecord>;
export const SLASH = { deferred: 0, done: 1, cancelled: 2 } as const;

/** By session of the offence and node key: one for each, however often it offended. */
export const slashes = collection({
  store: 'power',
  name: 'slash',
  key: [u64Key, bytesKey(32)],
  value: slashRecord,
});
/** When they are carried out: due session, session of the offence, node key. */
export const slashesDue = collection({
  store: 'power',
  name: 'slash-due',
  key: [u64Key, u64Key, bytesKey(32)],
  value: bytes32.is('Node key again'),
});

/** Takes note of an offence, if it is a collator's and fresh enough. */
export function noteOffence(ctx: BlockContext, offence: Offence): void {
  const { state, session } = ctx;
  const { validator, kind, fractionPpm } = offence;
  const seat = seatAt(state, offence);
  if (!seat || seat.known === 1) return;
  const { evidenceSessions, deferralSessions, quarantineSessions } = params.need(state);
  if (session.number - offence.session > BigInt(evidenceSessions)) return;
  const collator = collators.get(state, validator);
  if (!collator) return;
  const barredUntil = session.number + BigInt(quarantineSessions);
  collators.set(state, [validator], { ...collator, barredUntil });
  if (candidate(state, validator)) removeCollator(ctx, validator, REMOVAL.offence);
  raiseOthers(state, offence);
  const before = slashes.get(state, offence.session, validator);
  if (before && (before.state !== SLASH.deferred || before.fractionPpm >= fractionPpm)) return;
  const due = before?.due ?? session.number + BigInt(deferralSessions);
  const { generation, snapshot } = seat;
  slashes.set(state, [offence.session, validator], {
    kind,
    fractionPpm,
    generation,
    snapshot,
    due,
    state: SLASH.deferred,
  });
  slashesDue.set(state, [due, offence.session, validator], validator);
  ctx.emit(slashDeferred, { collator: validator, session: offence.session, fractionPpm, due });
}

/** The seat in which somebody offended: the votes of a lost one count for two heights more. */
function seatAt(state: State, { session, validator }: Offence): Seating | undefined {
  const seat = seatOf(state, session, validator);
  return seat || session === 0n ? seat : seatOf(state, session - 1n, validator);
}

/** The more do the same in one session, the more each loses, as long as it is not carried out. */
function raiseOthers(state: State, { session, kind, fractionPpm }: Offence): void {
  for (const [key, slash] of [...slashes.list(state, session)])
    if (slash.kind === kind && slash.state === SLASH.deferred && slash.fractionPpm < fractionPpm)
      slashes.set(state, key, { ...slash, fractionPpm });
}

/** Carries out what is due at the end of a session: bonds at once, backers on a walk. */
export function carryOutSlashes(ctx: BlockContext): void {
  const { state, session } = ctx;
  for (const [[due, offenceSession, nodeKey]] of [...slashesDue.list(state)]) {
    if (due > session.number) break;
    slashesDue.delete(state, due, offenceSession, nodeKey);
    const slash = slashes.need(state, offenceSession, nodeKey);
    slashes.set(state, [offenceSession, nodeKey], { ...slash, state: SLASH.done });
    const amount = slashBond(ctx, nodeKey, slash);
    const { fractionPpm, generation, snapshot } = slash;
    ctx.emit(collatorSlashed, { collator: nodeKey, session: offenceSession, fractionPpm, amount });
    if (snapshot === 0n) continue;
    const power = powerIn(state, nodeKey, snapshot);
    if (power === 0n) continue;
    const walk = { kind: WALK.slash, collator: nodeKey, generation, snapshot, power };
    beginWalk(ctx, { ...walk, amount: BigInt(fractionPpm) });
  }
}

/** What was lent to a collator in a snapshot. */
export function powerIn(state: KeyValueReader, nodeKey: Uint8Array, session: bigint): bigint {
  return lineOf(state, session, nodeKey)?.power ?? 0n;
}

function slashBond(ctx: BlockContext, nodeKey: Uint8Array, slash: PendingSlash): bigint {
  const { state } = ctx;
  const generation = BigInt(slash.generation);
  const ended = endedBonds.get(state, nodeKey, generation);
  if (!ended) return 0n;
  const amount = (ended.amount * BigInt(slash.fractionPpm)) / PPM;
  if (amount === 0n) return 0n;
  burnHeld(state, ended.account, bondPurpose(nodeKey), amount, 'slash');
  endedBonds.set(state, [nodeKey, generation], { ...ended, amount: ended.amount - amount });
  return amount;
}

/** What a backer loses: its collateral, times the share of its power that it had lent, times the fraction. */
export function backerLoss(
  collateral: bigint,
  lent: bigint,
  raw: bigint,
  fractionPpm: bigint,
): bigint {
  return raw === 0n ? 0n : (collateral * lent * fractionPpm) / (raw * PPM);
}

/** Makes one backer answer. */
export function slashBacker(collateral: Collateral): Visitor {
  return (ctx, { collator, generation, amount: fractionPpm }, { miner, lent, raw }) => {
    const wanted = backerLoss(collateral.amount(ctx.state, miner), lent, raw, fractionPpm);
    const taken = wanted === 0n ? 0n : collateral.slash(ctx, miner, wanted);
    if (taken > 0n) ctx.emit(backerSlashed, { miner, collator, amount: taken });
    quarantine(ctx, miner, { collator, generation, amount: lent });
    return taken;
  };
}
