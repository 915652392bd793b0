/**
 * The hashes of a CometBFT v0.38 block: header, commit, transactions, evidence, results, consensus
 * parameters, and the parts of its encoding. All lists are Merkle roots of RFC 6962.
 */
import { sha256 } from '@palisade/core/crypto';
import type { ConsensusParams, ExecTxResult } from '../abci.ts';
import type { MerkleProof } from '../merkle.ts';
import { merkleProof, merkleRoot } from '../merkle.ts';
import type {
  Block,
  BlockId,
  Commit,
  DuplicateVoteEvidence,
  ExtendedCommit,
  Header,
  PartSetHeader,
} from './messages.ts';
import {
  blockIdMessage,
  blockMessage,
  commitSigMessage,
  deterministicTxResultMessage,
  duplicateVoteEvidenceMessage,
  hashedParamsMessage,
  versionMessage,
} from './messages.ts';
import { encodeTimestamp } from './time.ts';
import { bytes, int64, message, string } from './wire.ts';

/** Blocks travel in parts of 64 KiB (types.BlockPartSizeBytes). */
export const BLOCK_PART_BYTES = 65_536;

// Header fields that are plain values become leaves as protobuf's wrapper types: one field, number
// 1, and no bytes at all for a zero.
const bytesLeaf = message('BytesValue', { value: bytes(1) });
const stringLeaf = message('StringValue', { value: string(1) });
const int64Leaf = message('Int64Value', { value: int64(1) });

/** Hash of a header: the Merkle root over its 14 fields. */
export function headerHash(header: Header): Uint8Array {
  return merkleRoot(headerLeaves(header));
}

/** Proof that a header holds its app hash (leaf 10 of 14). */
export function headerAppHashProof(header: Header): MerkleProof {
  return merkleProof(headerLeaves(header), 10);
}

function headerLeaves(header: Header): readonly Uint8Array[] {
  const hash = (value: Uint8Array) => bytesLeaf.encode({ value });
  return [
    versionMessage.encode(header.version),
    stringLeaf.encode({ value: header.chainId }),
    int64Leaf.encode({ value: header.height }),
    encodeTimestamp(header.timeNs),
    blockIdMessage.encode(header.lastBlockId),
    hash(header.lastCommitHash),
    hash(header.dataHash),
    hash(header.validatorsHash),
    hash(header.nextValidatorsHash),
    hash(header.consensusHash),
    hash(header.appHash),
    hash(header.lastResultsHash),
    hash(header.evidenceHash),
    hash(header.proposerAddress),
  ];
}

/** Hash of a commit: the Merkle root over its signatures. */
export function commitHash(commit: Commit): Uint8Array {
  return merkleRoot(commit.signatures.map(commitSigMessage.encode));
}

/** Hash of a block's transactions: the Merkle root over the hash of each. */
export function dataHash(txs: readonly Uint8Array[]): Uint8Array {
  return merkleRoot(txs.map(txHash));
}

/** Hash of one transaction: its sha256. */
export function txHash(tx: Uint8Array): Uint8Array {
  return sha256(tx);
}

/** Proof that transaction `index` is in the block; its leaf is `txHash(tx)`. */
export function txProof(txs: readonly Uint8Array[], index: number): MerkleProof {
  return merkleProof(txs.map(txHash), index);
}

/** Hash of a block's evidence. */
export function evidenceHash(evidence: readonly DuplicateVoteEvidence[]): Uint8Array {
  return merkleRoot(evidence.map(duplicateVoteEvidenceMessage.encode));
}

/** Hash of a block's results, over code, data and gas only; it stands in the next header. */
export function resultsHash(
  results: readonly Pick<ExecTxResult, 'code' | 'data' | 'gasWanted' | 'gasUsed'>[],
): Uint8Array {
  return merkleRoot(results.map((result) => deterministicTxResultMessage.encode(result)));
}

/** Hash of the consensus parameters; of all of them only the two block limits enter. */
export function consensusParamsHash(params: Pick<ConsensusParams, 'block'>): Uint8Array {
  const { maxBytes, maxGas } = params.block;
  return sha256(hashedParamsMessage.encode({ blockMaxBytes: maxBytes, blockMaxGas: maxGas }));
}

/** Part-set header of an encoded block: number of 64 KiB parts and the Merkle root over them. */
export function partSetHeader(encoded: Uint8Array): PartSetHeader {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < encoded.length; at += BLOCK_PART_BYTES) {
    parts.push(encoded.subarray(at, at + BLOCK_PART_BYTES));
  }
  return { total: parts.length, hash: merkleRoot(parts) };
}

/** The id that validators vote for. */
export function blockIdOf(block: Block): BlockId {
  return {
    hash: headerHash(block.header),
    partSetHeader: partSetHeader(blockMessage.encode(block)),
  };
}

/** The commit without the vote extensions: what the next block carries. */
export function withoutExtensions(extended: ExtendedCommit): Commit {
  const { height, round, blockId } = extended;
  const signatures = extended.extendedSignatures.map(
    ({ blockIdFlag, validatorAddress, timeNs, signature }) => ({
      blockIdFlag,
      validatorAddress,
      timeNs,
      signature,
    }),
  );
  return { height, round, blockId, signatures };
}
