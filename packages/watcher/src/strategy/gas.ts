/**
 * What a challenge may cost (X9, X13). At first no more than the slashed bond repays; as the time
 * left shrinks, more and more, and in the end whatever the account holds: safety comes first, and the loss is
 * booked. All prices in wei per unit of gas.
 */
import { type Margins, slaSeconds } from '../lateness.ts';

/** How pressing a challenge is, by the time left. */
export type Urgency = 'calm' | 'rising' | 'urgent' | 'last';

/** Ordered: what ends first is challenged first (X15). */
export function urgencyOf(
  margins: Margins,
  secondsLeft: number,
  exitPeriodSeconds: number,
): Urgency {
  const sla = slaSeconds(margins);
  if (secondsLeft < sla / 4) return 'last';
  if (secondsLeft < sla) return 'urgent';
  return secondsLeft < exitPeriodSeconds / 2 ? 'rising' : 'calm';
}

/**
 * Times break-even that is paid. Three bonds against the loss of an exit are cheap, ten are still
 * less than an exit worth stealing; at the end only the account's balance is a bound.
 */
const CEILING: Readonly<Record<Urgency, bigint | undefined>> = {
  calm: 1n,
  rising: 3n,
  urgent: 10n,
  last: undefined,
};
/** Tips by urgency, wei: from what any block takes to what comes before nearly everything. */
const TIP: Readonly<Record<Urgency, bigint>> = {
  calm: 1_000_000_000n,
  rising: 2_000_000_000n,
  urgent: 5_000_000_000n,
  last: 20_000_000_000n,
};
/** A base fee grows by an eighth a block: doubled, it lasts for six full blocks. */
const BASE_FEE_ROOM = 2n;

export type GasQuestion = {
  readonly urgency: Urgency;
  /** What the challenge repays when it succeeds, wei. */
  readonly bond: bigint;
  /** Units of gas that it takes. */
  readonly gas: bigint;
  /** Base fee of the newest block. */
  readonly baseFee: bigint;
  /** What the account holds, wei. */
  readonly balance: bigint;
};

export type GasBid =
  | {
      readonly send: true;
      readonly maxFeePerGas: bigint;
      readonly maxPriorityFeePerGas: bigint;
      /** Whether more may be paid than comes back. */
      readonly atALoss: boolean;
    }
  | { readonly send: false; readonly reason: 'too-dear-for-now' | 'not-enough-funds' };

/** Price at which the bond repays the gas exactly. */
export function breakEvenPrice(bond: bigint, gas: bigint): bigint {
  return gas === 0n ? 0n : bond / gas;
}

/** What to bid, or why to wait for another block. */
export function bidFor(question: GasQuestion): GasBid {
  const { urgency, bond, gas, baseFee, balance } = question;
  const even = breakEvenPrice(bond, gas);
  const times = CEILING[urgency];
  const affordable = gas === 0n ? 0n : balance / gas;
  const ceiling = times === undefined ? affordable : even * times;
  const least = baseFee + 1n;
  if (least > affordable) return { send: false, reason: 'not-enough-funds' };
  if (least > ceiling) return { send: false, reason: 'too-dear-for-now' };
  const wanted = baseFee * BASE_FEE_ROOM + TIP[urgency];
  const maxFeePerGas = smallest(wanted, ceiling, affordable);
  const maxPriorityFeePerGas = smallest(TIP[urgency], maxFeePerGas - baseFee);
  return { send: true, maxFeePerGas, maxPriorityFeePerGas, atALoss: maxFeePerGas > even };
}

/** A bond should repay its challenge one and a half times over; below, its maintainer is warned (X13). */
export function isBondTooSmall(bond: bigint, gas: bigint, price: bigint): boolean {
  return bond * 2n < gas * price * 3n;
}

function smallest(first: bigint, ...others: readonly bigint[]): bigint {
  let least = first;
  for (const one of others) if (one < least) least = one;
  return least;
}
