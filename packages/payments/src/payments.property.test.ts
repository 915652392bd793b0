import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { Dice } from '../test/dice.ts';
import { type Kit, placeIn, startPayments, TEST_PARAMS } from '../test/payments-kit.ts';
import { PaymentsOracle } from '../test/payments-oracle.ts';
import {
  ALICE,
  BOB,
  CAROL,
  CLAIMER,
  COIN,
  ETHER,
  type Person,
  pay,
  type To,
} from '../test/wallets.ts';
import type { RootEvent } from './root-event.ts';
import { allOutputs, exiting } from './state.ts';
import { owedTo, submitters } from './submitters.ts';

const RUNS = Number(process.env.PALISADE_PAYMENTS_RUNS ?? 12);
const DEEDS = 60;
const PEOPLE = [ALICE, BOB, CAROL, CLAIMER];
const personOf = (owner: string) => PEOPLE.find(({ address }) => toHex(address) === owner)!;

/** What is on the chain, in the oracle's words. */
function show(kit: Kit): string[] {
  const lines: string[] = [];
  for (const [position, { owner, token, amount }] of allOutputs(kit.chain.state))
    lines.push(
      [
        ...[position, toHex(owner), toHex(token), amount],
        exiting.has(kit.chain.state, position) ? 'exiting' : '',
      ].join(' '),
    );
  return lines.sort();
}

class Story {
  readonly kit: Kit;
  readonly oracle: PaymentsOracle;
  readonly dice: Dice;
  readonly seen: Map<string, number>;
  private deposits = 0;
  /** Positions that were ever spoken of, spent ones included. */
  private readonly known: bigint[] = [];

  constructor(kit: Kit, dice: Dice, seen: Map<string, number>) {
    this.kit = kit;
    this.dice = dice;
    this.seen = seen;
    const prices = [...TEST_PARAMS.fees, ...TEST_PARAMS.previousFees].map(({ token, amount }) => ({
      ...{ token: toHex(token), amount },
    }));
    this.oracle = new PaymentsOracle(
      prices,
      toHex(CLAIMER.address),
      BigInt(TEST_PARAMS.blockEvery),
      1n,
    );
    this.oracle.endBlock(kit.chain.height);
  }

  private count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  private async agree(event: RootEvent): Promise<void> {
    await this.kit.agree(event);
    this.oracle.endBlock(this.kit.chain.height);
  }

  private anyPosition(): bigint {
    const { coins } = this.oracle;
    if (coins.length > 0 && !this.dice.once(5)) return this.dice.pick(coins).position;
    return this.known.length > 0 ? this.dice.pick(this.known) : 1_000_000_000n;
  }

  async deposit(): Promise<void> {
    const who = this.dice.pick(PEOPLE);
    const token = this.dice.once(3) ? COIN : ETHER;
    const amount = BigInt(this.dice.roll(50));
    const blknum = this.dice.once(20) ? Math.max(1, this.deposits) : ++this.deposits;
    const position = BigInt(blknum) * 10n ** 9n;
    if (this.known.includes(position)) return;
    this.known.push(position);
    await this.agree(this.kit.depositOf(blknum, who, amount, token));
    this.oracle.deposit(position, toHex(who.address), toHex(token), amount);
    this.count('deposit');
  }

  async pay(): Promise<void> {
    const { dice, oracle } = this;
    const inputs = Array.from({ length: 1 + dice.roll(3) }, () => this.anyPosition());
    const coins = inputs.map((position) => oracle.coins.find((coin) => coin.position === position));
    const signers = coins.map((coin) => (coin && !dice.once(12) ? personOf(coin.owner) : ALICE));
    const to: To[] = [];
    const one = dice.pick(PEOPLE);
    for (const token of [ETHER, COIN]) {
      let sum = 0n;
      for (const coin of coins) if (coin?.token === toHex(token)) sum += coin.amount;
      sum -= BigInt(dice.pick(token === ETHER ? [0, 1, 2, 2, 2, 3, -1] : [0, 0, 0, 5, 1]));
      const half = dice.once(2) ? BigInt(dice.roll(Number(sum > 0n ? sum : 1n))) : 0n;
      if (half > 0n) to.push([dice.pick(PEOPLE), half, token]);
      if (sum - half > 0n) to.push([one, sum - half, token]);
    }
    if (to.length === 0) return;
    for (const position of inputs) if (!this.known.includes(position)) this.known.push(position);
    await this.submit(inputs, signers, to);
  }

