/**
 * Whether a commit holds: enough of a validator set signed this block (CometBFT v0.38,
 * spec/light-client/verification). Answers are values: `undefined` when it holds, else a sentence
 * that says what is wrong.
 */
import { equalBytes, toHex } from '@palisade/core';
import type { BlockId, Commit, CommitSig, Validator } from './messages.ts';
import { commitSignBytes, verifyConsensusSignature } from './sign-bytes.ts';
import { ZERO_TIME_NS } from './time.ts';
import { findValidator } from './validator-set.ts';

/** What these checks need of a validator set. */
export type Signers = { readonly validators: readonly Validator[] };

/** Share of the power that must have signed: more than numerator / denominator. */
export type TrustLevel = { readonly numerator: bigint; readonly denominator: bigint };

const TWO_THIRDS: TrustLevel = { numerator: 2n, denominator: 3n };
const ADDRESS_BYTES = 20;

/**
 * Checks that validators with more than two thirds of the power signed `blockId` at `height`, and
 * that every signature present is good, those for nil included. The commit has one entry per
 * validator, in the order of the set.
 */
export function verifyCommit(
  chainId: string,
  set: Signers,
  blockId: BlockId,
  height: bigint,
  commit: Commit,
): string | undefined {
  const { validators } = set;
  if (commit.signatures.length !== validators.length) {
    return `the commit has ${commit.signatures.length} entries for ${validators.length} validators`;
  }
  if (commit.height !== height) return `the commit is of height ${commit.height}, not ${height}`;
  if (!equalBlockIds(commit.blockId, blockId)) {
    return `the commit is for block ${toHex(commit.blockId.hash)}, not ${toHex(blockId.hash)}`;
  }
  let signed = 0n;
  for (const [index, entry] of commit.signatures.entries()) {
    const wrong = shapeFault(entry, index);
    if (wrong) return wrong;
    if (entry.blockIdFlag === 'absent') continue;
    const validator = validators[index]!;
    if (!equalBytes(validator.address, entry.validatorAddress)) {
      return `entry ${index} is of ${toHex(entry.validatorAddress)}, not ${toHex(validator.address)}`;
    }
    const bad = signatureFault(chainId, commit, index, validator);
    if (bad) return bad;
    if (entry.blockIdFlag === 'commit') signed += validator.power;
  }
  return powerFault(signed, totalPower(validators), TWO_THIRDS);
}

/**
 * Checks that more than `level` of an older, trusted set signed the commit's block, whoever else did:
 * the skipping step of a light client. Use 2/3 (engine chapter 3.5 says why not 1/3).
 */
export function verifyCommitTrusting(
  chainId: string,
  trusted: Signers,
  commit: Commit,
  level: TrustLevel,
): string | undefined {
  const { numerator, denominator } = level;
  if (numerator * 3n < denominator || numerator > denominator || denominator <= 0n) {
    return `a trust level of ${numerator}/${denominator} is not between 1/3 and 1`;
  }
  const counted = new Set<number>();
  let signed = 0n;
  for (const [index, entry] of commit.signatures.entries()) {
    if (entry.blockIdFlag !== 'commit') continue;
    const wrong = shapeFault(entry, index);
    if (wrong) return wrong;
    const found = findValidator(trusted, entry.validatorAddress);
    if (!found) continue;
    if (counted.has(found.index)) return `${toHex(entry.validatorAddress)} signed twice`;
    counted.add(found.index);
    const bad = signatureFault(chainId, commit, index, found.validator);
    if (bad) return bad;
    signed += found.validator.power;
  }
  return powerFault(signed, totalPower(trusted.validators), level);
}

/** Whether two block ids name the same block. */
export function equalBlockIds(a: BlockId, b: BlockId): boolean {
  return (
    equalBytes(a.hash, b.hash) &&
    a.partSetHeader.total === b.partSetHeader.total &&
    equalBytes(a.partSetHeader.hash, b.partSetHeader.hash)
  );
}

function shapeFault(entry: CommitSig, index: number): string | undefined {
  const { blockIdFlag, validatorAddress, timeNs, signature } = entry;
  if (blockIdFlag === 'unknown') return `entry ${index} says neither signed nor absent`;
  if (blockIdFlag === 'absent') {
    const empty =
      validatorAddress.length === 0 && signature.length === 0 && timeNs === ZERO_TIME_NS;
    return empty ? undefined : `entry ${index} is absent and yet has content`;
  }
  if (validatorAddress.length !== ADDRESS_BYTES) return `entry ${index} has no address`;
  return undefined;
}

function signatureFault(
  chainId: string,
  commit: Commit,
  index: number,
  validator: Validator,
): string | undefined {
  const { signature } = commit.signatures[index]!;
  const signBytes = commitSignBytes(chainId, commit, index);
  if (verifyConsensusSignature(signature, signBytes, validator.publicKey)) return undefined;
  return `the signature of ${toHex(validator.address)} at entry ${index} is wrong`;
}

function powerFault(signed: bigint, total: bigint, level: TrustLevel): string | undefined {
  const needed = (total * level.numerator) / level.denominator;
  if (signed > needed) return undefined;
  return `power ${signed} of ${total} signed, and more than ${needed} is needed`;
}

function totalPower(validators: readonly Validator[]): bigint {
  return validators.reduce((sum, validator) => sum + validator.power, 0n);
}
