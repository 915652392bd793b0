import { answer, currentSession } from '@palisade/chain';
import { MAX_PAGE, query } from '@palisade/chain/schema';
import {
  address,
  bytes32,
  type Infer,
  type KeyValueReader,
  list,
  record,
  u64,
} from '@palisade/core';
import { claimRecord, claims, totals, totalsRecord } from './claims/claim.ts';
import { settled } from './claims/entries.ts';
import { listed } from './claims/entry.ts';
import { lentSum } from './claims/lent.ts';
import { candidates, collatorFields, collators } from './collators/collator.ts';
import { drawRecord, draws, pageOfLines } from './draw/draws.ts';
import {
  snapshotHead,
  snapshotHeadRecord,
  snapshotLineRecord,
  snapshotLines,
} from './draw/snapshot.ts';
import { params, powerParams } from './params.ts';
import { seatings, seatingsRecord } from './seats/seating.ts';

export const powerParamsQuery = query({
  name: 'power.params',
  doc: 'Deposits, bonds, seats and terms of power.',
  params: record('PowerParamsQuery', {}),
  result: powerParams,
});

export const powerTotalsQuery = query({
  name: 'power.totals',
  doc: 'How much power there is, and of how many.',
  params: record('PowerTotalsQuery', {}),
  result: totalsRecord,
});

export const claimView = record('ClaimView', {
  claim: claimRecord.is('As of now: what has become free or void is left out'),
  free: u64.is('Neither lent nor unbonding nor quarantined, bytes'),
});

export const claimQuery = query({
  name: 'power.claim',
  doc: "A miner's proven power, and to whom it is lent.",
  params: record('ClaimQuery', { miner: address }),
  result: claimView,
});

export const collatorView = record('CollatorView', {
  nodeKey: bytes32,
  collator: record('CollatorNow', {
    ...collatorFields,
    power: u64.is('Lent to it now, bytes'),
  }),
  snapshot: snapshotLineRecord.is(
    "Its line of the running session's snapshot; power 0 where it has none",
  ),
});
export type CollatorView = Infer<typeof collatorView>;

export const collatorQuery = query({
  name: 'power.collator',
  doc: 'A collator, with the power that the running session goes by.',
  params: record('CollatorQuery', { nodeKey: bytes32 }),
  result: collatorView,
});

export const collatorsQuery = query({
  name: 'power.collators',
  doc: 'Candidates by node key, a page at a time.',
  params: record('CollatorsQuery', {
    after: bytes32.is('Node key after which the page begins; zero for the first'),
  }),
  result: record('CollatorsView', { collators: list(collatorView, MAX_PAGE) }),
});

/** Stands for the running session. */
export const RUNNING_SESSION = 2n ** 64n - 1n;
const sessionField = u64.is('A session; 18446744073709551615 for the running one');

export const snapshotQuery = query({
  name: 'power.snapshot',
  doc: 'Lines of the snapshot of a session, by node key, a page at a time.',
  params: record('SnapshotQuery', {
    session: sessionField,
    after: bytes32.is('Node key after which the page begins; zero for the first'),
  }),
  result: record('SnapshotView', {
    head: snapshotHeadRecord,
    lines: list(
      record('SnapshotViewLine', { nodeKey: bytes32, line: snapshotLineRecord }),
      MAX_PAGE,
    ),
  }),
});

export const drawQuery = query({
  name: 'power.draw',
  doc: 'The draw that was made in a session, for the seats of the next.',
  params: record('DrawQuery', { session: sessionField }),
  result: record('DrawView', { session: u64, draw: drawRecord }),
});

export const seatsQuery = query({
  name: 'power.seats',
  doc: 'Who has, or had, which seat in a session, and by which snapshot.',
  params: record('SeatsQuery', { session: sessionField }),
  result: record('SeatsView', { session: u64, seats: seatingsRecord }),
});

function numberOf(state: KeyValueReader, session: bigint): bigint {
  return session === RUNNING_SESSION ? (currentSession.get(state) ?? 0n) : session;
}

/** Power of a collator in the snapshot of the running session (P6); 0 for unknown ones. */
export function collatorPower(state: KeyValueReader, nodeKey: Uint8Array): bigint {
  return snapshotLines.get(state, nodeKey)?.power ?? 0n;
}

const NO_LINE = { power: 0n, generation: 0, standing: 0, since: 0n };

function viewOf(state: KeyValueReader, nodeKey: Uint8Array): CollatorView | undefined {
  const stored = collators.get(state, nodeKey);
  if (!stored) return undefined;
  const collator = { ...stored, power: lentSum(state, stored.generation) };
  return { nodeKey, collator, snapshot: snapshotLines.get(state, nodeKey) ?? NO_LINE };
}

/** What a snapshot said beyond its lines: that of a past session is told by its draw. */
function headOf(state: KeyValueReader, session: bigint) {
  const head = snapshotHead.get(state);
  if (head?.session === session) return head;
  const draw = draws.get(state, session);
  if (!draw) return undefined;
  const { seats, reserve, leastPower } = draw;
  return { session, seats, reserve, leastPower };
}

export const powerQueries = [
  answer(powerParamsQuery, (state) => params.get(state)),
  answer(powerTotalsQuery, (state) => totals.get(state)),
  answer(claimQuery, (state, { miner }) => {
    const stored = claims.get(state, miner);
    if (!stored) return undefined;
    const claim = settled(state, stored, numberOf(state, RUNNING_SESSION));
    const view = { ...claim, entries: listed(claim.entries) };
    return { claim: view, free: claim.raw - claim.entries.bound };
  }),
  answer(collatorQuery, (state, { nodeKey }) => viewOf(state, nodeKey)),
  answer(collatorsQuery, (state, { after }) => {
    const page = [];
    for (const [[nodeKey]] of candidates.listAfter(state, [after])) {
      page.push(viewOf(state, nodeKey)!);
      if (page.length === MAX_PAGE) break;
    }
    return { collators: page };
  }),
  answer(snapshotQuery, (state, { session, after }) => {
    const number = numberOf(state, session);
    const head = headOf(state, number);
    if (!head) return undefined;
    return { head, lines: pageOfLines(state, number, after, MAX_PAGE) };
  }),
  answer(drawQuery, (state, { session }) => {
    const number = numberOf(state, session);
    const draw = draws.get(state, number);
    return draw && { session: number, draw };
  }),
  answer(seatsQuery, (state, { session }) => {
    const number = numberOf(state, session);
    const seats = seatings.get(state, number);
    return seats && { session: number, seats };
  }),
];
