/**
 * `npm run bench -- power`: power at a million delegations, a hundred thousand miners, ten thousand
 * collators and ten seats.
 *
 * - draw: from the lines of a snapshot to the places; beside FRAME's published weights for choosing
 *   collators, extrapolated to as many (17.46 us + 15.0 us per candidate, and the reads and writes of
 *   RocksDB: asset hub of Westend, 2.6 GHz Xeon).
 * - select: all that a session's choice costs, from the store: the snapshot of who changed among all, its
 *   lines read again, and the draw; beside the same weights.
 * - delegate: a command's rules and effects in memory, without its signature; beside the same on plain
 *   Maps of Maps of bigint.
 * - update: a miner loses a sector, and with it a share of each of its ten delegations; beside the same on
 *   Maps of Maps.
 * - remove: a collator disappears to which 100 000 miners lend; beside one to which 10 do.
 * - sums: the running sums recomputed from the columns; beside Maps of Maps.
 * - deadline, audit, seal: see `power-sectors.ts`.
 */
import { Overlay, type TxContext } from '@palisade/chain';
import { type KeyValueReader, MemoryStore, toBinaryString } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { DelegationColumns } from '@palisade/power';
import { backers, claims, totals } from '../packages/power/src/claims/claim.ts';
import { delegateHandler } from '../packages/power/src/claims/delegate.ts';
import { ENTRY, entriesOf } from '../packages/power/src/claims/entry.ts';
import { addLent } from '../packages/power/src/claims/lent.ts';
import { minerPower } from '../packages/power/src/claims/update-power.ts';
import { candidates, collators } from '../packages/power/src/collators/collator.ts';
import { REMOVAL, removeCollator } from '../packages/power/src/collators/remove-collator.ts';
import { candidatesIn, type Line, linesOf } from '../packages/power/src/draw/draws.ts';
import { race } from '../packages/power/src/draw/race.ts';
import { takeSnapshot } from '../packages/power/src/draw/snapshot.ts';
import { DEFAULT_POWER_PARAMS, params } from '../packages/power/src/params.ts';
import { type Round, report, rowOf, timed } from './kit.ts';
import { sectorRows } from './power-sectors.ts';

const COLLATORS = 10_000;
const MINERS = 100_000;
const EACH = 10;
/** Backers of a collator that has few. */
const FEW = 10;
const SEATS = 15;
const ROUNDS = 5;
/** Rounds that warm the engine up. */
const WARM = 2;
const TURNS = WARM + ROUNDS;
const GIB = 1n << 30n;
/** FRAME's weight for a choice among so many, ms: processor and database (10 000 candidates). */
const FRAME_MS = (17.46 + 15 * COLLATORS + 25 * (4 + COLLATORS) + 100 * (1 + COLLATORS)) / 1000;

const NOTHING: KeyValueReader = { get: () => undefined, range: () => [] };

function idOf(kind: number, index: number): Uint8Array {
  return sha256(Uint8Array.of(kind, index >> 24, index >> 16, index >> 8, index));
}

const collatorIds = Array.from({ length: COLLATORS }, (_, i) => idOf(1, i));
const minerIds = Array.from({ length: MINERS + 2 * FEW }, (_, i) => idOf(2, i).subarray(0, 20));

/** Which collators a miner lends to: ten neighbours, so that every collator has a hundred miners. */
const lentBy = (miner: number, k: number) => (miner * 7919 + k * 1009) % COLLATORS;

function collatorRecord(generation: number) {
  return {
    account: new Uint8Array(20),
    rootKey: new Uint8Array(20),
    name: 'c',
    registered: 1,
    generation,
    bond: 10n ** 21n,
    commissionPpm: 0,
    since: 0n,
    badSessions: 0,
    barredUntil: 0n,
  };
}

/** State with `miners` that have room for more, each lending to `each` collators: which ones, `lent` says. */
function world(miners: number, each: number, lent = lentBy): Overlay {
  const state = new Overlay(NOTHING);
  params.set(state, [], DEFAULT_POWER_PARAMS);
  totals.set(state, [], {
    raw: BigInt(miners) * 1000n * GIB,
    miners: BigInt(miners),
    collators: BigInt(COLLATORS),
    registrations: BigInt(COLLATORS),
    removals: 0n,
  });
  for (const [i, id] of collatorIds.entries()) {
    collators.set(state, [id], collatorRecord(i));
    addLent(state, i, 100n * GIB);
    candidates.set(state, [id], 1);
  }
  for (let m = 0; m < miners; m++) {
    const entries = Array.from({ length: each }, (_, k) => ({
      collator: collatorIds[lent(m, k)]!,
      generation: lent(m, k),
      kind: ENTRY.delegated,
      until: 0n,
      amount: GIB,
    })).sort((a, b) => (toBinaryString(a.collator) < toBinaryString(b.collator) ? -1 : 1));
    claims.set(state, [minerIds[m]!], {
      raw: 1000n * GIB,
      deposit: 0n,
      since: 1n,
      lastBacked: 0n,
      checked: 0n,
      entries: entriesOf(entries),
    });
  }
  return state;
}

