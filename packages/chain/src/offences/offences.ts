/**
 * The offence queue: whoever learns that a validator did wrong reports it here; at the end of the
 * block every module's `offence` hook hears of it, in the order of composition, once.
 */
import { bytes32, type Infer, record, text, u32, u64 } from '@palisade/core';
import { event } from '../module/event.ts';
import type { BlockContext, Hooks } from '../module/module.ts';
import { sessionAt, sessionSeats } from '../sessions/session.ts';
import { collection } from '../state/collection.ts';
import { bytesKey, nameKey, u64Key } from '../state/keys.ts';

const fields = {
  validator: bytes32.is('Its node key'),
  kind: text(32).is('equivocation, missed-reveal, …'),
  infractionHeight: u64,
  session: u64.is('To which that block belongs'),
  fractionPpm: u32.is(
    'Share of what answers for it that is lost, parts per million; 0 costs reputation only',
  ),
};
export const offenceRecord = record('Offence', fields);
export type Offence = Infer<typeof offenceRecord>;

/** Every offence ever proven, so that none counts twice: height, validator, kind. */
const proven = collection({
  store: 'chain',
  name: 'offence',
  key: [u64Key, bytesKey(32), nameKey],
  value: offenceRecord,
});
/** Those of the block being executed. */
const queue = collection({
  store: 'chain',
  name: 'offence-queue',
  key: [u64Key, bytesKey(32), nameKey],
  value: offenceRecord,
});

export const offenceProven = event({
  name: 'chain.offence-proven',
  doc: 'A validator was proven wrong; a share of what answers for it is slashed.',
  fields,
});

/** Puts an offence into the block's queue; a second one of the same height, validator and kind is the same. */
export function reportOffence(ctx: BlockContext, offence: Offence): void {
  const { infractionHeight, validator, kind } = offence;
  const key: [bigint, Uint8Array, string] = [infractionHeight, validator, kind];
  if (proven.has(ctx.state, ...key)) return;
  proven.set(ctx.state, key, offence);
  queue.set(ctx.state, key, offence);
}

/** Tells every module of the offences that were reported in this block. */
export function processOffences(ctx: BlockContext, hooks: readonly Hooks[]): void {
  for (const [key, offence] of [...queue.list(ctx.state)]) {
    queue.delete(ctx.state, ...key);
    ctx.emit(offenceProven, offence);
    for (const hook of hooks) hook.offence?.(ctx, offence);
  }
}

const EQUIVOCATION = 'equivocation';

/** Who equivocated in a session: keyed session, validator. */
const equivocators = collection({
  store: 'chain',
  name: 'equivocator',
  key: [u64Key, bytesKey(32)],
  value: u64.is('Height of it'),
});

type Equivocation = { readonly validator: Uint8Array; readonly infractionHeight: bigint };

/**
 * Reports what a block's evidence proves. The more validators did it in one session, the more each
 * loses; one that did it again in the same session has lost its seat and its share already.
 */
export function reportEquivocations(ctx: BlockContext, found: readonly Equivocation[]): void {
  const { state } = ctx;
  const fresh = found.flatMap(({ validator, infractionHeight }) => {
    const session = sessionAt(state, ctx.session, infractionHeight).number;
    if (proven.has(state, infractionHeight, validator, EQUIVOCATION)) return [];
    if (equivocators.has(state, session, validator)) return [];
    equivocators.set(state, [session, validator], infractionHeight);
    return [{ validator, infractionHeight, session }];
  });
  for (const offence of fresh) {
    const offenders = BigInt([...equivocators.list(state, offence.session)].length);
    const seats = sessionSeats.get(state, offence.session) ?? 1n;
    const fractionPpm = equivocationPpm(offenders, seats);
    reportOffence(ctx, { ...offence, kind: EQUIVOCATION, fractionPpm });
  }
}

/**
 * Share lost for equivocation: min(1, (3k/n)^2) in parts per million, where k of n validators did
 * it in the same session (spec/ power chapter, (b) 1).
 */
export function equivocationPpm(offenders: bigint, validators: bigint): number {
  const ppm = (9_000_000n * offenders * offenders) / (validators * validators);
  return Number(ppm > 1_000_000n ? 1_000_000n : ppm);
}
