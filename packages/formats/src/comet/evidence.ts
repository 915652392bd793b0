/**
 * Evidence of a duplicate vote in CometBFT v0.38 (spec/consensus/evidence.md): one validator signed
 * two blocks at the same height, round and step.
 */
import { compareBytes, concat, equalBytes, PalisadeError, toHex } from '@palisade/core';
import type { EvidenceParams, Misbehavior } from '../abci.ts';
import type { BlockId, DuplicateVoteEvidence, Vote } from './messages.ts';
import { partSetHeaderMessage } from './messages.ts';
import { validatorAddress, verifyConsensusSignature, voteSignBytes } from './sign-bytes.ts';
import type { ValidatorSet } from './validator-set.ts';
import { findValidator } from './validator-set.ts';
import { equalBlockIds } from './verify-commit.ts';

/** Two votes as evidence: `timeNs` is the time of the block at their height, `set` its validators. */
export function duplicateVoteEvidence(
  first: Vote,
  second: Vote,
  timeNs: bigint,
  set: ValidatorSet,
): DuplicateVoteEvidence {
  const found = findValidator(set, first.validatorAddress);
  if (!found) {
    throw new PalisadeError({
      code: 'formats/evidence',
      message: `${toHex(first.validatorAddress)} was no validator at height ${first.height}.`,
      retry: 'never',
    });
  }
  const inOrder = compareBytes(blockIdKey(first.blockId), blockIdKey(second.blockId)) < 0;
  return {
    voteA: inOrder ? first : second,
    voteB: inOrder ? second : first,
    totalVotingPower: set.totalPower,
    validatorPower: found.validator.power,
    timeNs,
  };
}

/**
 * Checks evidence against the validators and the block time of its height. Answers `undefined` when
 * it holds, else what is wrong with it.
 */
export function evidenceFault(
  chainId: string,
  evidence: DuplicateVoteEvidence,
  set: ValidatorSet,
  blockTimeNs: bigint,
): string | undefined {
  const { voteA, voteB } = evidence;
  const found = findValidator(set, voteA.validatorAddress);
  if (!found) return `${toHex(voteA.validatorAddress)} was no validator at height ${voteA.height}`;
  const { publicKey, power } = found.validator;
  if (evidence.timeNs !== blockTimeNs) return 'its time is not that of the block at its height';
  if (evidence.validatorPower !== power) return `the validator had power ${power}`;
  if (evidence.totalVotingPower !== set.totalPower) return `all had power ${set.totalPower}`;
  const pair = pairFault(voteA, voteB);
  if (pair) return pair;
  if (!equalBytes(validatorAddress(publicKey), voteA.validatorAddress))
    return 'key and address differ';
  for (const vote of [voteA, voteB]) {
    if (!verifyConsensusSignature(vote.signature, voteSignBytes(chainId, vote), publicKey)) {
      return `the signature for block ${toHex(vote.blockId.hash)} is wrong`;
    }
  }
  return undefined;
}

/** Evidence is too old only when older than both bounds, blocks and time. */
export function isEvidenceExpired(
  evidence: { readonly height: bigint; readonly timeNs: bigint },
  now: { readonly height: bigint; readonly timeNs: bigint },
  params: EvidenceParams,
): boolean {
  return (
    now.timeNs - evidence.timeNs > params.maxAgeDurationNs &&
    now.height - evidence.height > params.maxAgeNumBlocks
  );
}

/** Evidence as an application is told of it. */
export function misbehaviorOf(evidence: DuplicateVoteEvidence): Misbehavior {
  return {
    type: 'duplicate-vote',
    validator: { address: evidence.voteA.validatorAddress, power: evidence.validatorPower },
    height: evidence.voteA.height,
    timeNs: evidence.timeNs,
    totalVotingPower: evidence.totalVotingPower,
  };
}

function pairFault(a: Vote, b: Vote): string | undefined {
  if (a.height !== b.height || a.round !== b.round || a.type !== b.type) {
    return 'the votes are of different heights, rounds or steps';
  }
  if (a.type !== 'precommit' && a.type !== 'prevote') return 'the votes are no votes';
  if (!equalBytes(a.validatorAddress, b.validatorAddress)) return 'the votes are of two validators';
  if (equalBlockIds(a.blockId, b.blockId)) return 'both votes are for the same block';
  const ordered = compareBytes(blockIdKey(a.blockId), blockIdKey(b.blockId)) < 0;
  return ordered ? undefined : 'the votes are not in the order of their blocks';
}

/** Order of votes in evidence: by block hash, then by the encoded part-set header. */
function blockIdKey(id: BlockId): Uint8Array {
  return concat(id.hash, partSetHeaderMessage.encode(id.partSetHeader));
}
