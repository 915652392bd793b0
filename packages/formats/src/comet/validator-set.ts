/**
 * Validator sets of CometBFT v0.38: their order, hash, changes, and whose turn it is to propose
 * (spec/consensus/proposer-selection.md).
 *
 * Order is by power, larger first, then by address. Every validator has a priority. Each height all
 * priorities grow by the validator's power, the highest one proposes and pays the total power for it;
 * so turns are in proportion to power. Before that, priorities are scaled back when the widest gap
 * exceeds twice the total power, and centred on zero. A newcomer starts at minus 1.125 times the
 * total, so that leaving and coming back gains nothing.
 *
 * Sets are values: every function returns a new one.
 */
import { compareBytes, equalBytes, PalisadeError, toHex } from '@palisade/core';
import type { ValidatorUpdate } from '../abci.ts';
import { merkleRoot } from '../merkle.ts';
import type { Validator } from './messages.ts';
import { MAX_VOTES, simpleValidatorMessage } from './messages.ts';
import { validatorAddress } from './sign-bytes.ts';

/** A validator set in its canonical order and the validator whose turn it is. */
export type ValidatorSet = {
  readonly validators: readonly Validator[];
  readonly proposer: Validator;
  readonly totalPower: bigint;
};

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
/** An eighth of int64, so that priorities and their gaps never overflow (MaxTotalVotingPower). */
export const MAX_TOTAL_POWER = INT64_MAX / 8n;
/** Priorities may lie apart by this many times the total power (PriorityWindowSizeFactor). */
const PRIORITY_WINDOW = 2n;
const KEY_BYTES = 32;

/**
 * A set from nothing, as at genesis; the first proposer is already chosen.
 * @throws PalisadeError `formats/validator-update` when the updates make no set.
 */
export function newValidatorSet(updates: readonly ValidatorUpdate[]): ValidatorSet {
  if (updates.some((update) => update.power === 0n)) {
    throw invalid('a new set cannot begin with removing a validator (power 0)');
  }
  return rotateProposer(setOf(changed([], updates)), 1);
}

/**
 * The set after an application's updates, without advancing the turn. No update, no change.
 * @throws PalisadeError `formats/validator-update` for a key twice, a removal of an unknown
 * validator, an empty result, negative or too much power, a key that is not 32 bytes.
 */
export function updateValidatorSet(
  set: ValidatorSet,
  updates: readonly ValidatorUpdate[],
): ValidatorSet {
  if (updates.length === 0) return set;
  return setOf(changed(set.validators, updates), set.proposer);
}

/** The set `times` turns later. */
export function rotateProposer(set: ValidatorSet, times: number): ValidatorSet {
  if (!Number.isSafeInteger(times) || times < 1) throw invalid(`${times} turns are none`);
  let validators = centred(rescaled(set.validators, set.totalPower));
  let proposer = set.proposer;
  for (let turn = 0; turn < times; turn++) {
    const grown = validators.map((validator) =>
      withPriority(validator, clip(validator.proposerPriority + validator.power)),
    );
    const next = grown.reduce((best, other) => (precedes(other, best) ? other : best));
    proposer = withPriority(next, clip(next.proposerPriority - set.totalPower));
    validators = grown.map((validator) => (validator === next ? proposer : validator));
  }
  return { ...set, validators, proposer };
}

/** Hash of a set: the Merkle root over keys and powers; turns do not enter. */
export function validatorSetHash(set: { readonly validators: readonly Validator[] }): Uint8Array {
  return merkleRoot(
    set.validators.map(({ publicKey, power }) =>
      simpleValidatorMessage.encode({ publicKey, power }),
    ),
  );
}

/** The validator with this 20-byte address, with its place in the set. */
export function findValidator(
  set: { readonly validators: readonly Validator[] },
  address: Uint8Array,
): { readonly index: number; readonly validator: Validator } | undefined {
  const index = set.validators.findIndex((validator) => equalBytes(validator.address, address));
  return index < 0 ? undefined : { index, validator: set.validators[index]! };
}

/** Puts validators that came from elsewhere into canonical order; the first one is the proposer. */
export function orderedValidators(validators: readonly Validator[]): readonly Validator[] {
  return [...validators].sort(
    (a, b) => compareBigint(b.power, a.power) || compareBytes(a.address, b.address),
  );
}

