/** Draws: from the snapshot of a session, as soon as its seed is known, for the session after it. */
import { type BlockContext, collection, u64Key } from '@palisade/chain';
import {
  bytes32,
  compareBytes,
  type Domain,
  type Infer,
  type KeyValueReader,
  list,
  record,
  u8,
  u32,
  u64,
} from '@palisade/core';
import { seatsDrawn } from '../events.ts';
import { memorySessions, params } from '../params.ts';
import { seatings } from '../seats/seating.ts';
import { type Candidates, ID_BYTES, race } from './race.ts';
import {
  pastLines,
  type SnapshotHead,
  type SnapshotLine,
  STANDING,
  snapshotHead,
  snapshotLines,
} from './snapshot.ts';

/** Seats and reserves of one draw at most. */
export const MAX_WINNERS = 30;

export const drawRecord = record('Draw', {
  seats: u8,
  reserve: u8,
  leastPower: u64.is('Collators with less were not drawn, bytes'),
  seed: bytes32.is('Randomness of the session, fixed after the snapshot'),
  candidates: u32.is('That took part'),
  winners: list(bytes32, MAX_WINNERS).is(
    'Node keys in the order of the race: seats, then reserves',
  ),
});
export type Draw = Infer<typeof drawRecord>;

/** By the session in which it was drawn; its winners take their seats in the next. */
export const draws = collection({ store: 'power', name: 'draw', key: [u64Key], value: drawRecord });

/** A collator in a snapshot. */
export type Line = { readonly nodeKey: Uint8Array; readonly line: SnapshotLine };

/** Lines of the snapshot of a session, by node key; none where it is no longer known. */
export function* linesOf(state: KeyValueReader, session: bigint): Generator<Line> {
  const past: Line[] = [];
  for (const [[, nodeKey], line] of pastLines.listAfter(state, [session, NO_KEY]))
    if (line.since <= session) past.push({ nodeKey, line });
  past.sort((a, b) => compareBytes(a.nodeKey, b.nodeKey));
  let next = 0;
  for (const [[nodeKey], line] of snapshotLines.list(state)) {
    while (next < past.length && compareBytes(past[next]!.nodeKey, nodeKey) < 0)
      yield past[next++]!;
    if (line.since <= session) yield { nodeKey, line };
  }
  yield* past.slice(next);
}

/** One line of the snapshot of a session, without a look at the others. */
export function lineOf(
  state: KeyValueReader,
  session: bigint,
  nodeKey: Uint8Array,
): SnapshotLine | undefined {
  const now = snapshotLines.get(state, nodeKey);
  if (now && now.since <= session) return now;
  const last = session + memorySessions(params.need(state));
  for (let upTo = session; upTo <= last; upTo++) {
    const past = pastLines.get(state, upTo, nodeKey);
    if (past) return past.since <= session ? past : undefined;
  }
  return undefined;
}

/** A page of the lines of a session's snapshot: those behind `after`, at most `most`. */
export function pageOfLines(
  state: KeyValueReader,
  session: bigint,
  after: Uint8Array,
  most: number,
): Line[] {
  const page: Line[] = [];
  for (const [[nodeKey], line] of snapshotLines.listAfter(state, [after])) {
    if (line.since <= session) page.push({ nodeKey, line });
    if (page.length === most) break;
  }
  for (const [[, nodeKey], line] of pastLines.listAfter(state, [session, NO_KEY]))
    if (line.since <= session && compareBytes(nodeKey, after) > 0) page.push({ nodeKey, line });
  return page.sort((a, b) => compareBytes(a.nodeKey, b.nodeKey)).slice(0, most);
}

/** Stands before every key, as nobody's is all zeros. */
const NO_KEY = new Uint8Array(32);

/** Those of a snapshot that take part in its draw, in columns. */
export function candidatesIn(
  lines: Iterable<Line>,
  { leastPower }: Pick<SnapshotHead, 'leastPower'>,
): Candidates {
  const names: Uint8Array[] = [];
  const powers: bigint[] = [];
  for (const { nodeKey, line } of lines) {
    if (line.standing !== STANDING.eligible || line.power < leastPower) continue;
    names.push(nodeKey);
    powers.push(line.power);
  }
  const ids = new Uint8Array(names.length * ID_BYTES);
  for (const [i, name] of names.entries()) ids.set(name, i * ID_BYTES);
  return { ids, powers: BigUint64Array.from(powers) };
}

/** Draws when the seed of the session has become known in this block. */
export function drawWhenDue(ctx: BlockContext, { genesisHash }: Domain): void {
  const { state, session, height } = ctx;
  if (session.randomnessHeight !== height) return;
  const head = snapshotHead.get(state);
  if (head?.session !== session.number) return;
  const { seats, reserve, leastPower } = head;
  const candidates = candidatesIn(linesOf(state, session.number), head);
  const occasion = { genesisHash, session: session.number, seed: session.randomness };
  const winners = race(occasion, candidates, seats + reserve).map(({ id }) => id);
  draws.set(state, [session.number], {
    seats,
    reserve,
    leastPower,
    seed: session.randomness,
    candidates: candidates.powers.length,
    winners,
  });
  ctx.emit(seatsDrawn, {
    session: session.number,
    candidates: candidates.powers.length,
    seats,
    winners,
  });
}

/** Drops draws and seatings that nobody can ask about any more. */
export function forgetDraws({ state, session }: BlockContext): void {
  const kept = memorySessions(params.need(state));
  for (const kind of [draws, seatings])
    for (const [[number]] of [...kind.list(state)]) {
      if (number + kept >= session.number) break;
      kind.delete(state, number);
    }
}
