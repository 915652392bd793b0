/**
 * The root chain takes back blocks at every stage of an exit, as many as the finality margin or fewer, or twice as
 * many, while a watcher follows: nothing false is told, no challenge is missed or booked twice, and afterwards the
 * watcher knows what one knows that saw only the chain which stayed. `npm run test:reorg` tries every stage with every depth.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exactJson, toHex } from '@palisade/core';
import { depositOf, encodeTransaction, type Position, positionOf } from '@palisade/payments';
import { bindings } from '@palisade/rootchain';
import { encodeFunctionData, type Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dice } from '../../payments/test/dice.ts';
import { ALICE, BOB, CAROL, type Person, person } from '../../payments/test/wallets.ts';
import { type RunningWatcher, startWatcher } from '../src/watcher.ts';
import { type RootWorld, startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
const MARGIN = 12;
/** Long enough that nothing ends by itself: each block is a second. */
const EXIT_PERIOD_S = 1200;
const CHALLENGER = person('challenger of reorganisations');
/** A machine with nothing left to give needs long. */
const PATIENCE_MS = 180_000;
/** Blocks after which another root chain is begun, since new watchers read all of it. */
const LONG = 1500n;
/** No block comes but those that the test makes. */
const NEVER_MS = 2 ** 30;

let world: RootWorld;
let dir: string;
let watcher: RunningWatcher;
/** Events that were told since a stage began. */
let told = new Set<string>();

/** What happens, is taken back, and happens again, or does not. */
type Stage = {
  readonly act: () => Promise<unknown>;
  /** On the chain that stays. Without it the watcher itself does it again. */
  readonly again?: () => Promise<unknown>;
  /** What happens on the chain that stays when it does not happen again. */
  readonly instead?: () => Promise<unknown>;
  /** How it has to end when it happened again. */
  readonly end?: () => Promise<boolean>;
  /** Challenges that are booked as won in the end, when it happened again. */
  readonly wins?: number;
  /** Events that may be told meanwhile when it counted; when it never did, none. */
  readonly events?: readonly string[];
};

beforeAll(begin);
afterAll(finish);

async function begin(): Promise<void> {
  // Of states on the disk, where most are otherwise, a long run of reorganisations loses some.
  const keptStates = 100;
  world = await startRootWorld({
    ...{ minExitPeriodS: BigInt(EXIT_PERIOD_S), mineMs: NEVER_MS, keptStates },
  });
  dir = await mkdtemp(join(tmpdir(), 'palisade-reorg-'));
  await world.fund(CHALLENGER);
  for (const one of [ALICE, BOB, CAROL]) await world.fund(one);
  watcher = await watch('follower', CHALLENGER);
  const tell = watcher.watch.onFindings;
  watcher.watch.onFindings = (findings) => {
    // An offer, not an alarm.
    for (const { event } of findings.events) if (event !== 'piggyback_available') told.add(event);
    tell(findings);
  };
}

async function finish(): Promise<void> {
  await watcher?.stop();
  await world.stop();
  await rm(dir, { recursive: true, force: true });
}

function watch(name: string, challenger?: Person): Promise<RunningWatcher> {
  const { contracts, anvil, server } = world;
  return startWatcher({
    settings: {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [anvil.url], childChain: server.url, finalityMargin: MARGIN },
      ...{ blockTimeMs: 100, pollMs: 50, mode: challenger ? 'defensive' : 'watch-only' },
    },
    challengerSecret: challenger?.secret,
    dataDir: join(dir, name),
  });
}

const head = () => world.client.getBlockNumber({ cacheTime: 0 });

async function mine(blocks: number): Promise<void> {
  if (blocks > 0) await world.anvil.control('anvil_mine', `0x${blocks.toString(16)}`);
}

/** Until a watcher has judged by everything that counts at the newest block. */
async function caughtUp({ watch }: RunningWatcher): Promise<void> {
  const height = Number(await head());
  await until(
    () => {
      const { findings, readHeight, follower } = watch;
      const isRead = readHeight >= height - MARGIN && follower.waiting === 0;
      return isRead && findings.synced && findings.head?.height === height;
    },
    `the watcher to reach ${height - MARGIN}`,
  );
}

/** Blocks come, one at a time, until something is so. */
async function untilMined(look: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await look())) {
    if (Date.now() > end) throw new Error(`blocks came in vain for ${what}`);
    await mine(1);
    const height = Number(await head());
    await until(() => (watcher.watch.findings.head?.height ?? 0) >= height, 'a look at it');
  }
}

/** Until what just happened counts. */
async function settle(): Promise<void> {
  await mine(MARGIN);
  await caughtUp(watcher);
}

