/**
 * The snapshot: what the draw goes by. It is made when a session ends, before anybody can know the
 * seed, and stays as it is for all of the next session. It is a proven store of its own: whoever has
 * its root can check every line, and whoever has all lines can repeat the draw.
 */
import { type BlockContext, bytesKey, collection, type State, u64Key } from '@palisade/chain';
import {
  compareBytes,
  fromBinaryString,
  type Infer,
  type KeyValueReader,
  record,
  u8,
  u32,
  u64,
} from '@palisade/core';
import { lentSums } from '../claims/lent.ts';
import type { VirtualStake } from '../collators/bond.ts';
import { type Collator, candidates, collators, goneCollators } from '../collators/collator.ts';
import { REMOVAL, removeCollator } from '../collators/remove-collator.ts';
import { memorySessions, params } from '../params.ts';
import { seatsToDraw } from '../seats/plan.ts';

/** Whether a collator may win a seat, and if not, why. */
export const STANDING = { eligible: 0, barred: 1, lowScore: 2 } as const;

export const snapshotLineRecord = record('SnapshotLine', {
  power: u64.is('Lent to it, bytes'),
  generation: u32,
  standing: u8.is('0 eligible, 1 barred for an offence, 2 perception score too low'),
  since: u64.is('First session whose snapshot says so'),
});
export type SnapshotLine = Infer<typeof snapshotLineRecord>;

export const snapshotLines = collection({
  store: 'snapshot',
  name: 'collator',
  key: [bytesKey(32)],
  value: snapshotLineRecord,
});

export const snapshotHeadRecord = record('SnapshotHead', {
  session: u64.is('In which it can be read, and in which is drawn from it'),
  seats: u8.is('To be drawn'),
  reserve: u8.is('Drawn besides'),
  leastPower: u64.is('Collators with less are not drawn, bytes'),
});
export type SnapshotHead = Infer<typeof snapshotHeadRecord>;

export const snapshotHead = collection({
  store: 'snapshot',
  name: 'head',
  key: [],
  value: snapshotHeadRecord,
});

/** Lines of snapshots that are past: last session, node key. */
export const pastLines = collection({
  store: 'power',
  name: 'past-line',
  key: [u64Key, bytesKey(32)],
  value: snapshotLineRecord,
});

/** Says whether a validator is trusted enough to be drawn: a gate, never a weight. */
export type ScoreGate = (state: KeyValueReader, nodeKey: Uint8Array) => boolean;

/** What a snapshot asks of the rest of the chain. */
export type SnapshotPorts = {
  readonly scoreGate: ScoreGate;
  readonly virtualStake: VirtualStake;
};

/** Makes the snapshot that the coming session reads, of what is lent now. */
export function takeSnapshot(ctx: BlockContext, ports: SnapshotPorts): void {
  const { state, session } = ctx;
  const next = session.number + 1n;
  const { minCollatorPower, reserve, candidacyBond } = params.need(state);
  const seats = seatsToDraw(state);
  const sumOf = lentSums(state);
  dropGone(ctx, next);
  const lineOf = walkLines(state);
  let strong = 0;
  for (const [[nodeKey], ownBond] of candidates.list(state)) {
    const line = lineOf(nodeKey);
    // Of a registration that has a line already, nothing changes but its power and its score.
    const isKnown = ownBond === 1 && line && line.standing !== STANDING.barred;
    const collator = isKnown ? undefined : collators.need(state, nodeKey);
    if (collator && !isBonded(state, nodeKey, collator, candidacyBond, ports.virtualStake)) {
      removeCollator(ctx, nodeKey, REMOVAL.kicked);
      continue;
    }
    const { generation } = collator ?? line!;
    const standing = standingOf(state, nodeKey, collator, next, ports.scoreGate);
    const power = sumOf(generation);
    writeLine(ctx, nodeKey, line, { power, generation, standing, since: next });
    if (standing === STANDING.eligible && power >= minCollatorPower) strong++;
  }
  dropGone(ctx, next);
  // Too few have the least power: then everybody with any may be drawn.
  const leastPower = strong < seats ? 1n : minCollatorPower;
  snapshotHead.set(state, [], { session: next, seats, reserve, leastPower });
}

/** Looks lines up in the order of node keys: what is written here lies behind both walks. */
function walkLines(state: KeyValueReader): (nodeKey: Uint8Array) => SnapshotLine | undefined {
  const lines = snapshotLines.list(state);
  let next = lines.next().value;
  return (nodeKey) => {
    while (next) {
      const order = compareBytes(next[0][0], nodeKey);
      if (order === 0) return next[1];
      if (order > 0) return undefined;
      next = lines.next().value;
    }
    return undefined;
  };
}

/** A bond below the least, with what stands in for it, is no bond. */
function isBonded(
  state: KeyValueReader,
  nodeKey: Uint8Array,
  { bond }: Collator,
  candidacyBond: bigint,
  virtualStake: VirtualStake,
): boolean {
  return bond >= candidacyBond || bond + virtualStake(state, nodeKey) >= candidacyBond;
}

function standingOf(
  state: KeyValueReader,
  nodeKey: Uint8Array,
  collator: Collator | undefined,
  session: bigint,
  scoreGate: ScoreGate,
): number {
  if (collator && collator.barredUntil > session) return STANDING.barred;
  return scoreGate(state, nodeKey) ? STANDING.eligible : STANDING.lowScore;
}

function writeLine(
  { state }: BlockContext,
  nodeKey: Uint8Array,
  before: SnapshotLine | undefined,
  line: SnapshotLine,
): void {
  if (before) {
    if (before.power === line.power && before.standing === line.standing) return;
    keepPast(state, nodeKey, before, line.since);
  }
  snapshotLines.set(state, [nodeKey], line);
}

/** Takes down the lines of registrations that have ended. */
function dropGone({ state }: BlockContext, next: bigint): void {
  for (const [[nodeKey]] of [...goneCollators.list(state)]) {
    goneCollators.delete(state, nodeKey);
    const line = snapshotLines.get(state, nodeKey);
    if (!line) continue;
    snapshotLines.delete(state, nodeKey);
    keepPast(state, nodeKey, line, next);
  }
}

/** A line ends with the running session: it is kept while the session's draw may be asked about. */
function keepPast(state: State, nodeKey: Uint8Array, line: SnapshotLine, next: bigint): void {
  pastLines.set(state, [next - 1n, nodeKey], line);
}

/** Drops lines that nobody can ask about any more. */
export function forgetPastLines({ state, session }: BlockContext): void {
  const kept = memorySessions(params.need(state));
  const old: [bigint, Uint8Array][] = [];
  for (const [key] of pastLines.list(state)) {
    if (key[0] + kept >= session.number) break;
    old.push(key);
  }
  for (const key of old) pastLines.delete(state, ...key);
}

/** A snapshot as entries of its proven store: key and value as they are hashed. */
export function snapshotEntries(
  head: SnapshotHead,
  lines: readonly { readonly nodeKey: Uint8Array; readonly line: SnapshotLine }[],
): [Uint8Array, Uint8Array][] {
  const entries: [Uint8Array, Uint8Array][] = [];
  const into = {
    get: () => undefined,
    range: () => [],
    set(key: string, value: Uint8Array | undefined) {
      entries.push([fromBinaryString(key.slice(STORE_PREFIX.length)), value!]);
    },
  };
  snapshotHead.set(into, [], head);
  for (const { nodeKey, line } of lines) snapshotLines.set(into, [nodeKey], line);
  return entries;
}

/** What the flat keys of the store begin with; its tree leaves it out. */
const STORE_PREFIX = 'snapshot/';
