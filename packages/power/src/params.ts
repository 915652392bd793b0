/** Parameters of power, set in the genesis document. */
import { collection, PPM } from '@palisade/chain';
import {
  address,
  bytes32,
  type Infer,
  list,
  PalisadeError,
  record,
  u8,
  u32,
  u64,
  u128,
} from '@palisade/core';

/** Keys that one process may hold: the seats, and some that stand by. */
const MAX_HOSTED = 64;

export const powerParams = record('PowerParams', {
  minerDeposit: u128.is('Held while a miner is registered, base units'),
  minDelegation: u64.is('Least power of a delegation, bytes'),
  maxCollators: u8.is('Collators that one miner may lend to at the same time'),
  candidacyBond: u128.is('Least bond of a collator, base units'),
  minCollatorPower: u64.is('Least power to be drawn, bytes; less counts while too few have it'),
  maxCollatorsAll: u32.is('Registered collators in all: each is looked at once a session'),
  seats: u8.is('Active validators'),
  reserve: u8.is('Drawn besides, to take over when a seat falls empty'),
  minEligible: u8.is('Nobody may leave when fewer than this would be left'),
  unbondingSessions: u32.is('Sessions before power and bonds that were taken back are free'),
  evidenceSessions: u32.is('Sessions in which an offence can still be proven'),
  deferralSessions: u32.is('Sessions between the proof and the slash: time to cancel a wrong one'),
  quarantineSessions: u32.is("Sessions in which an offender's lent power is usable by nobody"),
  kickSessions: u8.is('Active sessions in a row badly attended, after which a collator is removed'),
  leastAttendancePpm: u32.is('Share of the blocks of a session that a seat must sign'),
  hosted: list(bytes32, MAX_HOSTED).is(
    'Node keys that alone may become collators: a single-operator engine seats none but its own. Empty: anybody',
  ),
  owner: address.is('Account of the chain owner: may cancel slashes; zero for nobody'),
  honestOwner: u8.is('1: every seat has one vote; 0: known validators stay below a third'),
});
export type PowerParams = Infer<typeof powerParams>;

const PAL = 10n ** 18n;

/**
 * Defaults of a public chain. A miner's deposit pays for state that stays; 1 GiB bounds how finely
 * power is spread; a candidacy is the price of one identity in the draw, and 1 TiB that of splitting.
 * Ten collators per miner bound the work of a loss of power; 10 000 collators, that of a draw (50 ms).
 * Unbonding (7 days of 4 h sessions) outlasts evidence and deferral together, so that nothing which
 * answers for an offence is gone before the slash. Two bad sessions in a row are no accident.
 */
export const DEFAULT_POWER_PARAMS: PowerParams = {
  minerDeposit: 10n * PAL,
  minDelegation: 1n << 30n,
  maxCollators: 10,
  candidacyBond: 1000n * PAL,
  minCollatorPower: 1n << 40n,
  maxCollatorsAll: 10_000,
  seats: 10,
  reserve: 5,
  minEligible: 4,
  unbondingSessions: 42,
  evidenceSessions: 36,
  deferralSessions: 6,
  quarantineSessions: 42,
  kickSessions: 2,
  leastAttendancePpm: 500_000,
  hosted: [],
  owner: new Uint8Array(20),
  honestOwner: 0,
};

/** From a snapshot to its seats 1, to the end of the session of the slash 1, for the walk 2. */
const PUNISHED_WITHIN = 4;

/**
 * Sessions for which it is remembered what a snapshot saw, and for which collateral answers. A seat is
 * held in the session after its snapshot, is proven wrong within the evidence window, punished after
 * the deferral, and there may be many backers to visit.
 */
export function memorySessions({ evidenceSessions, deferralSessions }: PowerParams): bigint {
  return BigInt(evidenceSessions + deferralSessions + PUNISHED_WITHIN);
}

/** Values of the development network, whose sessions last a minute. */
export const DEVELOPMENT_POWER_PARAMS: PowerParams = {
  ...DEFAULT_POWER_PARAMS,
  minerDeposit: PAL,
  minDelegation: 1n << 16n,
  candidacyBond: 10n * PAL,
  minCollatorPower: 1n << 20n,
  seats: 4,
  reserve: 2,
  unbondingSessions: 4,
  evidenceSessions: 3,
  deferralSessions: 1,
  quarantineSessions: 4,
};

export const params = collection({
  store: 'power',
  name: 'params',
  key: [],
  value: powerParams,
});

/** Entries of a claim are decoded at each touch, and seats looked at in each block. */
const MOST = { maxCollators: 10, seats: 10, reserve: 20, maxCollatorsAll: 100_000 } as const;

/** @throws PalisadeError `chain/bad-genesis` */
export function checkedParams(value: PowerParams): PowerParams {
  for (const [name, most] of Object.entries(MOST)) {
    const given = value[name as keyof typeof MOST];
    if (given > most || (given < 1 && name !== 'reserve'))
      throw bad(`${name} is ${given}; it can be 1 to ${most}`);
  }
  const { unbondingSessions, evidenceSessions, deferralSessions } = value;
  if (deferralSessions < 1 || evidenceSessions <= deferralSessions)
    throw bad('deferralSessions must be at least 1 and below evidenceSessions');
  if (unbondingSessions < evidenceSessions + deferralSessions)
    throw bad('unbondingSessions must not be below evidenceSessions + deferralSessions');
  if (BigInt(value.leastAttendancePpm) > PPM) throw bad('leastAttendancePpm is above a million');
  if (value.kickSessions < 1) throw bad('kickSessions must be at least 1');
  return value;
}

function bad(why: string): PalisadeError {
  return new PalisadeError({ code: 'chain/bad-genesis', message: `power: ${why}.` });
}
