/** Random deeds on a chain with power, each held against the oracle: what may be done, and what is left. */
import { heldFor } from '@palisade/chain';
import type { Declaration, Domain, Infer, Signer } from '@palisade/core';
import { toHex } from '@palisade/core';
import {
  addBond,
  bondPurpose,
  cancelSlash,
  claimQuery,
  collatorPower,
  createMiner,
  delegate,
  deregisterMiner,
  leaveCollators,
  powerModule,
  registerCollator,
  seatings,
  slashes,
  undelegate,
} from '@palisade/power';
import { accountOf, type Block, type Fields, validatorOf } from '../../chain/test/chain-kit.ts';
import { BondOracle } from './bond-oracle.ts';
import { Oracle, type Part } from './oracle.ts';
import { BOND, MIB, MINERS, machineName, type PowerKit, startPower } from './power-kit.ts';

/** Collators of the kit: v0 is a known validator. */
const COLLATORS = [1, 2, 3, 4, 5];
const MIN = 1n << 16n;
const KINDS = ['lent', 'unbonding', 'quarantined'] as const;

/** Whole numbers from a seed: the same run for the same number. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What was done how often, accepted and refused. */
export type Tally = Map<string, { done: number; refused: number }>;

export class RandomPower {
  readonly tally: Tally = new Map();
  private readonly pool: PowerKit;
  private readonly oracle: Oracle;
  private readonly bonds: BondOracle;
  /** Registrations of collators so far: each has a number. */
  private registrations = 0;
  private readonly random: (below: number) => number;

  private constructor(pool: PowerKit, random: (below: number) => number) {
    this.pool = pool;
    this.random = random;
    const spans = { unbonding: 4, quarantine: 4, deferral: 1, memory: 8 };
    const rules = { minDelegation: MIN, maxCollators: 3, ...spans };
    this.oracle = new Oracle(rules, (index) => toHex(pool.nodeKey(index)));
    this.bonds = new BondOracle(spans);
    for (const [i, name] of MINERS.entries()) {
      const amount = 10n ** 9n + BigInt(i) * 777_777n;
      pool.setCollateral(name, amount);
      this.bonds.collateral.set(name, amount);
    }
  }

  static async begin(seed: number): Promise<RandomPower> {
    const { id: owner } = accountOf('m3');
    const params = { minEligible: 1, maxCollators: 3, owner };
    // What is burned is slashed, then.
    const pool = await startPower({ params, feeBurnPpm: 0 });
    const power = new RandomPower(pool, randomNumbers(seed));
    // Most deeds need a miner with power and a collator: some are there from the first one on.
    for (let i = 0; i < 8; i++) await power.mine();
    for (let i = 0; i < 6; i++) await power.register();
    for (let i = 0; i < 8; i++) await power.change();
    return power;
  }

  get domain(): Domain {
    return this.pool.chain.domain;
  }

