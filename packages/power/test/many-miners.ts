/**
 * A state with many miners, made directly: what stands in it is what commands would have left. For
 * measuring what a block costs, in reads and in time.
 */

import type { BlockContext, State } from '@palisade/chain';
import { Overlay } from '@palisade/chain';
import { type KeyValueReader, MemoryStore, u64be } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import { endow, hold } from '../../chain/src/accounts/ledger.ts';
import type { MinerPower } from '../src/claims/update-power.ts';
import { PLEDGE } from '../src/sectors/collateral.ts';
import { params, pledgeOf, type SectorsParams } from '../src/sectors/params.ts';
import { MEMBER, miners, partitions, sectors } from '../src/sectors/state.ts';

/** Power as a sum for each miner, and nothing more. */
export class SimplePower implements MinerPower {
  readonly raw = new Map<string, bigint>();
  isMiner(): boolean {
    return true;
  }
  rawOf(_: KeyValueReader, miner: Uint8Array): bigint {
    return this.raw.get(String(miner)) ?? 0n;
  }
  update(_: BlockContext, miner: Uint8Array, delta: bigint): void {
    this.raw.set(String(miner), this.rawOf(undefined as never, miner) + delta);
  }
  answersUntil(ctx: BlockContext): bigint {
    return ctx.session.number;
  }
}

export function minerId(index: number): Uint8Array {
  return blake3(u64be(BigInt(index))).slice(0, 20);
}

/** Gives miners `from` to `to` one partition of active sectors at a deadline. */
export function populate(
  state: State,
  power: SimplePower,
  current: SectorsParams,
  from: number,
  to: number,
  { deadline, size }: { readonly deadline: number; readonly size: number },
): void {
  const zero = new Uint8Array(32);
  const pledge = pledgeOf(current);
  for (let index = from; index < to; index++) {
    const miner = minerId(index);
    const counts = Array.from({ length: current.deadlines }, (_, i) => (i === deadline ? size : 0));
    miners.set(state, [miner], { next: BigInt(size), live: size, counts, slashed: 0n });
    endow(state, miner, pledge * BigInt(size));
    hold(state, miner, PLEDGE, pledge * BigInt(size));
    const members = Array.from({ length: size }, (_, i) => ({
      number: BigInt(i),
      state: MEMBER.active,
      faults: 0,
    }));
    partitions.set(state, [BigInt(deadline), miner, 0n], {
      ...{ members, opens: 0n, proof: zero, proven: [] },
    });
    power.raw.set(String(miner), BigInt(size * current.sectorBytes));
    for (const { number } of members)
      sectors.set(state, [miner, number], {
        ...{ replica: zero, columns: zero, data: zero, seed: zero, challenge: zero, proof: zero },
        ...{ expires: 1n << 40n, height: 1n, pledged: pledge, pledge, deadline, partition: 0 },
        ended: 0n,
      });
  }
}

/** A reader that counts what is read of it. */
export class CountingStore implements KeyValueReader {
  readonly #inner: KeyValueReader;
  reads = 0;

  constructor(inner: KeyValueReader) {
    this.#inner = inner;
  }
  get(key: string): Uint8Array | undefined {
    this.reads++;
    return this.#inner.get(key);
  }
  *range(from: string, to: string): Iterable<readonly [string, Uint8Array]> {
    this.reads++;
    for (const entry of this.#inner.range(from, to)) {
      this.reads++;
      yield entry;
    }
  }
}

/** A committed state that the given function has written. */
export async function committedState(write: (state: State) => void): Promise<MemoryStore> {
  const store = new MemoryStore();
  const overlay = new Overlay(store);
  write(overlay);
  await store.commit(overlay.changes());
  return store;
}

/** A block at a height over a committed state. */
export function blockOver(reader: KeyValueReader, height: bigint): BlockContext {
  const state = new Overlay(reader);
  const session = {
    ...{ number: 0n, startHeight: 1n, startMs: 0n, endHeight: 0n, randomnessHeight: 2n },
    randomness: new Uint8Array(32),
  };
  return { state, height, timeMs: 0n, hash: new Uint8Array(32), session, emit() {} };
}

/** A chain with `others` miners elsewhere and `due` miners whose one partition the next block closes. */
export async function closingState(
  current: SectorsParams,
  counts: { readonly others: number; readonly due: number; readonly size: number },
): Promise<{ store: MemoryStore; power: SimplePower; height: bigint }> {
  const power = new SimplePower();
  const { others, due, size } = counts;
  const store = await committedState((state) => {
    params.set(state, [], current);
    populate(state, power, current, 0, due, { deadline: 0, size });
    populate(state, power, current, due, due + others, { deadline: 1, size });
  });
  // The first block behind the second window of deadline 0: its end is due, unproven.
  const height = BigInt((current.deadlines + 1) * current.windowBlocks);
  return { store, power, height };
}
