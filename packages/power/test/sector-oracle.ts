/**
 * Another reading of spec/sectors.md, as plain as it can be: every block looks at every sector, and
 * all money is added up anew. It shares no code with what it judges. Whether a command is accepted it
 * takes from the chain; what an accepted command and the passing of blocks do, it works out itself.
 */
import { toHex } from '@palisade/core';
import type { SectorsParams } from '@palisade/power';

type OracleSector = {
  readonly miner: string;
  readonly number: bigint;
  readonly deadline: number;
  readonly partition: number;
  readonly since: bigint;
  readonly expires: bigint;
  readonly pledged: bigint;
  pledge: bigint;
  state: 'unproven' | 'active' | 'faulty' | 'recovering';
  faults: number;
  endedAt: bigint | undefined;
};
type Announced = {
  readonly miner: string;
  readonly number: bigint;
  readonly height: bigint;
  readonly expires: bigint;
};
type Purse = { deposit: bigint; pledge: bigint; slashed: bigint; burned: bigint; gained: bigint };

const MILLION = 1_000_000n;

export class SectorOracle {
  private readonly params: SectorsParams;
  announced: Announced[] = [];
  sectors: OracleSector[] = [];
  private readonly purses = new Map<string, Purse>();
  /** Last window proven, and what it was proven for, by place. */
  private readonly proofs = new Map<string, { opens: bigint; sectors: bigint[] }>();
  readonly seen = new Map<string, number>();

  constructor(params: SectorsParams, miners: readonly Uint8Array[]) {
    this.params = params;
    for (const miner of miners)
      this.purses.set(toHex(miner), {
        deposit: 0n,
        pledge: 0n,
        slashed: 0n,
        burned: 0n,
        gained: 0n,
      });
  }

  purse(miner: string): Purse {
    return this.purses.get(miner)!;
  }
  power(miner: string): bigint {
    const active = this.sectors.filter((one) => one.miner === miner && one.state === 'active');
    return BigInt(active.length * this.params.sectorBytes);
  }
  get deposit(): bigint {
    return (this.params.yearlyFee * BigInt(this.params.depositPpm)) / MILLION;
  }
  get pledge(): bigint {
    return (this.params.yearlyFee * BigInt(this.params.pledgePpm)) / MILLION;
  }
  note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  /** What the beginning of a block does. */
  begin(height: bigint): void {
    const window = BigInt(this.params.windowBlocks);
    if (height % window === 0n && height > 0n) this.close(height, height / window - 1n);
    const late = this.announced.filter(
      (one) => one.height + BigInt(this.params.maxProveBlocks) === height,
    );
    const expired = this.living().filter((one) => one.expires === height);
    const span = window + BigInt(this.params.disputeBlocks);
    const settled = this.sectors.filter(
      (one) => one.endedAt !== undefined && one.endedAt + span === height,
    );
    for (const miner of [...this.purses.keys()].sort()) {
      for (const one of late.filter((each) => each.miner === miner)) {
        this.announced = this.announced.filter((other) => other !== one);
        this.purse(miner).deposit -= this.deposit;
        this.purse(miner).burned += this.deposit;
        this.note('late');
      }
      for (const one of expired.filter((each) => each.miner === miner)) {
        this.end(one, height, false);
        this.note('expired');
      }
      for (const one of settled.filter((each) => each.miner === miner)) {
        this.sectors = this.sectors.filter((other) => other !== one);
        this.leave(miner, one.pledge);
        this.note('settled');
      }
    }
  }

  private living(): OracleSector[] {
    return this.sectors
      .filter(({ endedAt }) => endedAt === undefined)
      .sort((a, b) => (a.number < b.number ? -1 : 1));
  }

  private close(height: bigint, index: bigint): void {
    const deadline = Number(index % BigInt(this.params.deadlines));
    const opens = index * BigInt(this.params.windowBlocks);
    for (const miner of [...this.purses.keys()].sort()) {
      const here = this.living().filter((one) => one.miner === miner && one.deadline === deadline);
      const partitions = [...new Set(here.map(({ partition }) => partition))].sort((a, b) => a - b);
      for (const partition of partitions) {
        const proven = this.proofs.get(`${miner}/${deadline}/${partition}`)?.opens === opens;
        for (const one of here.filter((each) => each.partition === partition)) {
          if (proven && one.state !== 'faulty') continue;
          if (one.state !== 'faulty') this.note('missed');
          one.state = 'faulty';
          one.faults++;
          if (one.faults >= 2) this.burn(one, this.faultFee(one));
          if (one.faults > this.params.maxFaultPeriods) {
            this.end(one, height, true);
            this.note('ended for faults');
          }
        }
      }
    }
  }

  private faultFee({ pledged }: OracleSector): bigint {
    return (pledged * BigInt(this.params.faultFeePpm)) / MILLION;
  }

  /** Takes what is there of a fee; returns what really left the account's holds. */
  private take(one: OracleSector, fee: bigint): bigint {
    const taken = fee > one.pledge ? one.pledge : fee;
    one.pledge -= taken;
    return this.leave(one.miner, taken);
  }
  private burn(one: OracleSector, fee: bigint): void {
    this.purse(one.miner).burned += this.take(one, fee);
  }
  /** Pledge leaves the holds of a miner, unless it was slashed before. */
  private leave(miner: string, amount: bigint): bigint {
    const purse = this.purse(miner);
    const gone = purse.slashed > amount ? amount : purse.slashed;
    purse.slashed -= gone;
    purse.pledge -= amount - gone;
    return amount - gone;
  }

