/**
 * Payments once more, naively, for tests: a list of coins that is searched from end to end, with the
 * rules written down as one reads them. It shares no code with the module.
 */

export type Coin = {
  readonly position: bigint;
  readonly owner: string;
  readonly token: string;
  readonly amount: bigint;
  locks: number;
};

export type Try = {
  readonly inputs: readonly bigint[];
  readonly signers: readonly string[];
  readonly outputs: readonly {
    readonly owner: string;
    readonly token: string;
    readonly amount: bigint;
  }[];
};

export type OraclePrices = readonly { readonly token: string; readonly amount: bigint }[];

export class PaymentsOracle {
  coins: Coin[] = [];
  readonly deposited = new Map<string, bigint>();
  readonly exited = new Map<string, bigint>();
  private fees = new Map<string, bigint>();
  /** Gas of those who submitted blocks that they did not get back yet, and all that came back. */
  readonly owed = new Map<string, bigint>();
  refunded = 0n;
  private blknum = 1000n;
  private count = 0n;
  private since: bigint;
  private readonly prices: OraclePrices;
  private readonly claimer: string;
  private readonly blockEvery: bigint;

  constructor(prices: OraclePrices, claimer: string, blockEvery: bigint, height: bigint) {
    this.prices = prices;
    this.claimer = claimer;
    this.blockEvery = blockEvery;
    this.since = height;
  }

  private put(coin: Omit<Coin, 'locks'>): void {
    this.coins.push({ ...coin, locks: 0 });
  }

  deposit(position: bigint, owner: string, token: string, amount: bigint): void {
    if (this.coins.some((coin) => coin.position === position)) return;
    this.put({ position, owner, token, amount });
    this.deposited.set(token, (this.deposited.get(token) ?? 0n) + amount);
  }

  /** Whether the payment is executed, and where. */
  pay({ inputs, signers, outputs }: Try): string | undefined {
    const spent = inputs.map((position) => this.coins.find((coin) => coin.position === position));
    if (inputs.length === 0 || new Set(inputs).size < inputs.length) return undefined;
    for (const [i, coin] of spent.entries())
      if (!coin || coin.locks > 0 || coin.owner !== signers[i]) return undefined;
    const coins = spent as Coin[];
    const tokens = new Set([...coins, ...outputs].map(({ token }) => token));
    const sum = (of: readonly { token: string; amount: bigint }[], token: string) =>
      of.filter((one) => one.token === token).reduce((all, { amount }) => all + amount, 0n);
    const left = [...tokens].map((token) => ({
      token,
      amount: sum(coins, token) - sum(outputs, token),
    }));
    if (left.some(({ amount }) => amount < 0n) || outputs.some(({ amount }) => amount === 0n))
      return undefined;
    const paid = left.filter(({ amount }) => amount > 0n);
    const owners = new Set([...coins, ...outputs].map(({ owner }) => owner));
    const merges = owners.size === 1 && tokens.size === 1 && outputs.length < inputs.length;
    const fine = merges
      ? paid.length === 0
      : paid.length === 1 &&
        this.prices.some(
          ({ token, amount }) => token === paid[0]!.token && amount === paid[0]!.amount,
        );
    if (!fine) return undefined;
    this.coins = this.coins.filter((coin) => !coins.includes(coin));
    const place = `${this.blknum}:${this.count}`;
    for (const [i, output] of outputs.entries())
      this.put({ ...output, position: this.blknum * 10n ** 9n + this.count * 10_000n + BigInt(i) });
    for (const { token, amount } of paid)
      this.fees.set(token, (this.fees.get(token) ?? 0n) + amount);
    this.count++;
    return place;
  }

  /** A block of the chain is over, before what was agreed takes effect. */
  endBlock(height: bigint): void {
    if (this.count === 0n || height - this.since + 1n < this.blockEvery) return;
    for (const token of [...this.fees.keys()].sort()) {
      const position = this.blknum * 10n ** 9n + this.count++ * 10_000n;
      const amount = this.fees.get(token)!;
      this.put({ position, owner: this.claimerOf(token, amount), token, amount });
    }
    this.fees = new Map();
    this.blknum += 1000n;
    this.count = 0n;
    this.since = height + 1n;
  }

  submitted(address: string, gas: bigint): void {
    this.owed.set(address, (this.owed.get(address) ?? 0n) + gas);
  }

  private claimerOf(token: string, amount: bigint): string {
    if (!/^0x0+$/.test(token)) return this.claimer;
    const [first] = [...this.owed]
      .filter(([, owed]) => owed >= amount)
      .sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x > y ? -1 : 1));
    if (!first) return this.claimer;
    this.owed.set(first[0], first[1] - amount);
    this.refunded += amount;
    return first[0];
  }

  lock(positions: readonly bigint[], by: 1 | -1): void {
    for (const coin of this.coins)
      if (positions.includes(coin.position)) coin.locks = Math.max(0, coin.locks + by);
  }

  payExit(position: bigint): void {
    const coin = this.coins.find((one) => one.position === position);
    if (!coin) return;
    this.coins = this.coins.filter((one) => one !== coin);
    this.exited.set(coin.token, (this.exited.get(coin.token) ?? 0n) + coin.amount);
  }

  /** What came in and has not left, by token; to be what coins and fees add up to. */
  balance(): { readonly token: string; readonly inside: bigint; readonly held: bigint }[] {
    return [...this.deposited].map(([token, amount]) => ({
      token,
      inside: amount - (this.exited.get(token) ?? 0n),
      held: this.coins
        .filter((coin) => coin.token === token)
        .reduce((sum, coin) => sum + coin.amount, this.fees.get(token) ?? 0n),
    }));
  }

  /** Everything, as text. */
  show(): string[] {
    return this.coins
      .map(({ position, owner, token, amount, locks }) =>
        [position, owner, token, amount, locks > 0 ? 'exiting' : ''].join(' '),
      )
      .sort();
  }
}
