/**
 * A chain with sectors for tests, on top of the chain's kit: miners that announce, prove and lose
 * sectors in one call each. Proofs are named by made-up ids, since the chain does not look at them;
 * stories about disputes bring real ones.
 *
 * @example
 * const kit = await startSectors();
 * const number = await kit.sector('m0');      // announced, challenged, proven
 * await kit.window('m0', number);             // proven in its first window: has power
 */
import { balanceOf, heldFor, type Module } from '@palisade/chain';
import { type Declaration, nodeSigner, signEnvelope, toHex } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import {
  claims,
  createMiner,
  DEVELOPMENT_POWER_PARAMS,
  DEVELOPMENT_SECTORS_PARAMS,
  partitions,
  pledges,
  powerModule,
  powerParams,
  preCommit,
  preCommits,
  proveCommit,
  proveWindow,
  type SealStatement,
  type Sector,
  type SectorsParams,
  sealSubject,
  sectors,
  sectorsDue,
  sectorsKeep,
  sectorsModule,
  sectorsParams,
  VERDICT,
  verdict,
  windowAt,
} from '@palisade/power';
import {
  type Block,
  type Chain,
  type ChainOptions,
  PAL,
  startChain,
} from '../../chain/test/chain-kit.ts';

export const MINERS = ['m0', 'm1', 'm2'] as const;
export const FUNDS = 10_000n * PAL;
export const SECTOR = 4096n;
const machineName = (name: string) => `${name}-machine`;

/** Small sectors and short spans; a sector's deposit is 10 tokens and its pledge 50. */
export const TEST_SECTORS: SectorsParams = {
  ...DEVELOPMENT_SECTORS_PARAMS,
  sectorBytes: Number(SECTOR),
  layers: 2,
  sealChallenges: 4,
  windowLeaves: 4,
  partitionSectors: 2,
  maxProveBlocks: 30,
  minLifeBlocks: 60,
  maxLifeBlocks: 5000,
  maxFaultPeriods: 3,
  sealDisputeBlocks: 40,
  terminationAgeBlocks: 100,
  yearlyFee: 1000n * PAL,
};

export type SectorKitOptions = ChainOptions & {
  readonly params?: Partial<SectorsParams>;
  readonly names?: readonly string[];
  readonly funds?: bigint;
};

/** Pledge that others take of miners at the beginning of the next block. */
type Slashes = { readonly miner: Uint8Array; readonly amount: bigint }[];

function slasher(slashes: Slashes): Module {
  return {
    name: 'slasher-of-the-kit',
    hooks: {
      blockStart(ctx) {
        for (const { miner, amount } of slashes) pledges.slash(ctx, miner, amount);
        slashes.length = 0;
      },
    },
  };
}

export async function startSectors(options: SectorKitOptions = {}): Promise<SectorKit> {
  const names = options.names ?? MINERS;
  const params = { ...TEST_SECTORS, ...options.params };
  const slashes: Slashes = [];
  const validators = (options.weights ?? [10n]).map((_, i) => `v${i}`);
  const chain = await startChain({
    accounts: {
      ...Object.fromEntries(names.map((name) => [name, options.funds ?? FUNDS])),
      ...Object.fromEntries(validators.map((name) => [`${name}-owner`, FUNDS])),
    },
    machines: {
      ...Object.fromEntries(names.map((name) => [machineName(name), name])),
      ...Object.fromEntries(validators.map((name) => [name, `${name}-owner`])),
    },
    sections: {
      power: powerParams.toJson(DEVELOPMENT_POWER_PARAMS),
      sectors: sectorsParams.toJson(params),
    },
    modules(domain) {
      const power = powerModule({ domain, cannotLeave: sectorsKeep });
      const { minerPower } = power;
      return [sectorsModule({ domain, minerPower }), slasher(slashes), power.module];
    },
    ...options,
  });
  const kit = new SectorKit(chain, params, slashes);
  for (const name of names) await kit.chain.run(kit.machine(name), createMiner, {});
  return kit;
}

export class SectorKit {
  readonly chain: Chain;
  readonly params: SectorsParams;
  private readonly slashes: Slashes;

  constructor(chain: Chain, params: SectorsParams, slashes: Slashes) {
    this.chain = chain;
    this.params = params;
    this.slashes = slashes;
  }

  machine(name: string) {
    return this.chain.machine(machineName(name));
  }
  id(name: string): Uint8Array {
    return this.chain.account(name).id;
  }
  power(name: string): bigint {
    return claims.need(this.chain.state, this.id(name)).raw;
  }
  deposit(name: string): bigint {
    return heldFor(this.chain.state, this.id(name), 'sectors.deposit');
  }
  pledge(name: string): bigint {
    return heldFor(this.chain.state, this.id(name), 'sectors.pledge');
  }
  balance(name: string) {
    return balanceOf(this.chain.state, this.id(name));
  }
  record(name: string, number: bigint): Sector | undefined {
    return sectors.get(this.chain.state, this.id(name), number);
  }
  member(name: string, number: bigint) {
    const { deadline, partition } = this.record(name, number)!;
    const key = [BigInt(deadline), this.id(name), BigInt(partition)] as const;
    const { members } = partitions.need(this.chain.state, ...key);
    return members.find((member) => member.number === number);
  }

