/** Whether the challenger can pay for what may have to be challenged (X10, X13). */
import { isBondTooSmall } from '../strategy/gas.ts';

/** The ways to challenge; what each costs is in `CHALLENGE_GAS`. */
export type ChallengeKind =
  | 'standard-exit'
  | 'not-canonical'
  | 'respond'
  | 'input-spent'
  | 'output-spent';

/**
 * Gas of each challenge, the dearer of both dialects as measured (exits chapter, a2), with a tenth
 * added for calldata that is longer than the measured one.
 */
export const CHALLENGE_GAS: Readonly<Record<ChallengeKind, bigint>> = {
  'standard-exit': 288_000n,
  'not-canonical': 436_000n,
  respond: 106_000n,
  'input-spent': 414_000n,
  'output-spent': 438_000n,
};

/** An open exit, whether valid or not: a block may spend its output, or somebody show a spend, as long as it lasts. */
export type OpenExit =
  | { readonly kind: 'standard' }
  | { readonly kind: 'in-flight'; readonly piggybacks: number };

/** What challenging all of an exit would take. */
function gasFor(exit: OpenExit): bigint {
  if (exit.kind === 'standard') return CHALLENGE_GAS['standard-exit'];
  const piggybacks = BigInt(exit.piggybacks) * CHALLENGE_GAS['output-spent'];
  return CHALLENGE_GAS['not-canonical'] + piggybacks;
}

export type Funding = {
  readonly balance: bigint;
  /** What challenging everything that is open would cost at twice the present price, wei. */
  readonly needed: bigint;
  /** What is missing, wei; 0 when nothing is. */
  readonly missing: bigint;
  /**
   * `underfunded`: not all that is open could be challenged. `low`: that could, and hardly one more
   * exit beyond.
   */
  readonly state: 'funded' | 'low' | 'underfunded';
};

/** Prices move while exits are open: what is needed is reckoned at twice the present one. */
const PRICE_ROOM = 2n;
/** With less than this many further standard challenges the account is called low. */
const SPARE_CHALLENGES = 5n;

/** Compares what the account holds with what it may have to pay. `price` in wei per unit of gas. */
export function fundingOf(balance: bigint, exits: Iterable<OpenExit>, price: bigint): Funding {
  let gas = 0n;
  for (const exit of exits) gas += gasFor(exit);
  const needed = gas * price * PRICE_ROOM;
  const spare = CHALLENGE_GAS['standard-exit'] * SPARE_CHALLENGES * price * PRICE_ROOM;
  const missing = needed > balance ? needed - balance : 0n;
  const enough = balance < needed + spare ? 'low' : 'funded';
  return { balance, needed, missing, state: missing > 0n ? 'underfunded' : enough };
}

/** The bonds that repay their challenge too little at this price: their maintainer can raise them. */
export function smallBonds(
  bonds: { readonly standard: bigint; readonly piggyback: bigint },
  price: bigint,
): readonly ('standard' | 'piggyback')[] {
  const small: ('standard' | 'piggyback')[] = [];
  if (isBondTooSmall(bonds.standard, CHALLENGE_GAS['standard-exit'], price)) small.push('standard');
  if (isBondTooSmall(bonds.piggyback, CHALLENGE_GAS['output-spent'], price))
    small.push('piggyback');
  return small;
}