/** All that a watcher believes, in words. */
function beliefs({ watch }: RunningWatcher) {
  const { facts, table, books, findings, deposits, mined } = watch;
  const outputs = [...books.ledger.outputs()].map(({ position, output }) =>
    exactJson({
      ...{ position, type: output.type, owner: toHex(output.owner) },
      ...{ token: toHex(output.token), amount: output.amount },
    }),
  );
  const plain = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return toHex(value);
    if (value instanceof Map) return [...value].map(plain);
    if (value instanceof Set) return [...value].map(plain);
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  };
  return plain({
    ...{ facts: [...facts.all()], standard: table.standard, inFlight: table.inFlight },
    ...{ open: [...table.open()].map(({ exitId }) => exitId), deposits, mined },
    ...{ outputs: outputs.sort(), blknum: books.blknum, settled: books.settled },
    ...{ events: findings.events, danger: findings.danger, challenges: findings.challenges },
  });
}

const game = () => bindings(world.contracts).exitGame;

async function exitOf(position: Position) {
  const { rlpOutputTx } = await world.exitArgs(position);
  const isDeposit = (position / 10n ** 9n) % 1000n !== 0n;
  const exitId = await world.client.readContract({
    ...game(),
    ...{ functionName: 'getStandardExitId', args: [isDeposit, rlpOutputTx, position] },
  });
  const [record] = await world.client.readContract({
    ...game(),
    ...{ functionName: 'standardExits', args: [[exitId]] },
  });
  return record!;
}

/** A deposit, of which the operator hears when it is settled. */
async function depositOnly(who: Person, amount: bigint): Promise<void> {
  const { ethVault } = bindings(world.contracts);
  const raw = toHex(encodeTransaction(depositOf(who.address, new Uint8Array(20), amount))) as Hex;
  const data = encodeFunctionData({ ...ethVault, functionName: 'deposit', args: [raw] });
  await world.call(who, ethVault.address, data, amount);
}

async function tellOperator(after: bigint): Promise<void> {
  const { ethVault } = bindings(world.contracts);
  const logs = await world.client.getContractEvents({
    ...{ ...ethVault, eventName: 'DepositCreated', fromBlock: after + 1n },
  });
  for (const { args } of logs) {
    const owner = Uint8Array.from(Buffer.from(args.depositor!.slice(2), 'hex'));
    const transaction = depositOf(owner, new Uint8Array(20), args.amount!);
    const blknum = Number(args.blknum);
    const [output] = transaction.outputs;
    world.operator.deposit(positionOf({ blknum, txindex: 0, oindex: 0 }), output!);
    world.raws.set(blknum, [encodeTransaction(transaction)]);
  }
}

/** A coin of Alice that she has spent, and what she spent it by. */
async function spentCoin() {
  const coin = await world.deposit(ALICE, ETH);
  const signed = world.pay([coin], [ALICE], [[BOB, ETH]]);
  const [paid] = await world.block([signed]);
  return { coin, signed, paid: paid! };
}

/** Challenges of the watcher that are in blocks for good, by its accounts. */
const won = () => watcher.watch.entries.totals.won;

const STAGES: Readonly<Record<string, () => Promise<Stage>>> = {
  'a deposit': async () => ({
    act: () => depositOnly(ALICE, ETH),
    // Somebody else's comes first on the chain that stays, under the same number.
    again: async () => {
      await depositOnly(CAROL, 2n * ETH);
      await depositOnly(ALICE, ETH);
    },
    instead: () => depositOnly(CAROL, 3n * ETH),
  }),

  'a child block': async () => {
    const coin = await world.deposit(CAROL, ETH);
    const submit = async () => world.submitRoot(world.trees.get(world.operator.next - 1000)!.root);
    return {
      act: () => world.block([world.pay([coin], [CAROL], [[CAROL, ETH]])]),
      again: submit,
      instead: submit,
    };
  },

  'the start of an exit': async () => {
    const { coin } = await spentCoin();
    await settle();
    return {
      act: () => world.startExit(ALICE, coin),
      again: () => world.startExit(ALICE, coin),
      end: async () => !(await exitOf(coin)).exitable,
      events: ['invalid_exit'],
    };
  },

  'a piggyback': async () => {
    const { coin } = await spentCoin();
    const raw = await world.startInFlight(ALICE, world.pay([coin], [ALICE], [[CAROL, ETH]]));
    const record = () => world.inFlightRecord(raw);
    await untilMined(async () => !(await record()).isCanonical, 'the answer to a rival payment');
    await settle();
    return {
      act: () => world.piggyback(ALICE, raw, 'input', 0),
      again: () => world.piggyback(ALICE, raw, 'input', 0),
      end: async () => (await record()).exitMap === 0n,
      events: ['invalid_piggyback'],
    };
  },

  'a challenge': async () => {
    const { coin } = await spentCoin();
    await world.startExit(ALICE, coin);
    const isStopped = async () => !(await exitOf(coin)).exitable;
    return {
      act: () => untilMined(isStopped, 'a challenge'),
      end: isStopped,
      wins: 1,
      events: ['invalid_exit'],
    };
  },

  'the answer to a challenge': async () => {
    const { coin, signed } = await spentCoin();
    const raw = await world.startInFlight(ALICE, signed);
    await world.challengeCanonicity(ALICE, raw, world.pay([coin], [ALICE], [[CAROL, ETH / 2n]]));
    const isCanonical = async () => (await world.inFlightRecord(raw)).isCanonical;
    return {
      act: () => untilMined(isCanonical, 'an answer'),
      end: isCanonical,
      wins: 1,
      events: ['invalid_ife_challenge'],
    };
  },

  'the payment of an exit': async () => {
    const coin = await world.deposit(CAROL, ETH);
    await world.startExit(CAROL, coin);
    await settle();
    await world.warp(3 * EXIT_PERIOD_S);
    await settle();
    return {
      act: () => world.processExits(CAROL, 100n),
      again: () => world.processExits(CAROL, 100n),
      end: async () => (await exitOf(coin)).amount === 0n,
    };
  },
};

