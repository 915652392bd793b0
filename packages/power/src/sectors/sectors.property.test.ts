import { heldFor } from '@palisade/chain';
import { type Declaration, toHex } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { supplies } from '../../../chain/src/accounts/state.ts';
import { PAL } from '../../../chain/test/chain-kit.ts';
import { SectorOracle } from '../../test/sector-oracle.ts';
import { FUNDS, MINERS, type SectorKit, startSectors } from '../../test/sectors-kit.ts';
import {
  DEVELOPMENT_POWER_PARAMS,
  declareFaults,
  declareRecoveries,
  disputeSeal,
  disputeWindow,
  entryPath,
  preCommit,
  preCommits,
  proofId,
  proveCommit,
  proveWindow,
  reportWithheld,
  reportWithheldSeal,
  type SectorsOptions,
  sealEntryBytes,
  sealEntryCount,
  sealSubject,
  sectorsModule,
  shapeOf,
  terminate,
  VERDICT,
  windowAt,
  windowEntryBytes,
  windowEntryCount,
  windowSubject,
} from '../index.ts';
import { due, miners, partitions, sectors } from './state.ts';

type Dice = readonly [number, number, number, number];
const DEEDS = [
  'announce',
  'announce',
  'announce',
  'announce',
  'commit',
  'commit',
  'commit',
  'commit',
  'windows',
  'windows',
  'windows',
  'fault',
  'recover',
  'recover',
  'terminate',
  'dispute',
  'dispute',
  'dispute seal',
  'slash',
  'wait',
  'wait',
  'wait',
] as const;
type Deed = (typeof DEEDS)[number];

/** A file that proves nothing: every entry of it is false. */
function falseFile(mark: number, count: number, length: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => new Uint8Array(length).fill(mark + i));
}
const shown = (entries: readonly Uint8Array[], entry: number) => ({
  entry,
  bytes: entries[entry]!,
  path: entryPath(entries, entry),
});

/** A chain and its oracle, side by side. */
class Walk {
  readonly kit: SectorKit;
  readonly oracle: SectorOracle;
  /** Fees of each miner's account so far, and what registering held. */
  private readonly fees = new Map<string, bigint>();
  /** Files of proofs, by their ids. */
  private readonly files = new Map<string, readonly Uint8Array[]>();

  constructor(kit: SectorKit) {
    this.kit = kit;
    this.oracle = new SectorOracle(
      kit.params,
      MINERS.map((name) => kit.id(name)),
    );
    for (const name of MINERS)
      this.fees.set(name, FUNDS - DEVELOPMENT_POWER_PARAMS.minerDeposit - kit.balance(name).free);
  }

  hex(name: string): string {
    return toHex(this.kit.id(name));
  }

  /** One block with at most one command; the oracle hears of it when it was accepted. */
  async block<T>(
    name?: string,
    declaration?: Declaration<T>,
    value?: Omit<T, 'nonce' | 'maxFee'>,
    accepted?: (height: bigint) => void,
    between?: () => void,
  ): Promise<void> {
    const { chain } = this.kit;
    const height = chain.height + 1n;
    this.oracle.begin(height);
    between?.();
    const txs = [];
    if (name && declaration) {
      const tx = await chain.sign(this.kit.machine(name), declaration, value as never);
      this.fees.set(name, this.fees.get(name)! + chain.feeOf(tx));
      txs.push(tx);
    }
    const { results } = await chain.block(txs);
    if (results[0]?.code === 0) {
      this.oracle.note(declaration!.name);
      accepted?.(height);
    } else if (results[0]) this.oracle.note(`refused ${results[0].codespace}`);
    this.compare();
  }

  compare(): void {
    const { state } = this.kit.chain;
    for (const name of MINERS) {
      const purse = this.oracle.purse(this.hex(name));
      expect(heldFor(state, this.kit.id(name), 'sectors.deposit'), name).toBe(purse.deposit);
      expect(heldFor(state, this.kit.id(name), 'sectors.pledge'), name).toBe(purse.pledge);
      expect(this.kit.power(name), `power of ${name}`).toBe(this.oracle.power(this.hex(name)));
      const own = FUNDS - this.fees.get(name)! - purse.burned + purse.gained;
      const held = DEVELOPMENT_POWER_PARAMS.minerDeposit + purse.deposit + purse.pledge;
      expect(this.kit.balance(name), name).toEqual({ free: own - held, held });
    }
  }

