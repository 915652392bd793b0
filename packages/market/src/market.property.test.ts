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
import { type Dice, RandomMarket } from '../test/random-market.ts';

const GENESIS =
  BigInt(CLIENTS.length) * CLIENT_FUNDS + BigInt(PARTNERS.length) * PARTNER_FUNDS + VALIDATOR_FUNDS;

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

describe('a market of honest and lying clients and partners', () => {
  it('[P12] pays to the unit what a naive reading of the accepted commands says, whatever is tried', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.commands(steps, { maxCommands: 80, size: 'max' }), async (commands) => {
        const market = await startMarket();
        await market.chain.block();
        const random = new RandomMarket(market);
        await fc.asyncModelRun(() => ({ model: { deeds: 0 }, real: random }), commands);
        for (const [what, times] of random.seen) seen.set(what, (seen.get(what) ?? 0) + times);
      }),
      { numRuns: Number(process.env.PALISADE_MARKET_RUNS ?? 60), seed: 20260101 },
    );
    // The test reaches what it is about.
    for (const kind of ['request', 'start', 'answer', 'file', 'renew', 'cancel', 'receipt'])
      expect(seen.get(`${kind} accepted`) ?? 0, kind).toBeGreaterThan(3);
    for (const kind of ['complaint', 'rebuttal', 'report', 'bond', 'bond back'])
      expect(seen.get(`${kind} accepted`) ?? 0, kind).toBeGreaterThan(3);
    for (const what of ['equivocation', 'lost', 'disputed', 'resolved', 'completed', 'upheld'])
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
    if (process.env.PALISADE_MARKET_RUNS) console.log(Object.fromEntries(seen));
  }, 3_600_000);
});
