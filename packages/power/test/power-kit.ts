/**
 * A chain with power for tests, on top of the chain's kit: miners with machines, collators with
 * bonds, and proven power that a test gives and takes as the part that checks proofs would. One
 * known validator, v0, has a seat from genesis; v1 and those behind it may become collators.
 *
 * @example
 * const pool = await startPower();
 * await pool.mine('m0', 100n * MIB);
 * await pool.register(1);
 * await pool.lend('m0', 1, 10n * MIB);
 * await pool.endSession();
 */
import type { BlockContext, Module, State } from '@palisade/chain';
import { digestOf, type KeyValueReader, toHex } from '@palisade/core';
import {
  type Collateral,
  claims,
  collators,
  createMiner,
  DEVELOPMENT_POWER_PARAMS,
  delegate,
  lentSum,
  type PowerOptions,
  type PowerParams,
  powerModule,
  powerParams,
  registerCollator,
  rootKeyConsent,
  undelegate,
} from '@palisade/power';
import {
  type Block,
  type Chain,
  type ChainOptions,
  PAL,
  startChain,
  validatorOf,
} from '../../chain/test/chain-kit.ts';
import { listed } from '../src/claims/entry.ts';

export const MIB = 1n << 20n;
export const MINERS = ['m0', 'm1', 'm2', 'm3'] as const;
/** What every account of the kit starts with. */
export const FUNDS = 1_000n * PAL;
export const BOND = DEVELOPMENT_POWER_PARAMS.candidacyBond;

/** Machines of miners act for the account of the same name, with `-machine` behind theirs. */
export const machineName = (name: string) => `${name}-machine`;
const ownerName = (index: number) => `v${index}-owner`;

export type PowerKitOptions = ChainOptions & {
  readonly params?: Partial<PowerParams>;
  readonly power?: Partial<PowerOptions>;
};

/** Begins a chain on which miners and collators have funds and machines, and nothing else. */
export async function startPower(options: PowerKitOptions = {}): Promise<PowerKit> {
  const weights = options.weights ?? [1n];
  const standbys = options.standbys ?? 5;
  const owners = Array.from({ length: weights.length + standbys }, (_, i) => i);
  const changes: Changes = [];
  const backing = new Backing();
  const { params, power: ports, ...rest } = options;
  const powerOf = (domain: PowerOptions['domain']) =>
    powerModule({ domain, collateral: backing.port, ...ports });
  const chain = await startChain({
    weights,
    standbys,
    accounts: Object.fromEntries(
      [...MINERS, ...owners.map(ownerName)].map((name) => [name, FUNDS]),
    ),
    machines: Object.fromEntries([
      ...MINERS.map((name) => [machineName(name), name]),
      ...owners.map((i) => [`v${i}`, ownerName(i)]),
    ]),
    sections: { power: powerParams.toJson({ ...DEVELOPMENT_POWER_PARAMS, ...params }) },
    modules: (domain) => [sectorsOf(changes, powerOf(domain).minerPower.update)],
    seating: (domain) => [powerOf(domain).module],
    rewardSink: (ctx, validator, amount) => rewardSink(ctx, validator, amount),
    ...rest,
  });
  const { rewardSink } = powerOf(chain.domain);
  return new PowerKit(chain, changes, backing);
}

type Changes = { readonly miner: Uint8Array; readonly delta: bigint }[];
type Update = (ctx: BlockContext, miner: Uint8Array, delta: bigint) => void;

/** Stands for the part that checks proofs: it changes power when the test says so. */
function sectorsOf(changes: Changes, update: Update): Module {
  return {
    name: 'sectors-of-the-kit',
    hooks: {
      blockStart(ctx) {
        for (const { miner, delta } of changes) update(ctx, miner, delta);
        changes.length = 0;
      },
    },
  };
}

/** Collateral of miners, outside the ledger: the kit counts what was taken. */
class Backing {
  readonly amounts = new Map<string, bigint>();
  readonly port: Collateral = {
    amount: (_: KeyValueReader, miner) => this.amounts.get(toHex(miner)) ?? 0n,
    slash: (_, miner, amount) => {
      this.amounts.set(toHex(miner), this.amounts.get(toHex(miner))! - amount);
      return amount;
    },
  };
}

export class PowerKit {
  readonly chain: Chain;
  private readonly changes: Changes;
  private readonly backing: Backing;

  constructor(chain: Chain, changes: Changes, backing: Backing) {
    this.chain = chain;
    this.changes = changes;
    this.backing = backing;
  }

  get state(): State & KeyValueReader {
    return this.chain.state as unknown as State;
  }

  /** Registers a miner and gives it power. */
  async mine(name: string, power: bigint): Promise<void> {
    await this.chain.run(this.chain.machine(machineName(name)), createMiner, {});
    if (power > 0n) await this.change(name, power);
  }

  /** Changes a miner's power in a block of its own. */
  async change(name: string, delta: bigint): Promise<Block> {
    this.changes.push({ miner: this.chain.account(name).id, delta });
    return this.chain.block([], { afterMs: 1n });
  }

  /** What a miner has put up beside its power. */
  setCollateral(name: string, amount: bigint): void {
    this.backing.amounts.set(toHex(this.chain.account(name).id), amount);
  }

  collateralOf(name: string): bigint {
    return this.backing.amounts.get(toHex(this.chain.account(name).id)) ?? 0n;
  }

  owner(index: number) {
    return this.chain.account(ownerName(index));
  }

  nodeKey(index: number): Uint8Array {
    return validatorOf(index).nodeKey;
  }

  /** The fields of an honest registration. */
  async registration(index: number, bond = BOND, commissionPpm = 100_000) {
    const root = this.chain.account(`v${index}-root`);
    const nodeKey = this.nodeKey(index);
    return {
      nodeKey,
      rootKey: root.id,
      consent: await root.sign(digestOf(rootKeyConsent, { nodeKey }, this.chain.domain)),
      name: `v${index}`,
      bond,
      commissionPpm,
    };
  }

  async register(index: number, bond = BOND, commissionPpm = 100_000): Promise<Block> {
    const fields = await this.registration(index, bond, commissionPpm);
    return this.chain.run(this.owner(index), registerCollator, fields);
  }

  async lend(miner: string, index: number, amount: bigint): Promise<Block> {
    const collator = this.nodeKey(index);
    return this.chain.run(this.chain.account(miner), delegate, { collator, amount });
  }

  async takeBack(miner: string, index: number, amount: bigint): Promise<Block> {
    const collator = this.nodeKey(index);
    return this.chain.run(this.chain.account(miner), undelegate, { collator, amount });
  }

  claim(name: string) {
    const claim = claims.need(this.chain.state, this.chain.account(name).id);
    return { ...claim, entries: listed(claim.entries) };
  }

  collator(index: number) {
    const { state } = this.chain;
    const collator = collators.need(state, this.nodeKey(index));
    return { ...collator, power: lentSum(state, collator.generation) };
  }

  /** Miner m0 with power, and collators with equal parts of it; the draw sees them after a session. */
  async pool(indices: readonly number[], each = 4n * MIB): Promise<void> {
    await this.mine('m0', each * BigInt(indices.length));
    for (const index of indices) {
      await this.register(index);
      await this.lend('m0', index, each);
    }
  }

  /** Lets the session end and the next one find its randomness. Answers with the block of the change. */
  async endSession(): Promise<Block> {
    return this.chain.endSession();
  }
}
