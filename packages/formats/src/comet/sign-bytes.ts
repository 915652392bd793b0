/**
 * What a validator signs: the canonical vote and the canonical vote extension, each behind its
 * length (CometBFT v0.38, spec/core/data_structures.md, "CanonicalVote"). Height and round have
 * fixed width there, and the chain id is included, so that no vote can be replayed on another chain.
 */

import { ed25519 as noble } from '@noble/curves/ed25519.js';
import { ed25519, sha256 } from '@palisade/core/crypto';
import type { BlockId, Commit, Vote } from './messages.ts';
import { canonicalVoteExtensionMessage, canonicalVoteMessage, NIL_BLOCK_ID } from './messages.ts';

const ADDRESS_BYTES = 20;

/** Address of an ed25519 validator key: the first 20 bytes of its sha256. */
export function validatorAddress(publicKey: Uint8Array): Uint8Array {
  return new Uint8Array(sha256(publicKey).subarray(0, ADDRESS_BYTES));
}

/** Whether a block id names no block. */
export function isNilBlockId(id: BlockId): boolean {
  return id.hash.length === 0 && id.partSetHeader.total === 0 && id.partSetHeader.hash.length === 0;
}

/** Bytes that sign a prevote or precommit. */
export function voteSignBytes(
  chainId: string,
  vote: Pick<Vote, 'type' | 'height' | 'round' | 'blockId' | 'timeNs'>,
): Uint8Array {
  return canonicalVoteMessage.encodeDelimited({
    type: vote.type,
    height: vote.height,
    round: BigInt(vote.round),
    blockId: isNilBlockId(vote.blockId) ? undefined : vote.blockId,
    timeNs: vote.timeNs,
    chainId,
  });
}

/** Bytes that sign the extension of a precommit. */
export function extensionSignBytes(
  chainId: string,
  vote: Pick<Vote, 'height' | 'round' | 'extension'>,
): Uint8Array {
  return canonicalVoteExtensionMessage.encodeDelimited({
    extension: vote.extension,
    height: vote.height,
    round: BigInt(vote.round),
    chainId,
  });
}

/** Bytes that the signature at `index` of a commit signs. */
export function commitSignBytes(chainId: string, commit: Commit, index: number): Uint8Array {
  const { blockIdFlag, timeNs } = commit.signatures[index]!;
  return voteSignBytes(chainId, {
    type: 'precommit',
    height: commit.height,
    round: commit.round,
    blockId: blockIdFlag === 'commit' ? commit.blockId : NIL_BLOCK_ID,
    timeNs,
  });
}

/**
 * Whether a consensus signature holds by the rule of CometBFT, ZIP-215. What the strict and fast
 * verifier accepts, ZIP-215 accepts too; what it refuses is asked again of the slow one (300 a
 * second), because two nodes that judge a commit differently would part ways.
 */
export function verifyConsensusSignature(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  if (ed25519.verify(signature, message, publicKey)) return true;
  try {
    return noble.verify(signature, message, publicKey, { zip215: true });
  } catch {
    return false;
  }
}