  /** Empty blocks up to and including a height. */
  async until(height: bigint): Promise<void> {
    while (this.chain.height < height) await this.chain.block();
  }

  /** Goes on until the next block owes nothing to anybody, for commands that must change nothing. */
  async quiet(): Promise<void> {
    const { windowBlocks, lookbackBlocks } = this.params;
    for (;;) {
      const next = this.chain.height + 1n;
      const draws = (next + BigInt(lookbackBlocks)) % BigInt(windowBlocks) === 0n;
      const owes = [...sectorsDue.list(this.chain.state, next)].length > 0;
      if (!draws && !owes && next % BigInt(windowBlocks) !== 0n) return;
      await this.chain.block();
    }
  }

  async refused<T>(
    code: string,
    name: string,
    declaration: Declaration<T>,
    value: Omit<T, 'nonce' | 'maxFee'>,
  ): Promise<void> {
    await this.quiet();
    await this.chain.expectRefused(code, this.machine(name), declaration, value as never);
  }

  /** What a pre-commit says, unless the story says otherwise. */
  announcement(number: bigint, change: Partial<SealStatement> & { expires?: bigint } = {}) {
    const made = (what: string) => blake3(Buffer.from(`${what} ${number}`));
    return {
      number,
      session: this.chain.session.number,
      replica: change.replica ?? made('replica'),
      columns: change.columns ?? made('columns'),
      data: change.data ?? made('data'),
      expires: change.expires ?? this.chain.height + 1000n,
    };
  }

  /** Announces a sector. */
  async announce(
    name: string,
    number: bigint,
    change: Partial<SealStatement> & { expires?: bigint } = {},
  ): Promise<Block> {
    while (this.chain.session.randomnessHeight === 0n) await this.chain.block();
    return this.chain.run(this.machine(name), preCommit, this.announcement(number, change));
  }

  /** Goes on until the challenge of an announced sector is drawn. */
  async challenged(name: string, number: bigint): Promise<Uint8Array> {
    const { height } = preCommits.need(this.chain.state, this.id(name), number);
    await this.until(height + BigInt(this.params.challengeDelayBlocks));
    return preCommits.need(this.chain.state, this.id(name), number).challenge;
  }

  /** A validator's signed word. */
  verdict(subject: Uint8Array, word: number, validator = 0): Promise<Uint8Array> {
    const signer = nodeSigner(this.chain.validators[validator]!.secret);
    return signEnvelope(verdict, { subject, verdict: word }, this.chain.domain, signer);
  }

  /** What proves an announced sector. */
  async proof(name: string, number: bigint, proof = blake3(Buffer.from(`seal ${number}`))) {
    const subject = sealSubject(this.id(name), number, proof);
    return { number, proof, verdicts: [await this.verdict(subject, VERDICT.holds)] };
  }

  /** Announces and proves a sector. */
  async sector(name: string, number: bigint, change: { expires?: bigint } = {}): Promise<bigint> {
    await this.announce(name, number, change);
    await this.challenged(name, number);
    await this.chain.run(this.machine(name), proveCommit, await this.proof(name, number));
    return number;
  }

  /** Goes on until a window of a sector that its partition was not proven in is open, a block of it gone. */
  async open(name: string, number: bigint): Promise<void> {
    const { deadline, partition } = this.record(name, number)!;
    const key = [BigInt(deadline), this.id(name), BigInt(partition)] as const;
    const isOpen = () => {
      const next = windowAt(this.params, this.chain.height + 1n);
      const { opens } = partitions.need(this.chain.state, ...key);
      return next.deadline === deadline && this.chain.height >= next.opens && opens < next.opens;
    };
    while (!isOpen()) await this.chain.block();
  }

  /** Goes on until the window that is open now has closed. */
  async close(): Promise<void> {
    await this.until(windowAt(this.params, this.chain.height).closes);
  }

  /** What proves the partition of a sector in its open window. */
  windowProof(name: string, number: bigint, skipped: readonly bigint[] = []) {
    const { deadline, partition } = this.record(name, number)!;
    const proof = blake3(Buffer.from(`window ${this.chain.height}`));
    return { deadline, partition, skipped: [...skipped], proof };
  }

  /** Proves the partition of a sector in its next window. */
  async window(name: string, number: bigint, skipped: readonly bigint[] = []): Promise<void> {
    await this.open(name, number);
    const value = this.windowProof(name, number, skipped);
    await this.chain.run(this.machine(name), proveWindow, value);
  }

  /** Lets others take pledge of a miner, as for a collator that it backs. */
  async slash(name: string, amount: bigint): Promise<void> {
    this.slashes.push({ miner: this.id(name), amount });
    await this.chain.block();
  }

  /** Names of miners in the order of their ids. */
  inOrder(): string[] {
    return [...MINERS].sort((a, b) => (toHex(this.id(a)) < toHex(this.id(b)) ? -1 : 1));
  }
}