  private own(name: string) {
    return [...sectors.list(this.kit.chain.state, this.kit.id(name))].filter(
      ([, { ended }]) => ended === 0n,
    );
  }

  async run(deed: Deed, [a, b, c, d]: Dice): Promise<void> {
    // The third one only reports others.
    const name = MINERS[a % 2]!;
    const hex = this.hex(name);
    const { kit, oracle } = this;
    const { state } = kit.chain;
    const mine = this.own(name).map(([[, number]]) => number);
    const some = mine.filter((_, i) => ((b >> i) & 1) === 1);
    switch (deed) {
      case 'announce': {
        const number = (miners.get(state, kit.id(name))?.next ?? 0n) + BigInt(b % 3);
        const expires = kit.chain.height + 92n + BigInt(c % 80);
        const value = kit.announcement(number, { expires });
        return this.block(name, preCommit, value, (height) =>
          oracle.announce(hex, number, height, expires),
        );
      }
      case 'commit': {
        const ready = [...preCommits.list(state)].filter(([, { challenge }]) =>
          challenge.some((byte) => byte),
        );
        const [key] = ready[b % Math.max(1, ready.length)] ?? [];
        if (!key) return this.block();
        const who = MINERS.find((each) => this.hex(each) === toHex(key[0]))!;
        const number = key[1];
        const shape = shapeOf(kit.params);
        const id = this.file(b, sealEntryCount(shape), sealEntryBytes(shape));
        return this.block(who, proveCommit, await kit.proof(who, number, id), (height) => {
          const { deadline, partition } = kit.record(who, number)!;
          oracle.prove(this.hex(who), number, height, deadline, partition);
        });
      }
      case 'windows':
        return this.windows(b, c);
      case 'fault':
        return this.block(name, declareFaults, { sectors: some }, () =>
          oracle.declare(hex, some, 'faulty'),
        );
      case 'recover': {
        const faulty = mine.filter((number) => kit.member(name, number)!.state === 2);
        const one = faulty.slice(b % Math.max(1, faulty.length)).slice(0, 1 + (c % 3));
        return this.block(name, declareRecoveries, { sectors: one }, () =>
          oracle.declare(hex, one, 'recovering'),
        );
      }
      case 'terminate': {
        const one = mine.slice(b % Math.max(1, mine.length)).slice(0, 1);
        if (d % 3 > 0) return this.block();
        return this.block(name, terminate, { sectors: one }, (height) =>
          oracle.terminate(hex, one, height),
        );
      }
      case 'dispute':
        return this.dispute(b, c, d);
      case 'dispute seal':
        return this.disputeSeal(a, c, d);
      case 'slash': {
        if (d % 3 > 0) return this.block();
        const amount = (BigInt(b % 100) * PAL) / 3n;
        oracle.begin(kit.chain.height + 1n);
        oracle.slash(hex, amount);
        await kit.slash(name, amount);
        return this.compare();
      }
      case 'wait':
        for (let i = 0; i <= b % 8; i++) await this.block();
    }
  }

  /** Proves what the open window asks for, most of the time whole. */
  private async windows(b: number, c: number): Promise<void> {
    const { chain } = this.kit;
    const { deadline, opens } = windowAt(this.kit.params, chain.height + 1n);
    for (const [[, miner, index], { members, opens: last }] of [
      ...partitions.list(chain.state, BigInt(deadline)),
    ]) {
      if (last === opens || windowAt(this.kit.params, chain.height + 1n).opens !== opens) continue;
      const name = MINERS.find((each) => this.hex(each) === toHex(miner))!;
      const asked = members.filter(({ state }) => state !== 2).map(({ number }) => number);
      const skipped = asked.length > 1 && c % 2 === 0 ? [asked[b % asked.length]!] : [];
      const place = { deadline, partition: Number(index) };
      const count = asked.length - skipped.length;
      const { sectorBytes, windowLeaves } = this.kit.params;
      const entries = windowEntryCount(sectorBytes, count, windowLeaves);
      const proof = this.file(b, entries, windowEntryBytes(sectorBytes));
      await this.block(name, proveWindow, { ...place, skipped, proof }, () =>
        this.oracle.window(toHex(miner), deadline, Number(index), skipped, opens),
      );
    }
    await this.block();
  }

