/** What is known of a key, for whoever is about to deal with it. */
import { answer, currentSession } from '@palisade/chain';
import { query } from '@palisade/chain/schema';
import {
  bytes32,
  type Infer,
  type KeyValueReader,
  type Refusal,
  record,
  text,
  u8,
  u16,
  u32,
  u64,
  u128,
} from '@palisade/core';
import { verdicts } from '../challenges/records.ts';
import { cannotTake, exposureLimit, type Load } from './limits.ts';
import { standingOf, standingParamsOf } from './notes.ts';
import { ROLE, type Role, role } from './records.ts';
import { scoreOf } from './score.ts';
import { takerOf } from './takers.ts';

export const standingView = record('StandingView', {
  score: u16.is('0 to 1000; 444 of whom nothing is known'),
  alpha: u64.is('Evidence for, in units of 10^-6'),
  beta: u64.is('Evidence against, in units of 10^-6'),
  receipts: u32.is('Paid sessions and receipts of both sides'),
  failuresInRow: u32,
  contained: u8.is('1 when there is no new work until a challenge is passed'),
  fees: u128.is(
    'Base units; of a partner: ever earned, as far as it weighs; of a client: network fees ever paid',
  ),
  firstSession: u64.is('Session of its first deed'),
  bond: u128.is('Of a partner: probation bond, base units'),
  bondSession: u64.is('Session in which it was posted'),
  agreements: u32.is('Of a partner: agreements that have not ended'),
  inFlight: u128.is('What they may still earn, base units'),
  inFlightLimit: u128.is('Most that may be'),
  challengeFinding: u8.is(
    'Of a partner: its last challenge on chain: 1 passed, 2 no answer, 3 an answer that is none, 4 leaves missing or wrong; 0 for none',
  ),
  challengeSession: u64.is('Session of that challenge'),
});
export type StandingView = Infer<typeof standingView>;

export const standingQuery = query({
  name: 'market.standing',
  doc: 'Score, receipts, bond and limits of a key in a role.',
  params: record('StandingQuery', {
    role,
    key: bytes32.is('Node key, or an account behind 12 zero bytes'),
  }),
  result: standingView,
});

/** Room for a refusal in words. */
const MAX_WORDS = 400;

export const mayTakeQuery = query({
  name: 'market.may-take',
  doc: 'Whether a partner may take new agreements, and if not, why and how it may again.',
  params: record('MayTakeQuery', {
    partner: bytes32,
    agreements: u32.is('New ones'),
    value: u128.is('What they may earn together, base units'),
  }),
  result: record('MayTakeView', {
    code: text(40).is('Of the refusal; empty when it may'),
    message: text(MAX_WORDS),
    next: text(MAX_WORDS).is('How to recover'),
    wantedBond: u128.is('Bond that is to be posted first, base units; 0 when none is wanted'),
  }),
});

/** The standing of a key as everybody is shown it. */
export function standingViewOf(state: KeyValueReader, of: Role, key: Uint8Array): StandingView {
  const session = currentSession.get(state) ?? 0n;
  const standing = standingOf(state, of, key, session);
  const { alpha, beta, receipts, failuresInRow, containedUntil, fees, firstSession } = standing;
  const known = {
    score: scoreOf(standing),
    alpha,
    beta,
    receipts,
    failuresInRow,
    fees,
    firstSession,
  };
  const contained = containedUntil === 0n ? 0 : 1;
  if (of !== ROLE.partner) return { ...known, contained, ...NO_LIMITS };
  const taker = takerOf(state, key, session);
  const verdict = verdicts.get(state, key);
  return {
    ...known,
    contained,
    bond: taker.bond?.amount ?? 0n,
    bondSession: taker.bond?.session ?? 0n,
    agreements: taker.exposure.agreements,
    inFlight: taker.exposure.value,
    inFlightLimit: exposureLimit(taker, standingParamsOf(state)),
    challengeFinding: verdict?.finding ?? 0,
    challengeSession: verdict?.session ?? 0n,
  };
}

const NO_LIMITS = {
  bond: 0n,
  bondSession: 0n,
  agreements: 0,
  inFlight: 0n,
  inFlightLimit: 0n,
  challengeFinding: 0,
  challengeSession: 0n,
};

/** Why a partner could not start what would be this load, or undefined. */
export function whyBarred(
  state: KeyValueReader,
  partner: Uint8Array,
  load: Load,
): Refusal | undefined {
  const taker = takerOf(state, partner, currentSession.get(state) ?? 0n);
  return cannotTake(taker, load, standingParamsOf(state));
}

/** Whether a validator's score lets it be drawn for a seat. */
export function mayBeDrawn(state: KeyValueReader, validator: Uint8Array): boolean {
  const session = currentSession.get(state) ?? 0n;
  const score = scoreOf(standingOf(state, ROLE.validator, validator, session));
  return score >= standingParamsOf(state).leastValidatorScore;
}

const ROLES: readonly number[] = Object.values(ROLE);

export const standingQueries = [
  answer(standingQuery, (state, { role: of, key }) =>
    ROLES.includes(of) ? standingViewOf(state, of as Role, key) : undefined,
  ),
  answer(mayTakeQuery, (state, { partner, ...load }) => {
    const { code = '', message = '', next = '' } = whyBarred(state, partner, load) ?? {};
    const wantedBond = code === 'market/no-bond' ? standingParamsOf(state).bond : 0n;
    return { code, message, next, wantedBond };
  }),
];
