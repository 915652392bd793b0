import { type Domain, PalisadeError, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import {
  type Commit,
  commitMessage,
  commitSignBytes,
  headerHash,
  headerMessage,
  storesRoot,
  validatorAddress,
  validatorSetHash,
  ZERO_TIME_NS,
} from '@palisade/formats';
import {
  drawQuery,
  STANDING,
  seatsQuery,
  snapshotQuery,
  snapshotRoot,
  verifyDraw,
} from '@palisade/power/schema';
import { describe, expect, it } from 'vitest';
import type { Question } from '../base/requests.ts';
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

const HEIGHT = 40n;
const SECRETS = [11, 12, 13, 14].map(key);

/** A block after the draw that three of four validators signed, as a validator tells of it. */
function signedBlock({
  roots = [
    ['power', key(1)],
    ['snapshot', rootOf()],
  ] as [string, Uint8Array][],
  absent = [3],
} = {}) {
  const validators = SECRETS.map((secret) => {
    const publicKey = ed25519.publicKey(secret);
    const address = validatorAddress(publicKey);
    return { publicKey, address, power: 1n, proposerPriority: 0n };
  });
  const header = {
    ...headerMessage.decode(new Uint8Array()),
    ...{ chainId: 'test', height: HEIGHT, appHash: storesRoot(new Map(roots)) },
    validatorsHash: validatorSetHash({ validators }),
  };
  const blockId = { hash: headerHash(header), partSetHeader: { total: 1, hash: key(5) } };
  const commit: Commit = {
    ...{ height: HEIGHT, round: 0, blockId },
    signatures: validators.map(({ address }, i) =>
      absent.includes(i)
        ? ABSENT
        : { blockIdFlag: 'commit', validatorAddress: address, timeNs: 5n, signature: key(0) },
    ),
  };
  const signatures = commit.signatures.map((entry, i) =>
    entry.blockIdFlag === 'absent'
      ? entry
      : { ...entry, signature: ed25519.sign(commitSignBytes('test', commit, i), SECRETS[i]!) },
  );
  return {
    hash: blockId.hash,
    roots: {
      height: `${HEIGHT - 1n}`,
      roots: roots.map(([name, root]) => ({ name, root: toHex(root) })),
    },
    commit: {
      header: toHex(headerMessage.encode(header)),
      commit: toHex(commitMessage.encode({ ...commit, signatures })),
      validators: validators.map(({ publicKey, power }) => ({
        publicKey: toHex(publicKey),
        power: `${power}`,
      })),
    },
  };
}
type Block = Omit<ReturnType<typeof signedBlock>, 'hash'>;

const ABSENT = {
  blockIdFlag: 'absent' as const,
  validatorAddress: new Uint8Array(),
  timeNs: ZERO_TIME_NS,
  signature: new Uint8Array(),
};

type Answers = {
  /** What ties the draw to the chain; undefined where the validator came later. */
  block?: Block | undefined;
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
    async ask({ path, reader, check }: Question<unknown>) {
      const block = 'block' in answers ? answers.block : signedBlock();
      if (!block) throw new PalisadeError({ code: 'chain/not-found', message: 'There is none.' });
      const json = path.startsWith('/v1/commits/') ? block.commit : block.roots;
      const value = reader.fromJson(json, '');
      return [{ value: check ? await check(value, {} as never) : value }];
    },
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

const failure = (answers: Answers, trusted?: Parameters<typeof checkDraw>[2]) =>
  checkDraw(validator(answers), SESSION, trusted).then(
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
    expect(await failure({}, { root: key(9) })).toMatch(/do not hash to the snapshot's root/);
    expect(await failure({}, { root: rootOf() })).toBe('holds');
    expect(await failure({ draw: { winners: [second, first, third] } })).toMatch(/Place 1 belongs/);
    expect(await failure({ draw: { candidates: 3 } })).toMatch(/^client\/draw-wrong/);
    expect(await failure({ randomness: key(1) })).toMatch(/its seed is said to be/);
    expect(await failure({ seats: [seat(key(3))] })).toMatch(/did not win/);
    expect(await failure({ seats: [seat(second), seat(first)] })).toMatch(/before somebody/);
    expect(await failure({ seats: [{ ...seat(key(3)), snapshot: 0n }] })).toBe('holds');
  });

  it('[P8] holds the root against the app hash of a block that two thirds of the votes have signed', async () => {
    const { signed } = await checkDraw(validator(), SESSION);
    const { hash } = signedBlock();
    expect(signed).toMatchObject({ root: rootOf(), height: HEIGHT, signed: 3, validators: 4 });
    expect(signed!.blockHash).toEqual(hash);
    expect(await failure({}, { block: hash })).toBe('holds');
    expect(await failure({}, { block: key(3) })).toMatch(/not the trusted one/);
    expect(await failure({ block: undefined })).toBe('holds');
    expect(await failure({ block: undefined }, { block: hash })).toMatch(/no validator shows/);
    const raised = lines.map((row) => ({ ...row, line: { ...row.line, power: 7n } }));
    const otherRoot = snapshotRoot(head, raised);
    const other = signedBlock({ roots: [['snapshot', otherRoot]] });
    expect(await failure({ block: other })).toMatch(/its rows hash to 0x.*block 40 has the root/);
  });

  it('[P8] takes no header whose roots, validators or signatures do not hold together', async () => {
    const good = signedBlock();
    const { commit, roots } = good;
    const bad: [Block, RegExp][] = [
      [{ commit, roots: { ...roots, roots: roots.roots.slice(1) } }, /do not make the app hash/],
      [{ commit, roots: { ...roots, height: '38' } }, /the header is of block 40/],
      [{ commit, roots: { ...roots, roots: roots.roots.slice(0, 1) } }, /no store 'snapshot'/],
      [
        { roots, commit: { ...commit, validators: commit.validators.slice(1) } },
        /not those of the header/,
      ],
      [signedBlock({ absent: [0, 1] }), /signed|power|third/],
    ];
    for (const [block, why] of bad) expect(await failure({ block })).toMatch(why);
    const flipped = commit.commit.slice(0, -2) + (commit.commit.endsWith('00') ? '01' : '00');
    expect(await failure({ block: { roots, commit: { ...commit, commit: flipped } } })).not.toBe(
      'holds',
    );
  });

  it('says what is missing', async () => {
    expect(await failure({ draw: undefined })).toMatch(/^client\/no-draw: No draw of session 7/);
    expect(await failure({ lines: lines.slice(1) })).toMatch(
      /^client\/draw-incomplete: 4 collators .* only 3/,
    );
  });
});
