/** Repeating a draw of seats from what validators publish: rows of the snapshot, seed, winners, seats. */
import type { SignedRoot } from '@palisade/chain/schema';
import { equalBytes, isRefusal, PalisadeError, toHex } from '@palisade/core';
import {
  type Draw,
  drawQuery,
  type Line,
  placeOf,
  type Reason,
  type Seating,
  type SnapshotHead,
  STANDING,
  seatsQuery,
  snapshotQuery,
  snapshotRoot,
  verifyDraw,
} from '@palisade/power/schema';
import type { ChainClient } from '../base/chain-client.ts';
import { allPages } from '../base/pages.ts';
import { signedRootOf } from './signed-root.ts';

/** The part of `ChainClient` that is needed. */
export type DrawSource = Pick<ChainClient, 'find' | 'session' | 'domain' | 'context'>;

/** A collator of the snapshot, with what became of it. */
export type DrawRow = Line & {
  /** Why it took no part; undefined where it did. */
  readonly leftOut: 'barred' | 'low score' | 'too little power' | undefined;
  /** Its number in the race, the smaller the better; undefined where it took no part. */
  readonly key: bigint | undefined;
};

export type DrawReport = {
  /** In which was drawn; the seats are those of the next. */
  readonly session: bigint;
  readonly seed: Uint8Array;
  readonly head: SnapshotHead;
  /** Root of the snapshot, 32 bytes, worked out from its rows. */
  readonly root: Uint8Array;
  /** The block that has this root; undefined where no validator shows it yet, or any more. */
  readonly signed: SignedRoot | undefined;
  readonly rows: readonly DrawRow[];
  /** The winners in the order of the race: seats, then reserves. */
  readonly places: readonly Reason[];
  readonly candidates: number;
  readonly totalPower: bigint;
  /** Who got the seats of the next session; undefined while it has not begun. */
  readonly seats: readonly Seating[] | undefined;
};

/**
 * Repeats the draw of a session, holds the snapshot's root against the app hash of a block that
 * validators signed, and seats against the winners.
 *
 * @throws PalisadeError `client/no-draw` where there is none (any more), `client/draw-incomplete` where
 * rows are missing, `client/draw-wrong` where something is not as the rules have it
 *
 * @example
 * const { places } = await checkDraw(connect({ urls }), 12n);
 */
export async function checkDraw(
  chain: DrawSource,
  session: bigint,
  /** A root that is trusted, or the hash of a block that is; the rows must hash to it, or stand in it. */
  trusted: { readonly root?: Uint8Array; readonly block?: Uint8Array } = {},
): Promise<DrawReport> {
  const [found, domain] = await Promise.all([chain.find(drawQuery, { session }), chain.domain()]);
  if (!found) throw noDraw(session);
  const { draw } = found;
  const { head, lines } = await readSnapshot(chain, session);
  await needSeed(chain, session, draw);
  const occasion = { genesisHash: domain.genesisHash, session, seed: draw.seed };
  const root = snapshotRoot(head, lines);
  const took = lines.filter((row) => reasonOf(row, head) === undefined).length;
  if (took < draw.candidates) throw incomplete(session, took, draw.candidates);
  if (took > draw.candidates)
    throw wrong(session, `${draw.candidates} are said to have taken part; it were ${took}`);
  const checked = verifyDraw({
    ...{ occasion, head, lines, winners: draw.winners },
    root: trusted.root ?? root,
  });
  if (isRefusal(checked)) throw wrong(session, checked.message);
  const signed = await signedRootOf(chain, 'snapshot', session, trusted.block);
  needRoot(session, root, signed, trusted.block);
  const seats = (await chain.find(seatsQuery, { session: session + 1n }))?.seats.seatings;
  needDrawnSeats(session, draw, seats ?? []);
  const rows = lines.map((row) => {
    const leftOut = reasonOf(row, head);
    const key = leftOut ? undefined : placeOf(occasion, row.nodeKey, row.line.power).key;
    return { ...row, leftOut, key };
  });
  const { places, candidates, totalPower } = checked;
  const { seed } = draw;
  return { session, seed, head, root, signed, rows, places, candidates, totalPower, seats };
}