  /** Makes a false file, and remembers it by its id. */
  private file(mark: number, count: number, length: number): Uint8Array {
    const entries = falseFile(mark, count, length);
    const id = proofId(entries);
    this.files.set(toHex(id), entries);
    return id;
  }

  private async disputeSeal(a: number, c: number, d: number): Promise<void> {
    const { chain } = this.kit;
    const all = [...sectors.list(chain.state)].filter(([, { ended }]) => ended === 0n);
    const [key, record] = all[a % Math.max(1, all.length)] ?? [];
    if (!key || !record) return this.block();
    const [miner, number] = key;
    const name = MINERS[c % MINERS.length]!;
    const accepted = (height: bigint) =>
      this.oracle.failSeal(toHex(miner), number, height, this.hex(name));
    if (d % 2 === 0) {
      const entries = this.files.get(toHex(record.proof))!;
      const claim = { miner, number, ...shown(entries, d % entries.length) };
      return this.block(name, disputeSeal, claim, accepted);
    }
    const subject = sealSubject(miner, number, record.proof);
    const verdicts = [await this.kit.verdict(subject, VERDICT.fails)];
    return this.block(name, reportWithheldSeal, { miner, number, verdicts }, accepted);
  }

  private async dispute(b: number, c: number, d: number): Promise<void> {
    const { chain } = this.kit;
    const all = [...partitions.list(chain.state)].filter(([, { proven }]) => proven.length > 0);
    const [key, record] = all[b % Math.max(1, all.length)] ?? [];
    if (!key || !record) return this.block();
    const place = { miner: key[1], deadline: Number(key[0]), partition: Number(key[2]) };
    const name = MINERS[c % MINERS.length]!;
    const { miner, deadline, partition } = place;
    const accepted = (height: bigint) =>
      this.oracle.dispute(toHex(miner), deadline, partition, height, this.hex(name));
    const entries = this.files.get(toHex(record.proof));
    if (d % 2 === 0 && entries)
      return this.block(name, disputeWindow, { ...place, ...shown(entries, 0) }, accepted);
    const subject = windowSubject(miner, { ...place, opens: record.opens }, record.proof);
    const verdicts = [await this.kit.verdict(subject, VERDICT.withheld)];
    return this.block(name, reportWithheld, { ...place, verdicts }, accepted);
  }
}

const die = fc.nat(999);
const step = fc.tuple(fc.constantFrom(...DEEDS), fc.tuple(die, die, die, die));

describe('sectors in any order of deeds', () => {
  it('[P12] collateral and power are to the unit what a naive reading says, in every block', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 90, maxLength: 120 }), async (steps) => {
        const kit = await startSectors({ params: { partitionSectors: 3, maxFaultPeriods: 2 } });
        while (kit.chain.session.randomnessHeight === 0n) await kit.chain.block();
        const walk = new Walk(kit);
        for (const [deed, dice] of steps) await walk.run(deed, dice);
        for (const [what, times] of walk.oracle.seen) seen.set(what, (seen.get(what) ?? 0) + times);
        const { genesis, minted, burned } = supplies.need(kit.chain.state, 'pal');
        expect(minted).toBe(0n);
        expect(burned).toBeLessThan(genesis);
        // Nothing that is over stays in a queue.
        for (const [[height]] of due.list(kit.chain.state))
          expect(height).toBeGreaterThan(kit.chain.height);
      }),
      { numRuns: Number(process.env.PALISADE_SECTOR_RUNS ?? 5), seed: 20260102 },
    );
    if (process.env.PALISADE_SECTOR_RUNS) console.log(Object.fromEntries(seen));
    // The test reaches what it is about, and every command.
    const { commands = [] } = sectorsModule({} as SectorsOptions);
    for (const { declaration } of commands)
      expect(seen.get(declaration.name) ?? 0, declaration.name).toBeGreaterThan(0);
    for (const what of ['announced', 'late', 'proven', 'window', 'missed', 'recovered'])
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(1);
    for (const what of [
      'expired',
      'settled',
      'slashed',
      'disputed',
      'skipped',
      'terminated',
      'ended for faults',
    ])
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
  }, 3_600_000);
});
