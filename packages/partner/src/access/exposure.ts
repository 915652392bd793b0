/** What a job's client owes: bytes that were counted and no voucher covers yet, and since when. */
export type Interval = { readonly bytes: bigint; readonly ms: number };

export class Exposure {
  readonly #interval: Interval;
  /** Most units that the job can pay for. */
  readonly #limit: bigint;
  #counted: bigint;
  #paid: bigint;
  #sinceMs: number | undefined;

  /** @param counted units so far, of which `paid` are covered by a voucher */
  constructor(interval: Interval, limit: bigint, counted: bigint, paid: bigint, nowMs: number) {
    this.#interval = interval;
    this.#limit = limit;
    this.#counted = counted;
    this.#paid = paid;
    this.#sinceMs = counted > paid ? nowMs : undefined;
  }

  get counted(): bigint {
    return this.#counted;
  }

  get unpaid(): bigint {
    return this.#counted > this.#paid ? this.#counted - this.#paid : 0n;
  }

  /** @param units counted now, in all */
  count(units: bigint, nowMs: number): void {
    this.#counted = units;
    if (this.unpaid > 0n) this.#sinceMs ??= nowMs;
  }

  pay(units: bigint, nowMs: number): void {
    this.#paid = units;
    this.#sinceMs = this.unpaid > 0n ? nowMs : undefined;
  }

  /** How long something has been unpaid, ms. */
  unpaidMs(nowMs: number): number {
    return this.#sinceMs === undefined ? 0 : nowMs - this.#sinceMs;
  }

  /** Whether everything that the job can pay for has been used. */
  get isSpent(): boolean {
    return this.#counted >= this.#limit;
  }

  /** Whether more than one interval is unpaid, in bytes or in time. */
  isTooHigh(nowMs: number): boolean {
    return this.unpaid > this.#interval.bytes || this.unpaidMs(nowMs) > this.#interval.ms;
  }
}
