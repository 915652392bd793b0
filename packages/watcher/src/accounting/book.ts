/**
 * What challenging costs and brings (X13): a book of entries, one for each transaction that was
 * mined, and its sums. Wei throughout.
 */

/** One mined transaction of the challenger. */
export type Entry = {
  /** Hash of the transaction, `0x` hex: an entry is booked once. */
  readonly txHash: string;
  /** What was challenged. */
  readonly subject: string;
  readonly height: number;
  /** Gas used times price paid. */
  readonly spent: bigint;
  /** What came back: the slashed bond, or none. */
  readonly reimbursed: bigint;
  /** `lost`: it reverted, as somebody else was first. */
  readonly outcome: 'won' | 'lost';
};

export type Totals = {
  readonly spent: bigint;
  readonly reimbursed: bigint;
  /** Reimbursed less spent: negative is a loss. */
  readonly net: bigint;
  readonly won: number;
  readonly lost: number;
};

export const NO_TOTALS: Totals = { spent: 0n, reimbursed: 0n, net: 0n, won: 0, lost: 0 };

/** The sums after one more entry. */
export function booked(totals: Totals, entry: Entry): Totals {
  const spent = totals.spent + entry.spent;
  const reimbursed = totals.reimbursed + entry.reimbursed;
  const won = totals.won + (entry.outcome === 'won' ? 1 : 0);
  const lost = totals.lost + (entry.outcome === 'lost' ? 1 : 0);
  return { spent, reimbursed, net: reimbursed - spent, won, lost };
}