/** All rows of a session's snapshot. @throws PalisadeError `client/no-draw` */
export async function readSnapshot(
  chain: Pick<ChainClient, 'find'>,
  session: bigint,
): Promise<{ readonly head: SnapshotHead; readonly lines: readonly Line[] }> {
  let head: SnapshotHead | undefined;
  const lines = await allPages(async (last: Line | undefined) => {
    const after = last?.nodeKey ?? new Uint8Array(32);
    const page = await chain.find(snapshotQuery, { session, after });
    if (!page) throw noDraw(session);
    head = page.head;
    return page.lines;
  });
  return { head: head!, lines };
}

/** The root must be the chain's, as far as validators still show that; and in the block that is trusted. */
function needRoot(
  session: bigint,
  root: Uint8Array,
  signed: SignedRoot | undefined,
  block: Uint8Array | undefined,
): void {
  if (signed && !equalBytes(signed.root, root))
    throw wrong(
      session,
      `its rows hash to ${toHex(root)}, and block ${signed.height} has the root ${toHex(signed.root)}`,
    );
  if (!block) return;
  if (!signed) throw wrong(session, 'no validator shows a block that has its root');
  if (!equalBytes(signed.blockHash, block))
    throw wrong(
      session,
      `its root is in block ${signed.height} with the hash ${toHex(signed.blockHash)}, not the trusted one`,
    );
}

/** The seed must be what the validators revealed in that session. */
async function needSeed(chain: DrawSource, number: bigint, { seed }: Draw): Promise<void> {
  const { randomness } = await chain.session(number);
  if (!equalBytes(randomness, seed))
    throw wrong(
      number,
      `its seed is said to be ${toHex(seed)}, the session's is ${toHex(randomness)}`,
    );
}

/** Seats that name this snapshot belong to winners, in the order of the race. */
function needDrawnSeats(session: bigint, { winners }: Draw, seats: readonly Seating[]): void {
  let last = -1;
  // Reserves that were called in within the session come after the others, and are winners, too.
  for (const { nodeKey, snapshot, sinceHeight } of seats) {
    if (snapshot !== session) continue;
    const place = winners.findIndex((winner) => equalBytes(winner, nodeKey));
    if (place < 0)
      throw wrong(
        session,
        `${toHex(nodeKey)} has a seat by it since block ${sinceHeight}, and did not win`,
      );
    if (place <= last)
      throw wrong(session, `${toHex(nodeKey)} got its seat before somebody with a better place`);
    last = place;
  }
}

function reasonOf(
  { line: { standing, power } }: Line,
  { leastPower }: SnapshotHead,
): DrawRow['leftOut'] {
  if (standing === STANDING.barred) return 'barred';
  if (standing === STANDING.lowScore) return 'low score';
  return power < leastPower ? 'too little power' : undefined;
}

function noDraw(session: bigint): PalisadeError {
  return new PalisadeError({
    code: 'client/no-draw',
    message: `No draw of session ${session} is known: it has not been made yet, or is forgotten.`,
    next: 'A draw is made when the randomness of its session is known, some blocks after it began; it is kept while offences can be punished.',
  });
}

function incomplete(session: bigint, has: number, wanted: number): PalisadeError {
  return new PalisadeError({
    code: 'client/draw-incomplete',
    message: `${wanted} collators took part in the draw of session ${session}; the rows of only ${has} can be had.`,
    retry: 'later',
    next: 'Ask another validator.',
  });
}

function wrong(session: bigint, why: string): PalisadeError {
  return new PalisadeError({
    code: 'client/draw-wrong',
    message: `The draw of session ${session} does not hold: ${why.replace(/\.$/, '')}.`,
    next: 'Ask another validator: either this one does not tell the truth, or the chain is broken.',
  });
}
