import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compare } from '../test/compare.ts';
import {
  CLIENT_FUNDS,
  CLIENTS,
  PARTNER_FUNDS,
  PARTNERS,
  startMarket,
  VALIDATOR_FUNDS,
} from '../test/market-kit.ts';
import { RANDOM_ARCHIVE } from '../test/random-archive.ts';
import { type Dice, RandomMarket } from '../test/random-market.ts';

const GENESIS =
  BigInt(CLIENTS.length) * CLIENT_FUNDS + BigInt(PARTNERS.length) * PARTNER_FUNDS + VALIDATOR_FUNDS;

const RUNS = process.env.PALISADE_MARKET_RUNS;

type Deed = (random: RandomMarket, dice: Dice) => Promise<void>;
const DEEDS: Readonly<Record<string, { readonly weight: number; readonly deed: Deed }>> = {
  request: { weight: 3, deed: (random, dice) => random.request(dice) },
  start: { weight: 10, deed: (random, dice) => random.start(dice) },
  answer: { weight: 10, deed: (random, dice) => random.answer(dice) },
  file: { weight: 8, deed: (random, dice) => random.file(dice) },
  renew: { weight: 2, deed: (random, dice) => random.renew(dice) },
  cancel: { weight: 1, deed: (random, dice) => random.cancel(dice) },
  receipt: { weight: 2, deed: (random, dice) => random.receipt(dice) },
  bond: { weight: 4, deed: (random, dice) => random.bond(dice) },
  complain: { weight: 6, deed: (random, dice) => random.duties.complain(dice) },
  rebut: { weight: 4, deed: (random, dice) => random.duties.rebut(dice) },
  report: { weight: 2, deed: (random, dice) => random.duties.report(dice) },
  archive: { weight: 2, deed: (random, dice) => random.archive.act(dice) },
  cheat: { weight: 3, deed: (random, dice) => random.cheat(dice) },
  wait: { weight: 2, deed: (random, dice) => random.wait(dice) },
  endSession: { weight: 8, deed: (random, dice) => random.endSession(dice) },
};

class Step implements fc.AsyncCommand<{ deeds: number }, RandomMarket> {
  readonly name: string;
  readonly dice: Dice;
  constructor(name: string, dice: Dice) {
    this.name = name;
    this.dice = dice;
  }
  check(): boolean {
    return true;
  }
  async run(model: { deeds: number }, random: RandomMarket): Promise<void> {
    model.deeds++;
    if (this.name !== 'endSession' && random.atTheEnd) await random.endSession([1, 0, 0, 0]);
    await DEEDS[this.name]!.deed(random, this.dice);
    compare(random, GENESIS, { client: CLIENT_FUNDS, partner: PARTNER_FUNDS });
  }
  toString(): string {
    return `${this.name}(${this.dice.join(', ')})`;
  }
}

const aDie = fc.nat(999);
const aStep = (name: string) =>
  fc.tuple(aDie, aDie, aDie, aDie).map((dice) => new Step(name, dice));
/** A kind of deed is offered as often as its weight says. */
const steps = Object.entries(DEEDS).flatMap(([name, { weight }]) =>
  Array.from({ length: weight }, () => aStep(name)),
);
/** Files move while partners go on answering for clients: the same deeds, of few kinds. */
const ARCHIVE_WEIGHTS = { request: 1, start: 2, answer: 9, archive: 8, endSession: 5 };
const archiveSteps = Object.entries(ARCHIVE_WEIGHTS).flatMap(([name, weight]) =>
  Array.from({ length: weight }, () => aStep(name)),
);

/** A job of three partners for all of the test's sessions, from whom keepers can be drawn. */
async function longJob(random: RandomMarket): Promise<void> {
  await random.request([0, 8, 4, 999]);
  for (let i = 0; i < 5; i++) await random.renew([0, 2, 0, 0]);
  for (const who of [0, 1, 2]) await random.start([0, who, 1, 1]);
}

/** Random lives of markets, each compared with the oracle after every deed; how often what was seen. */
async function live(
  kinds: typeof steps,
  numRuns: number,
  prelude: (random: RandomMarket) => Promise<void> = async () => {},
): Promise<ReadonlyMap<string, number>> {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.commands(kinds, { maxCommands: 80, size: 'max' }), async (commands) => {
      const market = await startMarket({ market: { archive: RANDOM_ARCHIVE } });
      await market.chain.block();
      const random = new RandomMarket(market);
      await prelude(random);
      await fc.asyncModelRun(() => ({ model: { deeds: 0 }, real: random }), commands);
      for (const [what, times] of random.seen) seen.set(what, (seen.get(what) ?? 0) + times);
    }),
    { numRuns, seed: 20260101 },
  );
  if (RUNS) console.log(Object.fromEntries(seen));
  return seen;
}

describe('a market of honest and lying clients and partners', () => {
  it('[P12] pays to the unit what a naive reading of the accepted commands says, whatever is tried', async () => {
    const seen = await live(steps, Number(RUNS ?? 60));
    // The test reaches what it is about.
    for (const kind of ['request', 'start', 'answer', 'file', 'renew', 'cancel', 'receipt'])
      expect(seen.get(`${kind} accepted`) ?? 0, kind).toBeGreaterThan(3);
    for (const kind of ['complaint', 'rebuttal', 'report', 'bond', 'bond back'])
      expect(seen.get(`${kind} accepted`) ?? 0, kind).toBeGreaterThan(3);
    for (const what of ['equivocation', 'lost', 'disputed', 'resolved', 'completed', 'upheld'])
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
  }, 3_600_000);

  it('[V2V-5] keeps payout files at partners for exactly the fees that were set aside, whoever takes them', async () => {
    const seen = await live(archiveSteps, Number(RUNS ?? 12), longJob);
    for (const what of ['archive start accepted', 'archive answer accepted', 'moved'])
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(3);
    expect(seen.get('archive start market/not-called') ?? 0).toBeGreaterThan(0);
  }, 3_600_000);
});