  private async submit(
    inputs: readonly bigint[],
    signers: readonly Person[],
    to: readonly To[],
  ): Promise<void> {
    const wanted = this.oracle.pay({
      inputs,
      signers: signers.map(({ address }) => toHex(address)),
      outputs: to.map(([who, amount, token]) => ({
        ...{ owner: toHex(who.address), token: toHex(token ?? ETHER), amount },
      })),
    });
    const result = await this.kit.submit(pay(inputs, signers, to));
    this.oracle.endBlock(this.kit.chain.height);
    const found = result.code === 0 ? placeIn(result) : undefined;
    if (found !== wanted) throw new Error(`${found ?? result.codespace}, expected ${wanted}`);
    this.count(wanted ? 'paid' : result.codespace);
  }

  async exit(): Promise<void> {
    const [one, other] = [this.anyPosition(), this.anyPosition()];
    const positions = one === other || this.dice.once(2) ? [one] : [one, other];
    const kind = this.dice.roll(3);
    if (kind === 0) {
      await this.agree(this.kit.exitStarted(...positions));
      this.oracle.lock(positions, 1);
    } else if (kind === 1) {
      await this.agree(this.kit.exitEnded(...positions));
      this.oracle.lock(positions, -1);
    } else {
      await this.agree(this.kit.exitPaid(one, 1n));
      this.oracle.payExit(one);
    }
    this.count(['exit started', 'exit ended', 'exit paid'][kind]!);
  }

  /** Somebody brings the root of a block to the root chain. */
  async submitRoot(): Promise<void> {
    const [who, price] = [this.dice.pick(PEOPLE), BigInt(this.dice.roll(15))];
    await this.agree(this.kit.rootSubmitted(1000, who, price));
    const { submissionGas, maxGasPrice } = TEST_PARAMS;
    const gas = BigInt(submissionGas) * (price < maxGasPrice ? price : maxGasPrice);
    this.oracle.submitted(toHex(who.address), gas);
    this.count('root submitted');
  }

  async wait(): Promise<void> {
    await this.kit.chain.block();
    this.oracle.endBlock(this.kit.chain.height);
  }

  async deed(): Promise<void> {
    const { dice } = this;
    if (this.deposits < 4 || dice.once(5)) await this.deposit();
    else if (dice.once(6)) await this.exit();
    else if (dice.once(10)) await this.submitRoot();
    else if (dice.once(8)) await this.wait();
    else await this.pay();
  }
}

describe('payments, exits and deposits at random', () => {
  it('[X4] come to what a naive list of coins comes to, and no unit is made or lost', async () => {
    const seen = new Map<string, number>();
    let refunded = 0n;
    for (let seed = 0; seed < RUNS; seed++) {
      const story = new Story(await startPayments(), new Dice(1_000 + seed), seen);
      for (let i = 0; i < DEEDS; i++) {
        await story.deed();
        const [found, wanted] = [show(story.kit), story.oracle.show()];
        if (found.join() !== wanted.join())
          expect(found, `seed ${seed}, deed ${i}`).toEqual(wanted);
        for (const { token, inside, held } of story.oracle.balance())
          if (inside !== held) throw new Error(`${token}: ${inside} inside, ${held} held`);
      }
      refunded += story.oracle.refunded;
      for (const [[address], record] of submitters.list(story.kit.chain.state))
        expect(owedTo(record), `seed ${seed}`).toBe(story.oracle.owed.get(toHex(address)));
    }
    expect(refunded).toBeGreaterThan(10n);
    // The test reaches what it is about.
    for (const what of ['paid', 'exit started', 'exit ended', 'exit paid'])
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(10);
    for (const reason of ['utxo_not_found', 'output_is_exiting', 'fees_not_covered'])
      expect(seen.get(`payments/${reason}`) ?? 0, reason).toBeGreaterThan(3);
    if (process.env.PALISADE_PAYMENTS_RUNS) console.log(Object.fromEntries(seen));
  }, 3_600_000);
});
