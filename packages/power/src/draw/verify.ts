/**
 * Checking a draw: by anybody, from public facts alone. The lines of the snapshot are trusted only
 * as far as they hash to its root, which the chain's app hash commits to.
 */
import { compareBytes, equalBytes, type Refusal, refuse, toHex } from '@palisade/core';
import { type ProvenEntry, ProvenTree } from '@palisade/formats';
import { candidatesIn, type Line } from './draws.ts';
import { type Occasion, type Place, race } from './race.ts';
import { type SnapshotHead, snapshotEntries } from './snapshot.ts';

/** What somebody says was drawn, and what it was drawn from. */
export type DrawClaim = {
  readonly occasion: Occasion;
  /** Root of the snapshot store (32 bytes), as the app hash of the session's blocks has it. */
  readonly root: Uint8Array;
  readonly head: SnapshotHead;
  readonly lines: readonly Line[];
  /** Node keys, in the order of the race. */
  readonly winners: readonly Uint8Array[];
};

/** Why a seat went where it did. */
export type Reason = Place & {
  /** Its share of the power of all that took part, parts per million. */
  readonly sharePpm: number;
  readonly role: 'seat' | 'reserve';
};

export type CheckedDraw = {
  readonly places: readonly Reason[];
  /** The first that got nothing. */
  readonly next: Place | undefined;
  readonly candidates: number;
  readonly totalPower: bigint;
};

/** The draw repeated: who won what and why, or what is wrong with what was said. */
export function verifyDraw(claim: DrawClaim): CheckedDraw | Refusal {
  const { occasion, root, head, lines, winners } = claim;
  if (head.session !== occasion.session)
    return refuse(
      'power/other-snapshot',
      `The snapshot is of session ${head.session}, the draw of session ${occasion.session}.`,
    );
  if (!equalBytes(snapshotRoot(head, lines), root))
    return refuse(
      'power/wrong-snapshot',
      `These lines do not hash to the snapshot's root ${toHex(root)}.`,
      { next: 'Get the lines from another node.' },
    );
  const candidates = candidatesIn(lines, head);
  const count = head.seats + head.reserve;
  const found = race(occasion, candidates, count + 1);
  const places = found.slice(0, count);
  const wrong = places.findIndex(({ id }, i) => !winners[i] || !equalBytes(id, winners[i]));
  if (wrong >= 0 || winners.length !== places.length)
    return refuse(
      'power/wrong-draw',
      wrong < 0
        ? `${winners.length} winners were named; the race has ${places.length}.`
        : `Place ${wrong + 1} belongs to ${toHex(places[wrong]!.id)}${winners[wrong] ? `, not to ${toHex(winners[wrong])}` : ''}.`,
    );
  let totalPower = 0n;
  for (const power of candidates.powers) totalPower += power;
  return {
    places: places.map((place, i) => ({
      ...place,
      sharePpm: Number((place.power * 1_000_000n) / totalPower),
      role: i < head.seats ? 'seat' : 'reserve',
    })),
    next: found[count],
    candidates: candidates.powers.length,
    totalPower,
  };
}

/** Root of the proven store that a snapshot is. */
export function snapshotRoot(head: SnapshotHead, lines: readonly Line[]): Uint8Array {
  const entries: ProvenEntry[] = snapshotEntries(head, lines).sort(([a], [b]) =>
    compareBytes(a, b),
  );
  return ProvenTree.fromSorted(entries).root();
}
