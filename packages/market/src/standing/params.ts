/** Parameters of standing, a part of the market's (spec/standing.md, "Parameters"). */
import { type Infer, record, u16, u32, u128 } from '@palisade/core';

export const standingParams = record('StandingParams', {
  unitValue: u128.is('Base units of an event that weigh 1; less weighs less, more no more'),
  testimonyHalf: u128.is('Network fees after which the word of a client weighs a half, base units'),
  periodSessions: u32.is('Sessions of a period: of warnings, of recovery, of meetings of a pair'),
  leastPartnerScore: u16.is('A partner below it gets no new agreements'),
  leastValidatorScore: u16.is('A validator below it is not drawn'),
  failuresToContain: u32.is('Failures in a row after which a key gets no new work'),
  containedPeriods: u32.is('Periods after which that ends also without a challenge passed'),
  probationReceipts: u32.is('Receipts that end probation'),
  probationAgreements: u32.is('Agreements that a partner on probation can have at once'),
  probationValue: u128.is('Most that one of them may earn, base units'),
  bond: u128.is('Probation bond of a partner, base units'),
  bondSessions: u32.is('Sessions for which it is held at least'),
  exposureFloor: u128.is('Value that any partner may have in flight, base units'),
  exposurePpm: u32.is('Share of what it ever earned that adds to it, parts per million'),
});
export type StandingParams = Infer<typeof standingParams>;

const PAL = 10n ** 18n;

/**
 * Defaults of a public chain. A session of 0.1 PAL is a whole event. The fees of some 25 requests
 * give a client's word half its weight. A period is a day: with one of 4 h, a pair that deals with
 * itself could gain a dozen units a day, and everybody would have six faults a day for free. The
 * thresholds, 5 failures, 20 receipts, one agreement and 44 PAL for 30 days are the market chapter's
 * (4.4); a week ends a containment because the lot may not fall on everybody, and nobody should be shut out for
 * ever.
 * The value of an agreement on probation is a tenth of the bond; half of what was earned counts,
 * so that running away with the work in flight never pays.
 */
export const DEFAULT_STANDING_PARAMS: StandingParams = {
  unitValue: PAL / 10n,
  testimonyHalf: PAL / 10n,
  periodSessions: 6,
  leastPartnerScore: 420,
  leastValidatorScore: 400,
  failuresToContain: 5,
  containedPeriods: 7,
  probationReceipts: 20,
  probationAgreements: 1,
  probationValue: (44n * PAL) / 10n,
  bond: 44n * PAL,
  bondSessions: 180,
  exposureFloor: 0n,
  exposurePpm: 500_000,
};

/** Least and most of a record's numbers. */
export type Bounds<T> = { readonly [K in keyof T]?: readonly [least: number, most: number] };

/** Bounds that keep the arithmetic meaningful: nothing is divided by zero, no share passes 1. */
export const STANDING_BOUNDS: Bounds<StandingParams> = {
  unitValue: [1, Number.POSITIVE_INFINITY],
  testimonyHalf: [1, Number.POSITIVE_INFINITY],
  periodSessions: [1, 2 ** 32 - 1],
  leastPartnerScore: [0, 1000],
  leastValidatorScore: [0, 1000],
  failuresToContain: [1, 2 ** 32 - 1],
  // Period 0 stands for none.
  containedPeriods: [1, 2 ** 32 - 1],
  exposurePpm: [0, 1_000_000],
};
