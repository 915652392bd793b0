/** What the market remembers of a key in a role, and where. */
import { bytesKey, collection, type KeyPart } from '@palisade/chain';
import { address, concat, type Infer, record, u8, u32, u64, u128 } from '@palisade/core';
import { NEWCOMER } from './score.ts';

/** A key stands apart in each of its roles. */
export const ROLE = { client: 1, partner: 2, validator: 3 } as const;
export type Role = (typeof ROLE)[keyof typeof ROLE];
export const role = u8.is('1 client, 2 partner, 3 validator');

/** What can be held against a key. The first of a kind in a period is a warning. No fault has number 2. */
export const FAULT = {
  audit: 1,
  complaint: 3,
  duty: 4,
  equivocation: 5,
  result: 6,
  challenge: 7,
} as const;
export type Fault = (typeof FAULT)[keyof typeof FAULT];
export const fault = u8.is(
  '1 audit missed, 3 complaint upheld, 4 duty missed, 5 equivocation, 6 wrong result, 7 challenge failed',
);

export const standingRecord = record('Standing', {
  alpha: u64.is('Evidence for, in units of 10^-6'),
  beta: u64.is('Evidence against, in units of 10^-6'),
  failuresInRow: u32,
  containedUntil: u64.is('Period in which containment ends by itself; 0 when there is none'),
  receipts: u32.is('Paid sessions and receipts of both sides'),
  fees: u128.is(
    'Base units; of a partner: ever earned, as far as it weighs; of a client: network fees ever paid',
  ),
  firstSession: u64.is('Session of its first deed'),
  period: u64.is('Last period in which something was noted'),
  warned: u8.is('Kinds of faults that it was warned of in that period, one bit each'),
});
export type Standing = Infer<typeof standingRecord>;

/** The standing of whom nothing is known. */
export function newcomer(session: bigint, period: bigint): Standing {
  return {
    ...NEWCOMER,
    failuresInRow: 0,
    containedUntil: 0n,
    receipts: 0,
    fees: 0n,
    firstSession: session,
    period,
    warned: 0,
  };
}

const roleKey: KeyPart<number> = {
  width: 1,
  write: (value) => String.fromCharCode(value),
  read: (text, from) => text.charCodeAt(from),
};

/** Accounts are shorter than node keys: zeros stand before them. */
export function accountKey(account: Uint8Array): Uint8Array {
  return concat(new Uint8Array(12), account);
}

export const standings = collection({
  store: 'market',
  name: 'standing',
  key: [roleKey, bytesKey(32)],
  value: standingRecord,
});

/** How often two parties met in the last period in which they did, for the one that it speaks of. */
export const meetings = collection({
  store: 'market',
  name: 'meeting',
  key: [roleKey, bytesKey(32), bytesKey(32)],
  value: record('Meeting', { period: u64, count: u32 }),
});

export const exposureRecord = record('Exposure', {
  agreements: u32.is('Agreements that run'),
  value: u128.is('What they may still earn, base units'),
});
export type Exposure = Infer<typeof exposureRecord>;

/** What a partner has in flight; nothing where it has none. */
export const exposures = collection({
  store: 'market',
  name: 'exposure',
  key: [bytesKey(32)],
  value: exposureRecord,
});

export const bondRecord = record('ProbationBond', {
  account: address.is('Whose money is held'),
  amount: u128.is('Base units; 0 once it was returned'),
  session: u64.is('In which it was posted'),
  served: u8.is('1 when a bond of this key was once held for its whole time'),
});
export type ProbationBond = Infer<typeof bondRecord>;

/** Bonds by the partner's node key. */
export const probationBonds = collection({
  store: 'market',
  name: 'probation-bond',
  key: [bytesKey(32)],
  value: bondRecord,
});