function changed(
  before: readonly Validator[],
  updates: readonly ValidatorUpdate[],
): readonly Validator[] {
  const byKey = new Map(before.map((validator) => [toHex(validator.publicKey), validator]));
  const touched = new Set<string>();
  const removals: string[] = [];
  let total = sumOfPower(before);
  for (const { publicKey, power } of updates) {
    const key = toHex(publicKey);
    checkUpdate(publicKey, power, touched.has(key));
    touched.add(key);
    if (power > 0n) total += power - (byKey.get(key)?.power ?? 0n);
    else if (byKey.has(key)) removals.push(key);
    else throw invalid(`validator ${key} cannot be removed because it is not in the set`);
  }
  // A newcomer's first priority counts the total before removals, as CometBFT does.
  const newcomerPriority = -(total + (total >> 3n));
  for (const { publicKey, power } of updates) {
    const key = toHex(publicKey);
    const known = byKey.get(key);
    const address = known?.address ?? validatorAddress(publicKey);
    const proposerPriority = known?.proposerPriority ?? newcomerPriority;
    byKey.set(key, { address, publicKey, power, proposerPriority });
  }
  for (const key of removals) byKey.delete(key);
  return [...byKey.values()];
}

function checkUpdate(publicKey: Uint8Array, power: bigint, twice: boolean): void {
  const key = toHex(publicKey);
  if (publicKey.length !== KEY_BYTES) throw invalid(`key ${key} is not ${KEY_BYTES} bytes long`);
  if (twice) throw invalid(`validator ${key} is named twice in one update`);
  if (power < 0n) throw invalid(`validator ${key} would have negative power ${power}`);
  if (power > MAX_TOTAL_POWER)
    throw invalid(`validator ${key} would have too much power, ${power}`);
}

function setOf(unordered: readonly Validator[], proposer?: Validator): ValidatorSet {
  if (unordered.length === 0) throw invalid('no validator would be left');
  if (unordered.length > MAX_VOTES) throw invalid(`a set has at most ${MAX_VOTES} validators`);
  const totalPower = sumOfPower(unordered);
  if (totalPower > MAX_TOTAL_POWER) {
    throw invalid(`their total power ${totalPower} would exceed ${MAX_TOTAL_POWER}`);
  }
  const validators = orderedValidators(centred(rescaled(unordered, totalPower)));
  return { validators, proposer: proposer ?? validators[0]!, totalPower };
}

function rescaled(validators: readonly Validator[], totalPower: bigint): readonly Validator[] {
  const priorities = validators.map((validator) => validator.proposerPriority);
  const gap = priorities.reduce(maximum) - priorities.reduce(minimum);
  const widest = PRIORITY_WINDOW * totalPower;
  if (gap <= widest) return validators;
  const ratio = (gap + widest - 1n) / widest;
  return validators.map((validator) => withPriority(validator, validator.proposerPriority / ratio));
}

function centred(validators: readonly Validator[]): readonly Validator[] {
  const sum = validators.reduce((total, validator) => total + validator.proposerPriority, 0n);
  const average = divideDown(sum, BigInt(validators.length));
  return validators.map((validator) =>
    withPriority(validator, clip(validator.proposerPriority - average)),
  );
}

/** Higher priority first; at equal priority the smaller address. */
function precedes(a: Validator, b: Validator): boolean {
  if (a.proposerPriority !== b.proposerPriority) return a.proposerPriority > b.proposerPriority;
  return compareBytes(a.address, b.address) < 0;
}

function withPriority(validator: Validator, proposerPriority: bigint): Validator {
  return { ...validator, proposerPriority };
}

function sumOfPower(validators: readonly Validator[]): bigint {
  return validators.reduce((total, validator) => total + validator.power, 0n);
}

/** CometBFT's average rounds down for negative sums (Euclidean division by a positive number). */
function divideDown(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

function clip(value: bigint): bigint {
  if (value > INT64_MAX) return INT64_MAX;
  return value < INT64_MIN ? INT64_MIN : value;
}

const maximum = (a: bigint, b: bigint) => (a > b ? a : b);
const minimum = (a: bigint, b: bigint) => (a < b ? a : b);
const compareBigint = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);

function invalid(why: string): PalisadeError {
  return new PalisadeError({
    code: 'formats/validator-update',
    message: `The validator set cannot change like this: ${why}.`,
    retry: 'never',
  });
}
