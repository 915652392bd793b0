import type { Domain, PalisadeError } from '@palisade/core';
import {
  drawQuery,
  STANDING,
  seatsQuery,
  snapshotQuery,
  snapshotRoot,
  verifyDraw,
} from '@palisade/power/schema';
import { describe, expect, it } from 'vitest';
import { checkDraw, type DrawSource } from './check-draw.ts';

const key = (byte: number) => new Uint8Array(32).fill(byte);
const GENESIS = key(0xaa);
const SEED = key(0xbb);
const SESSION = 7n;
const head = { session: SESSION, seats: 2, reserve: 1, leastPower: 10n };
const line = (power: bigint, standing: number = STANDING.eligible) => {
  return { power, generation: 0, standing, since: 3n };
};
const lines = [
  { nodeKey: key(1), line: line(100n) },
  { nodeKey: key(2), line: line(50n) },
  { nodeKey: key(3), line: line(9n) },
  { nodeKey: key(4), line: line(80n, STANDING.barred) },
  { nodeKey: key(5), line: line(20n) },
  { nodeKey: key(6), line: line(20n) },
];

/** Who wins, found by naming nobody and hearing who it should have been. */
function winnersOf(): Uint8Array[] {
  const occasion = { genesisHash: GENESIS, session: SESSION, seed: SEED };
  const all = [1, 2, 5, 6].map(key);
  for (const a of all)
    for (const b of all)
      for (const c of all) {
        const winners = [a, b, c];
        const root = rootOf();
        if (!('code' in verifyDraw({ occasion, root, head, lines, winners }))) return winners;
      }
  throw new Error('nobody wins');
}

function rootOf(): Uint8Array {
  return snapshotRoot(head, lines);
}

type Answers = {
  draw?: object | undefined;
  lines?: typeof lines;
  randomness?: Uint8Array;
  seats?: readonly { nodeKey: Uint8Array; snapshot: bigint; sinceHeight: bigint }[];
};

/** A validator that answers as it is told. */
function validator(answers: Answers = {}): DrawSource {
  const winners = winnersOf();
  const draw = { seats: 2, reserve: 1, leastPower: 10n, seed: SEED, candidates: 4, winners };
  const seats = winners.slice(0, 2).map((nodeKey) => ({ nodeKey, snapshot: 7n, sinceHeight: 9n }));
  return {
    domain: async () => ({ genesisHash: GENESIS }) as Domain,
    session: async () => ({ randomness: answers.randomness ?? SEED }) as never,
    async find({ name }: { readonly name: string }) {
      if (name === drawQuery.name)
        return 'draw' in answers && !answers.draw
          ? undefined
          : { draw: { ...draw, ...answers.draw } };
      if (name === snapshotQuery.name) return { head, lines: answers.lines ?? lines };
      if (name === seatsQuery.name) return { seats: { seatings: answers.seats ?? seats } };
      throw new Error(name);
    },
  } as unknown as DrawSource;
}

const failure = (answers: Answers, root?: Uint8Array) =>
  checkDraw(validator(answers), SESSION, root).then(
    () => 'holds',
    (error: PalisadeError) => `${error.code}: ${error.message}`,
  );

describe('checking a draw from what validators publish', () => {
  it('[P8] says who got which seat and why, and why others took no part', async () => {
    const report = await checkDraw(validator(), SESSION);
    expect(report.places.map(({ role }) => role)).toEqual(['seat', 'seat', 'reserve']);
    expect(report.totalPower).toBe(190n);
    const reasons = report.rows.map(({ leftOut }) => leftOut);
    const none = undefined;
    expect(reasons).toEqual([none, none, 'too little power', 'barred', none, none]);
    const keys = report.places.map(({ key: number }) => number);
    expect(keys).toEqual([...keys].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('[P8] finds out whoever changes a row, a winner, the seed, or who has the seat', async () => {
    const [first, second, third] = winnersOf() as [Uint8Array, Uint8Array, Uint8Array];
    const raised = lines.map((row) =>
      row.nodeKey === lines[0]!.nodeKey
        ? row
        : { ...row, line: { ...row.line, power: 10n ** 12n } },
    );
    const seat = (nodeKey: Uint8Array) => ({ nodeKey, snapshot: SESSION, sinceHeight: 9n });
    expect(await failure({ lines: raised })).toMatch(/^client\/draw-wrong/);
    expect(await failure({}, key(9))).toMatch(/do not hash to the snapshot's root/);
    expect(await failure({}, rootOf())).toBe('holds');
    expect(await failure({ draw: { winners: [second, first, third] } })).toMatch(/Place 1 belongs/);
    expect(await failure({ draw: { candidates: 3 } })).toMatch(/^client\/draw-wrong/);
    expect(await failure({ randomness: key(1) })).toMatch(/its seed is said to be/);
    expect(await failure({ seats: [seat(key(3))] })).toMatch(/did not win/);
    expect(await failure({ seats: [seat(second), seat(first)] })).toMatch(/before somebody/);
    expect(await failure({ seats: [{ ...seat(key(3)), snapshot: 0n }] })).toBe('holds');
  });

  it('says what is missing', async () => {
    expect(await failure({ draw: undefined })).toMatch(/^client\/no-draw: No draw of session 7/);
    expect(await failure({ lines: lines.slice(1) })).toMatch(
      /^client\/draw-incomplete: 4 collators .* only 3/,
    );
  });
});
