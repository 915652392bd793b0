import { type Domain, type PalisadeError, toHex } from '@palisade/core';
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
import { Directory } from '../base/directory.ts';
import { environment } from '../base/environment.ts';
import { DEVELOPMENT_POLICY } from '../base/reach.ts';
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
  height = HEIGHT,
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
    ...{ chainId: 'test', height, appHash: storesRoot(new Map(roots)) },
    validatorsHash: validatorSetHash({ validators }),
  };
  const blockId = { hash: headerHash(header), partSetHeader: { total: 1, hash: key(5) } };
  const commit: Commit = {
    ...{ height, round: 0, blockId },
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
      height: `${height - 1n}`,
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
type Block = { readonly roots: object; readonly commit: object };

const ABSENT = {
  blockIdFlag: 'absent' as const,
  validatorAddress: new Uint8Array(),
  timeNs: ZERO_TIME_NS,
  signature: new Uint8Array(),
};

type Answers = {
  /** What ties the draw to the chain; undefined where the validator came later. */
  block?: Block | undefined;
  /** The same of each of several validators, in the order in which they are asked; instead of `block`. */
  blocks?: readonly (Block | undefined)[];
  draw?: object | undefined;
  lines?: typeof lines;
  randomness?: Uint8Array;
  seats?: readonly { nodeKey: Uint8Array; snapshot: bigint; sinceHeight: bigint }[];
};

/** Validators that show blocks as they are told, each its own; asked in their order, and at once. */
function showing(blocks: readonly (Block | undefined)[]): DrawSource['context'] {
  const urls = blocks.map((_, i) => `http://v${i}.test`);
  const fetch = async (asked: unknown) => {
    const { origin, pathname } = new URL(`${asked}`);
    const block = blocks[urls.indexOf(origin)];
    if (!block) {
      const error = { code: 'chain/not-found', message: 'There is none.', retry: 'never' };
      return Response.json({ error }, { status: 404 });
    }
    return Response.json(pathname.startsWith('/v1/commits/') ? block.commit : block.roots);
  };
  const sleep = (ms: number) =>
    ms === DEVELOPMENT_POLICY.timeoutMs ? new Promise<void>(() => {}) : Promise.resolve();
  const env = environment({ fetch: fetch as typeof globalThis.fetch, sleep });
  return { directory: new Directory(urls), env, policy: DEVELOPMENT_POLICY };
}

/** A network that answers as it is told. */
function network(answers: Answers = {}): DrawSource {
  const winners = winnersOf();
  const draw = { seats: 2, reserve: 1, leastPower: 10n, seed: SEED, candidates: 4, winners };
  const seats = winners.slice(0, 2).map((nodeKey) => ({ nodeKey, snapshot: 7n, sinceHeight: 9n }));
  return {
    domain: async () => ({ genesisHash: GENESIS }) as Domain,
    context: showing(answers.blocks ?? ['block' in answers ? answers.block : signedBlock()]),
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
  checkDraw(network(answers), SESSION, trusted).then(
    () => 'holds',
    (error: PalisadeError) => `${error.code}: ${error.message}`,
  );

describe('checking a draw from what validators publish', () => {
  it('[P8] says who got which seat and why, and why others took no part', async () => {
    const report = await checkDraw(network(), SESSION);
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
    const { signed } = await checkDraw(network(), SESSION);
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
    const flipped = commit.commit.slice(0, -2) + (commit.commit.endsWith('00') ? '01' : '00');
    bad.push([{ roots, commit: { ...commit, commit: flipped } }, /not a well-formed message/]);
    for (const [block, why] of bad) {
      const told = await failure({ block });
      expect(told).toMatch(/^client\/unreachable: 1 validators were asked for the block/);
      expect(told).toMatch(why);
    }
  });

  it('[P8] asks the next validator for both where one lies of the roots or of the block, or has neither', async () => {
    const good = signedBlock();
    const { commit, roots } = good;
    const [power, snapshot] = roots.roots;
    const lies: Block[] = [
      { commit, roots: { ...roots, roots: [power, { ...snapshot, root: toHex(key(7)) }] } },
      { commit, roots: { ...roots, height: '7' } },
      { commit, roots: { nothing: true } },
      { roots, commit: { ...commit, validators: [] } },
      { roots, commit: { ...commit, header: '0xffffffff' } },
      { roots, commit: { ...commit, commit: '0x0a' } },
      { roots, commit: signedBlock({ height: HEIGHT + 1n }).commit },
    ];
    for (const lie of [...lies, undefined]) {
      const { signed } = await checkDraw(network({ blocks: [lie, good] }), SESSION);
      expect(signed).toMatchObject({ root: rootOf(), blockHash: good.hash });
    }
    const { signed } = await checkDraw(network({ blocks: [...lies, undefined, good] }), SESSION);
    expect(signed).toMatchObject({ root: rootOf(), blockHash: good.hash });
    expect(await failure({ blocks: lies })).toMatch(/^client\/unreachable: 7 validators/);
  });

  it('[P8] asks for the trusted block those who kept the root in it, whoever else has it in another', async () => {
    const others = [1n, 2n].map((more) => signedBlock({ height: HEIGHT + more }));
    const good = signedBlock();
    const blocks = [...others, good];
    const { signed } = await checkDraw(network({ blocks }), SESSION, { block: good.hash });
    expect(signed?.height).toBe(HEIGHT);
    expect(await failure({ blocks: others }, { block: good.hash })).toMatch(/not the trusted one/);
  });

  it('says what is missing', async () => {
    expect(await failure({ draw: undefined })).toMatch(/^client\/no-draw: No draw of session 7/);
    expect(await failure({ lines: lines.slice(1) })).toMatch(
      /^client\/draw-incomplete: 4 collators .* only 3/,
    );
  });
});