/**
 * State with collators that go, three a round: two groups of them have few backers, the third all others.
 * Who backs whom stands in the index, too: that is what a removal must not walk along.
 */
function backedWorld(): Overlay {
  const miners = MINERS + 2 * FEW;
  const lent = (miner: number, k: number) => Math.min(2, Math.floor(miner / FEW)) * TURNS + k;
  const state = world(miners, TURNS, lent);
  for (let m = 0; m < miners; m++)
    for (let k = 0; k < TURNS; k++)
      backers.set(state, [collatorIds[lent(m, k)]!, BigInt(lent(m, k)), minerIds[m]!], 1);
  return state;
}

function contextOf(state: Overlay, account: Uint8Array): TxContext {
  return {
    state,
    height: 1n,
    timeMs: 0n,
    hash: new Uint8Array(32),
    session: { number: 0n } as never,
    emit: () => undefined,
    sender: { account },
    txId: account,
    fee: 0n,
  };
}

const us = (taken: { cpu: number }, count: number) => (taken.cpu * 1e6) / count;

async function delegateRound(state: Overlay, plain: Plain): Promise<Round> {
  const count = 20_000;
  const deeds = Array.from({ length: count }, (_, i) => ({
    ctx: contextOf(state, minerIds[(i * 31) % 20_000]!),
    command: { collator: collatorIds[lentBy((i * 31) % 20_000, i % (EACH - 1))]!, amount: GIB },
  }));
  const ours = await timed(() => {
    for (const { ctx, command } of deeds) {
      const value = command as never;
      if (delegateHandler.verify(ctx, value) !== undefined) throw new Error('refused');
      delegateHandler.apply(ctx, value);
    }
  });
  const anchor = await timed(() => {
    for (const { ctx, command } of deeds)
      plain.delegate(toBinaryString(ctx.sender.account), toBinaryString(command.collator), GIB);
  });
  return { ours: us(ours, count), anchor: us(anchor, count) };
}

/** A sector that a miner loses, bytes. */
const SECTOR = 32n << 20n;

async function updateRound(state: Overlay, plain: Plain): Promise<Round> {
  const count = 20_000;
  const deeds = Array.from({ length: count }, (_, i) => {
    const miner = minerIds[(i * 31) % 20_000]!;
    return { ctx: contextOf(state, miner), miner, name: toBinaryString(miner) };
  });
  const ours = await timed(() => {
    for (const { ctx, miner } of deeds) minerPower.update(ctx, miner, -SECTOR);
  });
  const anchor = await timed(() => {
    for (const { name } of deeds) plain.lose(name, 1000n * GIB, 1000n * GIB - SECTOR);
  });
  return { ours: us(ours, count), anchor: us(anchor, count) };
}

/** What a first program would be: Maps of Maps of bigint, with the same rules. */
class Plain {
  readonly lent = new Map<string, Map<string, bigint>>();
  readonly sums = new Map<string, bigint>();

  delegate(miner: string, collator: string, amount: bigint): void {
    const own = this.lent.get(miner) ?? new Map<string, bigint>();
    let bound = amount;
    for (const value of own.values()) bound += value;
    if (bound > 1_000_000n * GIB) throw new Error('too much');
    own.set(collator, (own.get(collator) ?? 0n) + amount);
    this.lent.set(miner, own);
    this.sums.set(collator, (this.sums.get(collator) ?? 0n) + amount);
  }

  lose(miner: string, before: bigint, after: bigint): void {
    const own = this.lent.get(miner)!;
    let sum = 0n;
    let share = 0n;
    for (const [collator, amount] of own) {
      sum += amount;
      const reached = (sum * after) / before;
      own.set(collator, reached - share);
      this.sums.set(collator, this.sums.get(collator)! - amount + reached - share);
      share = reached;
    }
  }

  aggregate(): Map<string, bigint> {
    const sums = new Map<string, bigint>();
    for (const own of this.lent.values())
      for (const [collator, amount] of own) sums.set(collator, (sums.get(collator) ?? 0n) + amount);
    return sums;
  }
}

function plainWorld(miners: number): Plain {
  const plain = new Plain();
  for (let m = 0; m < miners; m++)
    for (let k = 0; k < EACH; k++)
      plain.delegate(toBinaryString(minerIds[m]!), toBinaryString(collatorIds[lentBy(m, k)]!), GIB);
  return plain;
}

function columnsOf(miners: number): DelegationColumns {
  const columns = new DelegationColumns();
  for (let m = 0; m < miners; m++)
    for (let k = 0; k < EACH; k++) columns.add(collatorIds[lentBy(m, k)]!, 0, ENTRY.delegated, GIB);
  return columns;
}

