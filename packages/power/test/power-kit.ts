/**
 * A chain with power for tests, on top of the chain's kit: miners with machines, collators with
 * bonds, and proven power that a test gives and takes as the part that checks proofs would.
 *
 * @example
 * const pool = await startPower();
 * await pool.mine('m0', 100n * MIB);
 */
import type { BlockContext, Module } from '@palisade/chain';
import {
  claims,
  createMiner,
  DEVELOPMENT_POWER_PARAMS,
  type PowerParams,
  powerModule,
  powerParams,
} from '@palisade/power';
import { type Chain, type ChainOptions, PAL, startChain } from '../../chain/test/chain-kit.ts';

export const MIB = 1n << 20n;
export const MINERS = ['m0', 'm1', 'm2', 'm3'] as const;
/** What every account of the kit starts with. */
export const FUNDS = 1_000n * PAL;

/** Machines of the kit act for the account of the same name, with `-machine` behind theirs. */
export const machineName = (name: string) => `${name}-machine`;

export type PowerKitOptions = ChainOptions & {
  readonly params?: Partial<PowerParams>;
  readonly names?: readonly string[];
};

/** Begins a chain on which miners and collators have funds and machines, and nothing else. */
export async function startPower(options: PowerKitOptions = {}): Promise<PowerKit> {
  const names = options.names ?? MINERS;
  const changes: Changes = [];
  const chain = await startChain({
    accounts: Object.fromEntries(names.map((name) => [name, FUNDS])),
    machines: Object.fromEntries(names.map((name) => [machineName(name), name])),
    sections: {
      power: powerParams.toJson({ ...DEVELOPMENT_POWER_PARAMS, ...options.params }),
    },
    modules(domain) {
      const power = powerModule({ domain });
      return [sectorsOf(changes, power.minerPower.update), power.module];
    },
    ...options,
  });
  return new PowerKit(chain, changes);
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

export class PowerKit {
  readonly chain: Chain;
  private readonly changes: Changes;

  constructor(chain: Chain, changes: Changes) {
    this.chain = chain;
    this.changes = changes;
  }

  /** Registers a miner and gives it power. */
  async mine(name: string, power: bigint): Promise<void> {
    await this.chain.run(this.chain.machine(machineName(name)), createMiner, {});
    if (power > 0n) await this.change(name, power);
  }

  /** Changes a miner's power in a block of its own. */
  async change(name: string, delta: bigint): Promise<void> {
    this.changes.push({ miner: this.chain.account(name).id, delta });
    await this.chain.block([], { afterMs: 1n });
  }

  claim(name: string) {
    return claims.need(this.chain.state, this.chain.account(name).id);
  }
}