  private end(one: OracleSector, height: bigint, early: boolean): void {
    one.endedAt = height;
    one.state = 'faulty';
    if (!early) return;
    const full = BigInt(this.params.terminationAgeBlocks);
    const age = height - one.since > full ? full : height - one.since;
    const byAge = (one.pledged * BigInt(this.params.terminationPpm) * age) / (MILLION * full);
    const least = (one.pledged * BigInt(this.params.leastTerminationPpm)) / MILLION;
    const fault = (this.faultFee(one) * BigInt(this.params.terminationFaultPpm)) / MILLION;
    let fee = byAge;
    if (least > fee) fee = least;
    if (fault > fee) fee = fault;
    this.burn(one, fee);
  }

  slash(miner: string, amount: bigint): void {
    const purse = this.purse(miner);
    const taken = amount > purse.pledge ? purse.pledge : amount;
    purse.pledge -= taken;
    purse.slashed += taken;
    purse.burned += taken;
    if (taken > 0n) this.note('slashed');
  }

  announce(miner: string, number: bigint, height: bigint, expires: bigint): void {
    this.announced.push({ miner, number, height, expires });
    this.purse(miner).deposit += this.deposit;
    this.note('announced');
  }

  prove(miner: string, number: bigint, height: bigint, deadline: number, partition: number): void {
    const one = this.announced.find((each) => each.miner === miner && each.number === number)!;
    this.announced = this.announced.filter((other) => other !== one);
    const purse = this.purse(miner);
    purse.deposit -= this.deposit;
    purse.pledge += this.pledge;
    this.sectors.push({
      ...{ miner, number, deadline, partition, expires: one.expires },
      since: height,
      pledged: this.pledge,
      pledge: this.pledge,
      state: 'unproven',
      faults: 0,
      endedAt: undefined,
    });
    this.note('proven');
  }

  private at(miner: string, deadline: number, partition: number): OracleSector[] {
    return this.living().filter(
      (one) => one.miner === miner && one.deadline === deadline && one.partition === partition,
    );
  }

  window(
    miner: string,
    deadline: number,
    partition: number,
    skipped: readonly bigint[],
    opens: bigint,
  ): void {
    const proven: bigint[] = [];
    for (const one of this.at(miner, deadline, partition)) {
      if (one.state === 'faulty') continue;
      if (skipped.includes(one.number)) {
        one.state = 'faulty';
        this.note('skipped');
        continue;
      }
      if (one.state === 'recovering') this.note('recovered');
      one.state = 'active';
      one.faults = 0;
      proven.push(one.number);
    }
    this.proofs.set(`${miner}/${deadline}/${partition}`, { opens, sectors: proven });
    this.note('window');
  }

  declare(miner: string, numbers: readonly bigint[], state: 'faulty' | 'recovering'): void {
    for (const one of this.living())
      if (one.miner === miner && numbers.includes(one.number)) one.state = state;
    this.note(`declared ${state}`);
  }

  terminate(miner: string, numbers: readonly bigint[], height: bigint): void {
    for (const one of this.living())
      if (one.miner === miner && numbers.includes(one.number)) this.end(one, height, true);
    this.note('terminated');
  }

  /** A seal proof failed: the sector ends, and all of its pledge is taken. */
  failSeal(miner: string, number: bigint, height: bigint, discoverer: string): void {
    const one = this.living().find((each) => each.miner === miner && each.number === number)!;
    const taken = one.pledge;
    one.pledge = 0n;
    this.reward(miner, taken, discoverer);
    this.end(one, height, false);
    this.note('seal failed');
  }

  /** A part of what is taken of a miner goes to whoever showed why. */
  private reward(miner: string, taken: bigint, discoverer: string): void {
    const left = this.leave(miner, taken);
    this.purse(discoverer).gained += (left * BigInt(this.params.disputeRewardPpm)) / MILLION;
    // What goes to another account is no longer this miner's, as if it were burned.
    this.purse(miner).burned += left;
  }

  /** A window proof was withheld: all that it was for pays, whoever reports is rewarded. */
  dispute(
    miner: string,
    deadline: number,
    partition: number,
    height: bigint,
    discoverer: string,
  ): void {
    const { opens, sectors } = this.proofs.get(`${miner}/${deadline}/${partition}`)!;
    const closed = height >= opens + BigInt(this.params.windowBlocks);
    let taken = 0n;
    for (const one of this.sectors) {
      if (one.miner !== miner || !sectors.includes(one.number)) continue;
      if (one.endedAt === undefined && one.state !== 'faulty') {
        one.state = 'faulty';
        one.faults = closed ? 1 : 0;
      }
      const fine = this.faultFee(one) + (one.pledged * BigInt(this.params.disputeFeePpm)) / MILLION;
      const part = fine > one.pledge ? one.pledge : fine;
      one.pledge -= part;
      taken += part;
    }
    this.reward(miner, taken, discoverer);
    this.note('disputed');
  }
}