/** Takes back the newest block in which anything happened, under as many blocks as make up the depth. */
async function takeBack(depth: number): Promise<number> {
  let since = (await head()) - 1n;
  const isEmpty = async (blockNumber: bigint) =>
    (await world.client.getBlockTransactionCount({ blockNumber })) === 0;
  while (await isEmpty(since + 1n)) since--;
  const done = Number((await head()) - since);
  await mine(depth - done);
  const height = Number(await head());
  await until(() => watcher.watch.findings.head?.height === height, 'a look at what goes');
  // A challenge comes when the watcher likes; what it took longer is taken back, too.
  const blocks = Math.max(depth, done);
  await world.anvil.control('anvil_reorg', blocks, []);
  return blocks;
}

type Pair = { readonly name: string; readonly depth: number; readonly isBack: boolean };

/** What the watcher does by itself comes again always. */
const BY_WATCHER = new Set(['a challenge', 'the answer to a challenge']);

/** Draws the pairs where most could go wrong: an exit, gone at the margin, and a challenge that has to be sent again. */
const SEED = 4867;
/** Deeper than the margin: what counted is taken back, too. */
const DEEP = 2 * MARGIN;
/** Stages of which one pair each is tried, unless all are. */
const SAMPLE = 3;

/** Every stage with every depth within the margin and one beyond, with what was taken back coming again and without; or a sample. */
function pairs(): readonly Pair[] {
  const dice = new Dice(Number(process.env.PALISADE_SEED ?? SEED));
  const drawn = Object.keys(STAGES).map((name) => {
    const all = Array.from({ length: 2 * MARGIN }, (_, i) => {
      return { name, depth: 1 + (i >> 1), isBack: i % 2 === 0 };
    }).filter(({ isBack }) => isBack || !BY_WATCHER.has(name));
    const deep = [true, false].map((isBack) => ({ name, depth: DEEP, isBack }));
    return process.env.PALISADE_REORGS === 'all'
      ? [...all, ...deep.filter(({ isBack }) => isBack || !BY_WATCHER.has(name))]
      : [dice.pick(all)];
  });
  if (process.env.PALISADE_REORGS === 'all') return drawn.flat();
  while (drawn.length > SAMPLE) drawn.splice(dice.roll(drawn.length), 1);
  return drawn.flat();
}

/** One pair; answers how deep it was, and leaves the watcher as it is afterwards. */
async function tell({ name, depth, isBack }: Pair): Promise<number> {
  const { act, again, instead, end, wins, events = [] } = await STAGES[name]!();
  await settle();
  const before = won();
  told = new Set();
  const since = await head();
  await act();
  const blocks = await takeBack(depth);
  await (isBack ? again : instead)?.();
  await mine(1);
  if (isBack && end) await untilMined(end, 'the end that it has to have');
  await settle();
  if (name === 'a deposit') await tellOperator(since);
  if (isBack && wins) {
    await until(() => won() >= before + wins, 'its account');
    expect(won()).toBe(before + wins);
  }
  for (const event of told) expect(isBack || depth > MARGIN ? events : []).toContain(event);
  return blocks;
}

describe('a root chain that takes back blocks', () => {
  const deep = new Map<string, Set<number>>();
  afterAll(() => {
    if (process.env.PALISADE_REORGS !== 'all') return;
    for (const [name, depths] of deep) console.log(name, [...depths].sort((a, b) => a - b).join());
  });

  for (const pair of pairs()) {
    const { name, depth, isBack } = pair;
    const title = `${name}, ${depth} blocks deep, is taken back and ${isBack ? 'comes again' : 'gone'}`;
    it(`[X1][X3][X8] ${title}: nothing false is told, nothing missed`, async () => {
      if ((await head()) > LONG) {
        await finish();
        await begin();
      }
      const blocks = await tell(pair);
      expect(blocks).toBeLessThanOrEqual(Math.max(MARGIN, depth));
      deep.set(name, (deep.get(name) ?? new Set()).add(blocks));
      expect(['OK', 'WATCH']).toContain(watcher.watch.findings.danger.level);
      const fresh = await watch(title.replaceAll(/\W+/g, '-'));
      try {
        await caughtUp(fresh);
        expect(beliefs(watcher)).toEqual(beliefs(fresh));
      } finally {
        await fresh.stop();
      }
    }, 300_000);
  }
});
