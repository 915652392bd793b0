/**
 * A second, naive ledger of power: plain objects, everything copied at every session, nothing lazy.
 * It shares no code with the module, and says for each deed whether it may be done and what is left.
 */
export type Part = {
  readonly collator: number;
  readonly generation: number;
  readonly kind: 'lent' | 'unbonding' | 'quarantined';
  readonly until: number;
  readonly amount: bigint;
};
type Miner = { raw: bigint; parts: Part[] };
type Candidate = { registered: boolean; generation: number };

export type Rules = {
  readonly minDelegation: bigint;
  readonly maxCollators: number;
  readonly unbonding: number;
  readonly quarantine: number;
  /** Sessions for which who backed a seat answers for it. */
  readonly memory: number;
};

const ORDER = ['lent', 'unbonding', 'quarantined'];

export class Oracle {
  session = 0;
  readonly miners = new Map<string, Miner>();
  readonly candidates = new Map<number, Candidate>();
  /** What everybody had when a session ended: index n is what session n reads. */
  readonly snapshots: Map<string, Miner>[] = [new Map()];
  private readonly rules: Rules;
  /** How to sort collators: by their keys. */
  private readonly keyOf: (collator: number) => string;

  constructor(rules: Rules, keyOf: (collator: number) => string) {
    this.rules = rules;
    this.keyOf = keyOf;
  }

  mayDelegate(name: string, collator: number, amount: bigint): boolean {
    const miner = this.miners.get(name);
    if (!miner || !this.candidates.get(collator)?.registered) return false;
    if (amount < this.rules.minDelegation || amount > this.free(miner)) return false;
    const lent = miner.parts.filter(({ kind }) => kind === 'lent');
    return lent.some((part) => part.collator === collator) || lent.length < this.rules.maxCollators;
  }

  delegate(name: string, collator: number, amount: bigint): void {
    const { generation } = this.candidates.get(collator)!;
    this.put(name, { collator, generation, kind: 'lent', until: 0, amount });
  }

  /** Whoever has nothing, and backed nobody in a snapshot that can still be asked about, may leave. */
  mayDeregister(name: string): boolean {
    const miner = this.miners.get(name);
    if (!miner || miner.raw > 0n || miner.parts.length > 0) return false;
    const last = this.snapshots.findLastIndex((then) =>
      then.get(name)?.parts.some(({ kind }) => kind === 'lent'),
    );
    return last < 0 || this.session >= last + this.rules.memory;
  }

  mayTakeBack(name: string, collator: number, amount: bigint): boolean {
    const lent = this.lent(name, collator);
    const left = lent - amount;
    return amount > 0n && left >= 0n && (left === 0n || left >= this.rules.minDelegation);
  }

  takeBack(name: string, collator: number, amount: bigint): void {
    const { generation } = this.candidates.get(collator)!;
    const until = this.session + this.rules.unbonding;
    this.put(name, { collator, generation, kind: 'lent', until: 0, amount: -amount });
    this.put(name, { collator, generation, kind: 'unbonding', until, amount });
  }

  /** Each part becomes its share of the whole, by the rounded-down running sums on both sides of it. */
  change(name: string, delta: bigint): void {
    const miner = this.miners.get(name)!;
    const before = miner.raw;
    miner.raw += delta;
    if (delta >= 0n) return;
    const parts = this.sorted(miner.parts);
    const upTo = (count: number) =>
      (parts.slice(0, count).reduce((sum, { amount }) => sum + amount, 0n) * miner.raw) / before;
    miner.parts = parts
      .map((part, i) => ({ ...part, amount: upTo(i + 1) - upTo(i) }))
      .filter(({ amount }) => amount > 0n);
  }

  /** A collator goes: at once free, or bound for a time when it went for an offence. */
  remove(collator: number, offence: boolean): void {
    const candidate = this.candidates.get(collator)!;
    for (const miner of this.miners.values())
      miner.parts = this.merged(
        miner.parts.flatMap((part): Part[] => {
          if (part.collator !== collator || part.kind !== 'lent') return [part];
          const until = this.session + this.rules.unbonding;
          return offence ? [{ ...part, kind: 'unbonding', until }] : [];
        }),
      );
    candidate.registered = false;
  }

  /** The next session begins: what has become free is gone, and everything is copied. */
  nextSession(): void {
    const copy = new Map<string, Miner>();
    for (const [name, { raw, parts }] of this.miners) copy.set(name, { raw, parts: [...parts] });
    this.session++;
    this.snapshots[this.session] = copy;
    for (const miner of this.miners.values())
      miner.parts = miner.parts.filter(
        ({ kind, until }) => kind === 'lent' || until > this.session,
      );
  }

  /** Binds what everybody had lent to a registration in a snapshot. */
  quarantine(
    collator: number,
    generation: number,
    snapshot: number,
    backed: (name: string, lent: bigint, raw: bigint) => void,
  ): void {
    for (const [name, { raw, parts }] of this.snapshots[snapshot]!) {
      const then = parts.find(
        (part) =>
          part.kind === 'lent' && part.collator === collator && part.generation === generation,
      );
      if (!then) continue;
      backed(name, then.amount, raw);
      if (this.miners.has(name)) this.bind(name, then);
    }
  }

  private bind(name: string, { collator, generation, amount }: Part): void {
    const miner = this.miners.get(name)!;
    let free = this.free(miner);
    let missing = amount;
    const parts: Part[] = [];
    for (const part of this.sorted(miner.parts)) {
      const same = part.collator === collator && part.generation === generation;
      if (!same || part.kind === 'quarantined') {
        parts.push(part);
        continue;
      }
      const left = part.amount > missing ? part.amount - missing : 0n;
      missing -= part.amount - left;
      parts.push({ ...part, amount: left });
    }
    if (free > missing) free = missing;
    const bound = amount - missing + free;
    const until = this.session + this.rules.quarantine;
    miner.parts = this.merged([
      ...parts,
      { collator, generation, kind: 'quarantined', until, amount: bound },
    ]);
  }

  private put(name: string, part: Part): void {
    const miner = this.miners.get(name)!;
    miner.parts = this.merged([...miner.parts, part]);
  }

  private merged(parts: readonly Part[]): Part[] {
    const sums = new Map<string, Part>();
    for (const part of parts) {
      const key = `${part.kind} ${part.collator} ${part.generation} ${part.until}`;
      const amount = (sums.get(key)?.amount ?? 0n) + part.amount;
      sums.set(key, { ...part, amount });
    }
    return this.sorted([...sums.values()].filter(({ amount }) => amount !== 0n));
  }

  private sorted(parts: readonly Part[]): Part[] {
    const rank = (part: Part) =>
      `${ORDER.indexOf(part.kind)}${this.keyOf(part.collator)}${String(part.generation).padStart(6, '0')}${String(part.until).padStart(9, '0')}`;
    return [...parts].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  }

  free({ raw, parts }: Miner): bigint {
    return parts.reduce((left, { amount }) => left - amount, raw);
  }

  lent(name: string, collator: number): bigint {
    const parts = this.miners.get(name)?.parts ?? [];
    return parts
      .filter((part) => part.kind === 'lent' && part.collator === collator)
      .reduce((sum, { amount }) => sum + amount, 0n);
  }

  /** What is lent to a collator by all. */
  power(collator: number): bigint {
    let sum = 0n;
    for (const name of this.miners.keys()) sum += this.lent(name, collator);
    return sum;
  }
}