const lines: Line[] = collatorIds.map((nodeKey, i) => ({
  nodeKey,
  line: {
    power: 1024n * GIB + BigInt(i % 97) * GIB * 50n,
    generation: 0,
    standing: 0,
    since: 1n,
  },
}));

async function drawRound(round: number): Promise<Round> {
  const occasion = {
    genesisHash: idOf(3, 0),
    session: BigInt(round),
    seed: idOf(4, round),
  };
  const taken = await timed(() => {
    const columns = candidatesIn(lines, { leastPower: 1024n * GIB });
    if (race(occasion, columns, SEATS).length !== SEATS) throw new Error('too few');
  });
  return { ours: taken.cpu * 1000, anchor: FRAME_MS };
}

/** A committed state in which every collator is registered, and a tenth of them was lent more since. */
async function selectRound(store: MemoryStore, round: number): Promise<Round> {
  const since = new Overlay(store);
  for (let i = 0; i < COLLATORS; i += 10) addLent(since, i, GIB);
  await store.commit(since.changes());
  const block = new Overlay(store);
  const number = BigInt(round);
  const ctx = { ...contextOf(block, minerIds[0]!), session: { number } as never };
  const taken = await timed(() => {
    takeSnapshot(ctx, { scoreGate: () => true, virtualStake: () => 0n });
    const columns = candidatesIn(linesOf(block, number + 1n), { leastPower: GIB });
    const occasion = { genesisHash: idOf(3, 0), session: number + 1n, seed: idOf(5, round) };
    if (race(occasion, columns, SEATS).length !== SEATS) throw new Error('too few');
  });
  await store.commit(block.changes());
  return { ours: taken.cpu * 1000, anchor: FRAME_MS };
}

/** Collators leave, one after another; us. */
async function removals(state: Overlay, leaving: readonly Uint8Array[]): Promise<number[]> {
  const taken: number[] = [];
  for (const collator of leaving) {
    const ctx = contextOf(state, collator);
    taken.push(us(await timed(() => removeCollator(ctx, collator, REMOVAL.left)), 1));
  }
  return taken;
}

async function main(): Promise<void> {
  const state = world(20_000, EACH - 1);
  const full = world(20_000, EACH);
  const backed = backedWorld();
  const plain = plainWorld(MINERS);
  const columns = columnsOf(MINERS);
  const store = new MemoryStore();
  await store.commit(world(0, 0).changes());
  const draws: Round[] = [];
  const selections: Round[] = [];
  const delegates: Round[] = [];
  const updates: Round[] = [];
  const leaving: Round[] = [];
  const sums: Round[] = [];
  for (let round = -WARM; round < ROUNDS; round++) {
    const draw = await drawRound(round + 10);
    const selected = await selectRound(store, round + 10);
    const delegated = await delegateRound(state, plain);
    const updated = await updateRound(full, plain);
    // The first removal of a round finds its code out of the caches: it counts for nobody.
    const gone = [0, 1, 2].map((group) => collatorIds[group * TURNS + round + WARM]!);
    const [, few, many] = await removals(backed, gone);
    const removed = { ours: many!, anchor: few! };
    const added = {
      ours: (await timed(() => columns.delegated())).cpu * 1000,
      anchor: (await timed(() => plain.aggregate())).cpu * 1000,
    };
    if (round < 0) continue;
    draws.push(draw);
    selections.push(selected);
    delegates.push(delegated);
    updates.push(updated);
    leaving.push(removed);
    sums.push(added);
  }
  report('power', [
    rowOf(
      {
        case: 'draw',
        unit: 'ms',
        note: 'processor time from 10 000 snapshot lines to 15 places; against FRAME weights extrapolated; at most 50 ms, ratio at most 0.04',
      },
      draws,
    ),
    rowOf(
      {
        case: 'select',
        unit: 'ms',
        note: 'processor time of snapshot and draw over 10 000 collators from the store; against the same weights',
      },
      selections,
    ),
    rowOf(
      {
        case: 'delegate',
        unit: 'us',
        note: 'rules and effects with ten entries, no signature; against Maps of Maps; at most 5 us',
      },
      delegates,
    ),
    rowOf(
      {
        case: 'update',
        unit: 'us',
        note: 'a loss of power with ten delegations; against Maps of Maps; at most 5 us',
      },
      updates,
    ),
    rowOf(
      {
        case: 'remove',
        unit: 'us',
        note: 'a collator goes to which 100 000 miners lend; against one to which 10 do; at most as much',
      },
      leaving,
    ),
    rowOf(
      {
        case: 'sums',
        unit: 'ms',
        note: 'a million delegations added up by collator, from columns; against Maps of Maps',
      },
      sums,
    ),
    ...(await sectorRows()),
  ]);
}

await main();
