/**
 * A second, naive ledger of what answers for collators: bonds, and the collateral of who backed them.
 * It shares no code with the module; how great a slash is, it is told.
 */
type Ended = {
  readonly collator: number;
  readonly generation: number;
  due: number;
  amount: bigint;
};
type Slash = { readonly collator: number; readonly due: number };

const MILLION = 1_000_000n;

export class BondOracle {
  /** Taken of bonds so far, and so burned. */
  burned = 0n;
  readonly collateral = new Map<string, bigint>();
  private readonly bonds = new Map<number, { generation: number; amount: bigint }>();
  private ended: Ended[] = [];
  /** Slashes that wait, by the session of the offence and the collator. */
  private readonly pending = new Map<string, Slash>();
  private readonly rules: { readonly unbonding: number; readonly deferral: number };

  constructor(rules: { readonly unbonding: number; readonly deferral: number }) {
    this.rules = rules;
  }

  begin(collator: number, generation: number, amount: bigint): void {
    this.bonds.set(collator, { generation, amount });
  }

  add(collator: number, amount: bigint): void {
    this.bonds.get(collator)!.amount += amount;
  }

  end(collator: number, session: number): void {
    const { generation, amount } = this.bonds.get(collator)!;
    this.bonds.delete(collator);
    this.ended.push({ collator, generation, amount, due: session + this.rules.unbonding });
  }

  offence(collator: number, session: number): void {
    const key = `${session}/${collator}`;
    if (!this.pending.has(key))
      this.pending.set(key, { collator, due: session + this.rules.deferral });
  }

  /** An offence whose slash waits still. */
  waiting(): { readonly session: number; readonly collator: number }[] {
    return [...this.pending.keys()].map((key) => {
      const [session, collator] = key.split('/').map(Number) as [number, number];
      return { session, collator };
    });
  }

  cancel(session: number, collator: number): void {
    this.pending.delete(`${session}/${collator}`);
  }

  /** Whether a slash is carried out as a session ends; then it waits no longer. */
  isDue(offence: number, collator: number, session: number): boolean {
    const slash = this.pending.get(`${offence}/${collator}`);
    if (slash?.due !== session) return false;
    this.pending.delete(`${offence}/${collator}`);
    return true;
  }

  slashBond(collator: number, generation: number, ppm: number): void {
    for (const one of this.ended) {
      if (one.collator !== collator || one.generation !== generation) continue;
      const taken = (one.amount * BigInt(ppm)) / MILLION;
      one.amount -= taken;
      this.burned += taken;
    }
  }

  slashBacker(name: string, lent: bigint, raw: bigint, ppm: number): void {
    const has = this.collateral.get(name) ?? 0n;
    this.collateral.set(name, has - (has * lent * BigInt(ppm)) / (raw * MILLION));
  }

  /** What has unbonded as a session ends is free. */
  endSession(session: number): void {
    this.ended = this.ended.filter(({ due }) => due > session);
  }

  /** What is held of a collator's owner. */
  held(collator: number): bigint {
    return this.ended
      .filter((one) => one.collator === collator)
      .reduce((sum, { amount }) => sum + amount, this.bonds.get(collator)?.amount ?? 0n);
  }
}