  /** One deed and the comparison after it. */
  async step(): Promise<void> {
    const deeds = [
      ...Array(6).fill(() => this.delegate()),
      ...Array(4).fill(() => this.takeBack()),
      ...Array(4).fill(() => this.change()),
      ...Array(3).fill(() => this.mine()),
      ...Array(3).fill(() => this.register()),
      ...Array(2).fill(() => this.addBond()),
      ...Array(2).fill(() => this.deregister()),
      () => this.leave(),
      ...Array(2).fill(() => this.offend()),
      () => this.cancel(),
      ...Array(4).fill(() => this.endSession()),
    ];
    await deeds[this.random(deeds.length)]!();
    this.compare();
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.random(items.length)]!;
  }

  private note(deed: string, done: boolean): void {
    const { done: yes, refused: no } = this.tally.get(deed) ?? { done: 0, refused: 0 };
    this.tally.set(deed, { done: yes + (done ? 1 : 0), refused: no + (done ? 0 : 1) });
  }

  /** Runs a command that must be accepted exactly when the oracle says so. */
  private async attempt<T>(
    may: boolean,
    signer: Signer,
    declaration: Declaration<T>,
    value: Fields<T>,
  ): Promise<void> {
    const { chain } = this.pool;
    const tx = await chain.sign(signer, declaration, value);
    const { results } = await chain.block([tx], { afterMs: 1n });
    const [result] = results;
    this.note(declaration.name, result?.code === 0);
    if ((result?.code === 0) !== may)
      throw new Error(`${declaration.name}: may ${may}, but ${result?.codespace} ${result?.log}`);
  }

  private async mine(): Promise<void> {
    const name = this.pick(MINERS);
    const may = !this.oracle.miners.has(name);
    await this.attempt(may, this.pool.chain.machine(machineName(name)), createMiner, {});
    if (may) this.oracle.miners.set(name, { raw: 0n, parts: [] });
  }

  private async register(): Promise<void> {
    const index = this.pick(COLLATORS);
    const may = this.oracle.candidates.get(index)?.registered !== true;
    const bond = BOND + BigInt(this.random(1000));
    const fields = await this.pool.registration(index, bond);
    await this.attempt(may, this.pool.owner(index), registerCollator, fields);
    if (!may) return;
    const generation = this.registrations++;
    this.oracle.candidates.set(index, { registered: true, generation });
    this.bonds.begin(index, generation, bond);
  }

  private async leave(): Promise<void> {
    const index = this.pick(COLLATORS);
    const may = this.oracle.candidates.get(index)?.registered === true;
    const collator = this.pool.nodeKey(index);
    await this.attempt(may, this.pool.owner(index), leaveCollators, { collator });
    if (may) this.remove(index, false);
  }

  private remove(index: number, offence: boolean): void {
    this.oracle.remove(index, offence);
    this.bonds.end(index, this.oracle.session);
  }

  private async addBond(): Promise<void> {
    const index = this.pick(COLLATORS);
    const amount = BigInt(this.random(4)) * 1_000_003n;
    const may = this.oracle.candidates.get(index)?.registered === true && amount > 0n;
    const fields = { collator: this.pool.nodeKey(index), amount };
    await this.attempt(may, this.pool.owner(index), addBond, fields);
    if (may) this.bonds.add(index, amount);
  }

  private async deregister(): Promise<void> {
    const names = [...this.oracle.miners].filter(([, { raw }]) => raw === 0n);
    const name = names.length > 0 ? this.pick(names)[0] : this.pick(MINERS);
    const may = this.oracle.mayDeregister(name);
    const { chain } = this.pool;
    const tx = await chain.sign(chain.account(name), deregisterMiner, {});
    const { results } = await chain.block([tx], { afterMs: 1n });
    const done = results[0]!.code === 0;
    this.note(deregisterMiner.name, done);
    if (done) this.oracle.miners.delete(name);
    // A miner that nobody touched since it backed somebody is let go later than it could be.
    if (done ? !may : may && results[0]!.codespace !== 'power/still-answers')
      throw new Error(
        `${name} leaves: may ${may}, but ${results[0]!.codespace} ${results[0]!.log}`,
      );
  }

  /** The owner takes a slash back, or one that there is not. */
  private async cancel(): Promise<void> {
    const [first] = this.bonds.waiting();
    const { session, collator: index } = first ?? { session: 0, collator: this.pick(COLLATORS) };
    const fields = { session: BigInt(session), collator: this.pool.nodeKey(index) };
    await this.attempt(first !== undefined, this.pool.chain.account('m3'), cancelSlash, fields);
    this.bonds.cancel(session, index);
  }

  private async delegate(): Promise<void> {
    const [name, index] = [this.pick(MINERS), this.pick(COLLATORS)];
    const amount = BigInt(this.random(300)) * (MIN / 7n);
    const may = this.oracle.mayDelegate(name, index, amount);
    const fields = { collator: this.pool.nodeKey(index), amount };
    await this.attempt(may, this.pool.chain.account(name), delegate, fields);
    if (may) this.oracle.delegate(name, index, amount);
  }

  private async takeBack(): Promise<void> {
    const name = this.pick(MINERS);
    const lending = COLLATORS.filter((one) => this.oracle.lent(name, one) > 0n);
    const index = this.pick(lending.length > 0 ? lending : COLLATORS);
    const lent = this.oracle.lent(name, index);
    const amount = this.random(2) === 0 ? lent : (lent * BigInt(this.random(120))) / 100n;
    const may = this.oracle.mayTakeBack(name, index, amount);
    const fields = { collator: this.pool.nodeKey(index), amount };
    await this.attempt(may, this.pool.chain.account(name), undelegate, fields);
    if (may) this.oracle.takeBack(name, index, amount);
  }

  /** Proofs of storage come and fail. */
  private async change(): Promise<void> {
    const names = [...this.oracle.miners.keys()];
    if (names.length === 0) return;
    const name = this.pick(names);
    const { raw } = this.oracle.miners.get(name)!;
    const loss = this.random(8) === 0 ? raw : (raw * BigInt(this.random(100))) / 100n;
    const delta = this.random(2) === 0 ? BigInt(this.random(64)) * (MIB / 3n) : -loss;
    await this.pool.change(name, delta);
    this.note('power', delta >= 0n);
    this.oracle.change(name, delta);
  }

  /** A drawn validator signs twice. */
  private async offend(): Promise<void> {
    const { chain } = this.pool;
    const seats = seatings.get(chain.state, chain.session.number)?.seatings ?? [];
    const drawn = COLLATORS.filter((index) =>
      seats.some(
        ({ known, nodeKey, untilHeight }) =>
          known === 0 && untilHeight === 0n && toHex(nodeKey) === this.key(index),
      ),
    );
    if (drawn.length === 0) return;
    const index = this.pick(drawn);
    const validator = { address: validatorOf(index).address, power: 1n };
    const { height } = chain;
    const [timeNs, totalVotingPower] = [0n, 4n];
    await chain.block([], {
      afterMs: 1n,
      misbehavior: [{ type: 'duplicate-vote', validator, height, timeNs, totalVotingPower }],
    });
    this.note('offence', true);
    this.bonds.offence(index, this.oracle.session);
    if (this.oracle.candidates.get(index)?.registered) this.remove(index, true);
  }

  private key(index: number): string {
    return toHex(this.pool.nodeKey(index));
  }

  private async endSession(): Promise<void> {
    const block: Block = await this.pool.endSession();
    const kicked = block.events.filter(({ type }) => type === 'power.collator-removed');
    if (kicked.length > 0) throw new Error('nobody served badly, and somebody was removed');
    const { state } = this.pool.chain;
    const ended = this.oracle.session;
    this.oracle.nextSession();
    // Slashes are carried out as the session ends; the walk stands in the first block of the next.
    for (const [[offence, nodeKey], slash] of slashes.list(state)) {
      const index = COLLATORS.find((one) => this.key(one) === toHex(nodeKey))!;
      if (!this.bonds.isDue(Number(offence), index, ended)) continue;
      const { generation, fractionPpm } = slash;
      this.bonds.slashBond(index, generation, fractionPpm);
      this.oracle.quarantine(index, generation, Number(slash.snapshot), (name, lent, raw) =>
        this.bonds.slashBacker(name, lent, raw, fractionPpm),
      );
      this.note('slash', true);
    }
    this.bonds.endSession(ended);
    if (this.bonds.waiting().some(({ session }) => session < ended))
      throw new Error('a slash was not carried out');
    this.note('session', true);
  }

  /** Holds every claim and every sum against the oracle. */
  private compare(): void {
    const { state, session } = this.pool.chain;
    if (BigInt(this.oracle.session) !== session.number) throw new Error('sessions differ');
    const view = powerModule({ domain: this.pool.chain.domain }).module.queries!.find(
      ({ declaration }) => declaration.name === claimQuery.name,
    )!;
    for (const [name, expected] of this.oracle.miners) {
      const miner = this.pool.chain.account(name).id;
      const { claim, free } = view.run(state, { miner }) as Infer<typeof claimQuery.result>;
      const parts = claim.entries.map(
        ({ collator, generation, kind, until, amount }): Part => ({
          collator: COLLATORS.find((index) => this.key(index) === toHex(collator))!,
          generation,
          kind: KINDS[kind]!,
          until: Number(until),
          amount,
        }),
      );
      const [found, wanted] = [
        { raw: claim.raw, parts, free },
        { ...expected, free: 0n },
      ];
      wanted.free = this.oracle.free(expected);
      if (show(found) !== show(wanted))
        throw new Error(`${name}: found ${show(found)}, expected ${show(wanted)}`);
    }
    for (const index of COLLATORS) {
      if (!this.oracle.candidates.has(index)) continue;
      const { power } = this.pool.collator(index);
      if (power !== this.oracle.power(index))
        throw new Error(`v${index} has ${power}, expected ${this.oracle.power(index)}`);
      this.compareSnapshot(index, collatorPower(state, this.pool.nodeKey(index)));
      const held = heldFor(state, this.pool.owner(index).id, bondPurpose(this.pool.nodeKey(index)));
      if (held !== this.bonds.held(index))
        throw new Error(`v${index} holds ${held}, expected ${this.bonds.held(index)}`);
    }
    for (const name of MINERS) {
      const [has, expected] = [this.pool.collateralOf(name), this.bonds.collateral.get(name)];
      if (has !== expected) throw new Error(`collateral of ${name}: ${has}, expected ${expected}`);
    }
    const burned = this.pool.chain.burned();
    if (burned !== this.bonds.burned)
      throw new Error(`${burned} are burned, expected ${this.bonds.burned}`);
  }

  private compareSnapshot(index: number, found: bigint): void {
    let expected = 0n;
    for (const { parts } of this.oracle.snapshots[this.oracle.session]!.values())
      for (const { collator, kind, amount } of parts)
        if (collator === index && kind === 'lent') expected += amount;
    if (found !== expected) throw new Error(`snapshot of v${index}: ${found}, not ${expected}`);
  }
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}` : one));
}
