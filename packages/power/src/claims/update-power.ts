/**
 * The one way in which proven power changes (P3). No command leads here: whoever composes the chain
 * hands `MinerPower` to the part that checks proofs of storage, and to nobody else.
 */
import type { BlockContext, State } from '@palisade/chain';
import { type KeyValueReader, PalisadeError, toHex } from '@palisade/core';
import { powerChanged } from '../events.ts';
import { memorySessions, params } from '../params.ts';
import { claims, totals } from './claim.ts';
import { settled } from './entries.ts';
import { shrunk } from './entry.ts';
import { addLent } from './lent.ts';
import { writeClaim } from './write-claim.ts';

/** Power of all miners stays below 8 EiB, so that sums fit signed 64-bit columns. */
export const MAX_TOTAL_POWER = 1n << 63n;

/** What the part that checks proofs of storage may do with power. */
export type MinerPower = {
  /** Whether an account is registered as a miner. */
  isMiner(state: KeyValueReader, miner: Uint8Array): boolean;
  /** Proven power of a miner, bytes; 0 for nobody. */
  rawOf(state: KeyValueReader, miner: Uint8Array): bigint;
  /**
   * Changes a miner's proven power by a signed number of bytes. A gain leaves what it lends as it
   * is; a loss makes everything it lends shrink in proportion.
   * @throws PalisadeError `power/illegal-state` for an unknown miner or less than no power: a bug of
   * the caller, which must stop the block.
   */
  update(ctx: BlockContext, miner: Uint8Array, delta: bigint): void;
  /**
   * First session in which nothing that a miner lent can be slashed any more: collateral that
   * falls free before it should stay held until then.
   */
  answersUntil(ctx: BlockContext, miner: Uint8Array): bigint;
};

export const minerPower: MinerPower = {
  isMiner: (state, miner) => claims.has(state, miner),
  rawOf: (state, miner) => claims.get(state, miner)?.raw ?? 0n,
  update: updatePower,
  answersUntil({ state, session }, miner) {
    const claim = claims.get(state, miner);
    if (!claim) return session.number;
    const lends = claim.entries.lent > 0;
    const last = lends ? session.number : claim.lastBacked;
    const free = last === 0n ? 0n : last + memorySessions(params.need(state));
    return free > session.number ? free : session.number;
  },
};

function illegal(why: string): PalisadeError {
  return new PalisadeError({ code: 'power/illegal-state', message: why });
}

function updatePower(ctx: BlockContext, miner: Uint8Array, delta: bigint): void {
  const { state, session } = ctx;
  const stored = claims.get(state, miner);
  if (!stored) throw illegal(`${toHex(miner)} is no miner: its power cannot change.`);
  const raw = stored.raw + delta;
  if (raw < 0n) throw illegal(`${toHex(miner)} has ${stored.raw} bytes; it cannot lose ${-delta}.`);
  if (delta === 0n) return;
  addToTotal(state, delta);
  if (delta > 0n) {
    writeClaim(ctx, miner, stored, { ...stored, raw });
    const lent = stored.entries.bound;
    const { raw: before } = stored;
    ctx.emit(powerChanged, { miner, before, after: raw, lentBefore: lent, lentAfter: lent });
    return;
  }
  const claim = settled(state, stored, session.number);
  const entries = shrunk(claim.entries, stored.raw, raw, (generation, change) =>
    addLent(state, generation, change),
  );
  writeClaim(ctx, miner, stored, { raw, checked: claim.checked, entries });
  ctx.emit(powerChanged, {
    miner,
    before: stored.raw,
    after: raw,
    lentBefore: claim.entries.bound,
    lentAfter: entries.bound,
  });
}

function addToTotal(state: State, delta: bigint): void {
  const sums = totals.need(state);
  const raw = sums.raw + delta;
  if (raw >= MAX_TOTAL_POWER)
    throw illegal(`All miners would have ${raw} bytes; ${MAX_TOTAL_POWER - 1n} is the most.`);
  totals.set(state, [], { ...sums, raw });
}
