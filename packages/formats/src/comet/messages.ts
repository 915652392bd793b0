/**
 * The messages of CometBFT v0.38 (`tendermint.types`, `tendermint.version`, `tendermint.crypto`,
 * `tendermint.abci`), field for field: names are the camelCase of the protobuf names, except that
 * times are `timeNs` and powers `power`. Field numbers are those of its .proto files.
 *
 * Keys are ed25519 only, as 32 bytes; a key of another type is refused when decoding.
 */
import type { ConsensusParamsUpdate, FinalizeBlockResponse } from '../abci.ts';
import { duration, timestamp } from './time.ts';
import type { Field, Message, TypeOf } from './wire.ts';
import {
  bool,
  bytes,
  bytesList,
  embedded,
  enumeration,
  int32,
  int64,
  list,
  malformed,
  mapped,
  maybe,
  message,
  sfixed64,
  string,
  stringList,
  uint32,
  uint64,
} from './wire.ts';

const HASH_BYTES = 32;
const ADDRESS_BYTES = 20;
const SIGNATURE_BYTES = 64;
const KEY_BYTES = 32;
/** CometBFT refuses longer chain ids (types.MaxChainIDLen). */
export const MAX_CHAIN_ID_BYTES = 50;
/** CometBFT's bound on a whole encoded block, 100 MB (types.MaxBlockSizeBytes). */
export const MAX_BLOCK_BYTES = 104_857_600;
/** CometBFT's bound on votes in a commit (types.MaxVotesCount). */
export const MAX_VOTES = 10_000;
/** The app hash is the application's own; 64 bytes fit every hash in use. */
const MAX_APP_HASH_BYTES = 64;
/** A block id: hash, and part-set header of total and hash, each with tag and length. */
const MAX_BLOCK_ID_BYTES = 80;
/** A header at its longest is 626 bytes in CometBFT (MaxHeaderBytes); ours has a longer app hash. */
const MAX_HEADER_BYTES = 1_024;
/** Flag, address, time and signature with tags: 109 in CometBFT; its extension comes on top. */
const MAX_COMMIT_SIG_BYTES = 128;
/** An extension rides on every vote of every block: 1 MiB is CometBFT's largest vote message. */
export const MAX_EXTENSION_BYTES = 1_048_576;
/** Two votes with their extensions. */
const MAX_EVIDENCE_BYTES = 2 * (MAX_EXTENSION_BYTES + 1_024);
/** More pieces of evidence than fit the default 1 MiB of a block (one is over 250 bytes). */
const MAX_EVIDENCE_ITEMS = 4_096;
/** An empty transaction costs two bytes, so a block has room for no more than this. */
const MAX_TXS = MAX_BLOCK_BYTES / 2;

const hash = (number: number) => bytes(number, HASH_BYTES);
const address = (number: number) => bytes(number, ADDRESS_BYTES);
const signature = (number: number) => bytes(number, SIGNATURE_BYTES);
const chainId = (number: number) => string(number, MAX_CHAIN_ID_BYTES);

/** Encodes and decodes `tendermint.types.PartSetHeader`. */
export const partSetHeaderMessage = message('PartSetHeader', { total: uint32(1), hash: hash(2) });
/** How many 64 KiB parts an encoded block has, and the Merkle root over them. */
export type PartSetHeader = TypeOf<typeof partSetHeaderMessage>;

/** Encodes and decodes `tendermint.types.BlockID`. */
export const blockIdMessage = message('BlockID', {
  hash: hash(1),
  partSetHeader: embedded(2, partSetHeaderMessage, MAX_BLOCK_ID_BYTES),
});
/** What a vote is for: hash of the header and of the encoded block; both empty for none. */
export type BlockId = TypeOf<typeof blockIdMessage>;
/** The id of no block: a vote for it is a vote for nil, and the first block points at it. */
export const NIL_BLOCK_ID: BlockId = blockIdMessage.decode(new Uint8Array(0));

const blockId = (number: number) => embedded(number, blockIdMessage, MAX_BLOCK_ID_BYTES);

/** Encodes and decodes `tendermint.version.Consensus`. */
export const versionMessage = message('Consensus', { block: uint64(1), app: uint64(2) });
/** Version of the block format (11 for CometBFT v0.38) and of the application. */
export type Version = TypeOf<typeof versionMessage>;
/** Block protocol of CometBFT v0.34 to v0.40. */
export const BLOCK_PROTOCOL = 11n;

/** Encodes and decodes `tendermint.types.Header`. */
export const headerMessage = message('Header', {
  version: embedded(1, versionMessage, 22),
  chainId: chainId(2),
  height: int64(3),
  timeNs: timestamp(4),
  lastBlockId: blockId(5),
  lastCommitHash: hash(6),
  dataHash: hash(7),
  validatorsHash: hash(8),
  nextValidatorsHash: hash(9),
  consensusHash: hash(10),
  appHash: bytes(11, MAX_APP_HASH_BYTES),
  lastResultsHash: hash(12),
  evidenceHash: hash(13),
  proposerAddress: address(14),
});
/** A block header; `appHash` and `lastResultsHash` are those of the block before. */
export type Header = TypeOf<typeof headerMessage>;

const blockIdFlags = { unknown: 0, absent: 1, commit: 2, nil: 3 } as const;

const commitSigFields = {
  blockIdFlag: enumeration(1, blockIdFlags),
  validatorAddress: address(2),
  timeNs: timestamp(3),
  signature: signature(4),
};
/** Encodes and decodes `tendermint.types.CommitSig`. */
export const commitSigMessage = message('CommitSig', commitSigFields);
/** One validator's precommit inside a commit; an absent one has no address and `ZERO_TIME_NS`. */
export type CommitSig = TypeOf<typeof commitSigMessage>;

/** Encodes and decodes `tendermint.types.Commit`. */
export const commitMessage = message('Commit', {
  height: int64(1),
  round: int32(2),
  blockId: blockId(3),
  signatures: list(4, commitSigMessage, { maxItems: MAX_VOTES, maxBytes: MAX_COMMIT_SIG_BYTES }),
});
/** The precommits of a height, one entry per validator, in the order of the set. */
export type Commit = TypeOf<typeof commitMessage>;
/** CometBFT's bound: 94 bytes and 111 per signature (types.MaxCommitBytes). */
const MAX_COMMIT_BYTES = 94 + 111 * MAX_VOTES;

/** Encodes and decodes `tendermint.types.ExtendedCommitSig`. */
export const extendedCommitSigMessage = message('ExtendedCommitSig', {
  ...commitSigFields,
  extension: bytes(5, MAX_EXTENSION_BYTES),
  extensionSignature: signature(6),
});
/** A `CommitSig` with the application's vote extension and the signature over it. */
export type ExtendedCommitSig = TypeOf<typeof extendedCommitSigMessage>;

/** Encodes and decodes `tendermint.types.ExtendedCommit`. */
export const extendedCommitMessage = message('ExtendedCommit', {
  height: int64(1),
  round: int32(2),
  blockId: blockId(3),
  extendedSignatures: list(4, extendedCommitSigMessage, {
    maxItems: MAX_VOTES,
    maxBytes: MAX_EXTENSION_BYTES + 256,
  }),
});
/** A commit as a validator keeps it: with vote extensions. Blocks carry it without. */
export type ExtendedCommit = TypeOf<typeof extendedCommitMessage>;

const signedMsgTypes = { unknown: 0, prevote: 1, precommit: 2, proposal: 32 } as const;

/** Encodes and decodes `tendermint.types.Vote`. */
export const voteMessage = message('Vote', {
  type: enumeration(1, signedMsgTypes),
  height: int64(2),
  round: int32(3),
  blockId: blockId(4),
  timeNs: timestamp(5),
  validatorAddress: address(6),
  validatorIndex: int32(7),
  signature: signature(8),
  extension: bytes(9, MAX_EXTENSION_BYTES),
  extensionSignature: signature(10),
});
/** A vote of one validator. */
export type Vote = TypeOf<typeof voteMessage>;

const MAX_VOTE_BYTES = MAX_EXTENSION_BYTES + 512;

/** Encodes and decodes `tendermint.types.DuplicateVoteEvidence`. */
export const duplicateVoteEvidenceMessage = message('DuplicateVoteEvidence', {
  voteA: embedded(1, voteMessage, MAX_VOTE_BYTES),
  voteB: embedded(2, voteMessage, MAX_VOTE_BYTES),
  totalVotingPower: int64(3),
  validatorPower: int64(4),
  timeNs: timestamp(5),
});
/** Two votes of one validator for different blocks of one height and round. */
export type DuplicateVoteEvidence = TypeOf<typeof duplicateVoteEvidenceMessage>;

const evidenceMessage = message('Evidence', {
  duplicateVote: maybe(1, duplicateVoteEvidenceMessage, MAX_EVIDENCE_BYTES),
});
const evidenceListMessage = message('EvidenceList', {
  evidence: list(1, evidenceMessage, {
    maxItems: MAX_EVIDENCE_ITEMS,
    maxBytes: MAX_EVIDENCE_BYTES + 16,
  }),
});
const dataMessage = message('Data', {
  txs: bytesList(1, { maxItems: MAX_TXS, maxBytes: MAX_BLOCK_BYTES }),
});

/** The list of evidence sits in a message of its own; in TypeScript it is just the list. */
function evidenceList(number: number): Field<readonly DuplicateVoteEvidence[]> {
  return mapped(embedded(number, evidenceListMessage, MAX_BLOCK_BYTES), {
    from: ({ evidence }) =>
      evidence.map(({ duplicateVote }) => {
        if (!duplicateVote) throw malformed('evidence of another kind than a duplicate vote');
        return duplicateVote;
      }),
    to: (evidence) => ({ evidence: evidence.map((duplicateVote) => ({ duplicateVote })) }),
  });
}

/** Encodes and decodes `tendermint.types.Block`. */
export const blockMessage = message('Block', {
  header: embedded(1, headerMessage, MAX_HEADER_BYTES),
  txs: mapped(embedded(2, dataMessage, MAX_BLOCK_BYTES), {
    from: ({ txs }) => txs,
    to: (txs: readonly Uint8Array[]) => ({ txs }),
  }),
  evidence: evidenceList(3),
  lastCommit: maybe(4, commitMessage, MAX_COMMIT_BYTES),
});
/** A block: header, transactions, evidence, and the commit of the block before. */
export type Block = TypeOf<typeof blockMessage>;

const publicKeyMessage = message('PublicKey', { ed25519: bytes(1, KEY_BYTES) });
const publicKey = (number: number) =>
  mapped(embedded(number, publicKeyMessage, KEY_BYTES + 2), {
    from: ({ ed25519 }) => ed25519,
    to: (ed25519: Uint8Array) => ({ ed25519 }),
  });

/** Encodes and decodes `tendermint.types.Validator`. */
export const validatorMessage = message('Validator', {
  address: address(1),
  publicKey: publicKey(2),
  power: int64(3),
  proposerPriority: int64(4),
});
/** A validator: 20-byte address, ed25519 key, voting power, and its turn to propose. */
export type Validator = TypeOf<typeof validatorMessage>;

const MAX_VALIDATOR_BYTES = 22 + 36 + 11 + 11;

/** Encodes and decodes `tendermint.types.ValidatorSet`. */
export const validatorSetMessage = message('ValidatorSet', {
  validators: list(1, validatorMessage, { maxItems: MAX_VOTES, maxBytes: MAX_VALIDATOR_BYTES }),
  proposer: maybe(2, validatorMessage, MAX_VALIDATOR_BYTES),
  totalVotingPower: int64(3),
});

/** Encodes and decodes `tendermint.types.SimpleValidator`. */
export const simpleValidatorMessage = message('SimpleValidator', {
  publicKey: publicKey(1),
  power: int64(2),
});

/** Encodes and decodes `tendermint.types.CanonicalVote`. */
export const canonicalVoteMessage = message('CanonicalVote', {
  type: enumeration(1, signedMsgTypes),
  height: sfixed64(2),
  round: sfixed64(3),
  blockId: maybe(4, blockIdMessage, MAX_BLOCK_ID_BYTES),
  timeNs: timestamp(5),
  chainId: chainId(6),
});

/** Encodes and decodes `tendermint.types.CanonicalVoteExtension`. */
export const canonicalVoteExtensionMessage = message('CanonicalVoteExtension', {
  extension: bytes(1, MAX_EXTENSION_BYTES),
  height: sfixed64(2),
  round: sfixed64(3),
  chainId: chainId(4),
});

const blockParamsMessage = message('BlockParams', { maxBytes: int64(1), maxGas: int64(2) });
const evidenceParamsMessage = message('EvidenceParams', {
  maxAgeNumBlocks: int64(1),
  maxAgeDurationNs: duration(2),
  maxBytes: int64(3),
});
const validatorParamsMessage = message('ValidatorParams', {
  pubKeyTypes: stringList(1, { maxItems: 8, maxBytes: 32 }),
});
const versionParamsMessage = message('VersionParams', { app: uint64(1) });
const abciParamsMessage = message('ABCIParams', { voteExtensionsEnableHeight: int64(1) });
/** More than the five sections take at their longest. */
const MAX_PARAMS_BYTES = 512;

/** Encodes and decodes `tendermint.types.ConsensusParams`. */
export const consensusParamsMessage = message('ConsensusParams', {
  block: embedded(1, blockParamsMessage, MAX_PARAMS_BYTES),
  evidence: embedded(2, evidenceParamsMessage, MAX_PARAMS_BYTES),
  validator: embedded(3, validatorParamsMessage, MAX_PARAMS_BYTES),
  version: embedded(4, versionParamsMessage, MAX_PARAMS_BYTES),
  abci: embedded(5, abciParamsMessage, MAX_PARAMS_BYTES),
});

/** The two parameters that `consensus_hash` covers. */
export const hashedParamsMessage = message('HashedParams', {
  blockMaxBytes: int64(1),
  blockMaxGas: int64(2),
});

/** The part of a transaction result that all validators must agree on. */
export const deterministicTxResultMessage = message('ExecTxResult', {
  code: uint32(1),
  data: bytes(2, MAX_BLOCK_BYTES),
  gasWanted: int64(5),
  gasUsed: int64(6),
});

/** What an application says about a block is its own; none says more than a block holds. */
const MAX_TEXT_BYTES = MAX_BLOCK_BYTES;
/** More events, attributes or results than this in one block are a runaway application. */
const MAX_EVENTS = 10_000_000;
const many = { maxItems: MAX_EVENTS, maxBytes: MAX_BLOCK_BYTES };

const eventAttributeMessage = message('EventAttribute', {
  key: string(1, MAX_TEXT_BYTES),
  value: string(2, MAX_TEXT_BYTES),
  index: bool(3),
});
const eventMessage = message('Event', {
  type: string(1, MAX_TEXT_BYTES),
  attributes: list(2, eventAttributeMessage, many),
});
const execTxResultMessage = message('ExecTxResult', {
  code: uint32(1),
  data: bytes(2, MAX_BLOCK_BYTES),
  log: string(3, MAX_TEXT_BYTES),
  info: string(4, MAX_TEXT_BYTES),
  gasWanted: int64(5),
  gasUsed: int64(6),
  events: list(7, eventMessage, many),
  codespace: string(8, MAX_TEXT_BYTES),
});
const validatorUpdateMessage = message('ValidatorUpdate', {
  publicKey: publicKey(1),
  power: int64(2),
});
const consensusParamsUpdateMessage = message('ConsensusParams', {
  block: maybe(1, blockParamsMessage, MAX_PARAMS_BYTES),
  evidence: maybe(2, evidenceParamsMessage, MAX_PARAMS_BYTES),
  validator: maybe(3, validatorParamsMessage, MAX_PARAMS_BYTES),
  version: maybe(4, versionParamsMessage, MAX_PARAMS_BYTES),
  abci: maybe(5, abciParamsMessage, MAX_PARAMS_BYTES),
});

const NO_UPDATE = consensusParamsUpdateMessage.decode(new Uint8Array(0));

/** An application's answer to a block, `tendermint.abci.ResponseFinalizeBlock`. */
export const finalizeBlockResponseMessage: Message<FinalizeBlockResponse> = message(
  'ResponseFinalizeBlock',
  {
    events: list(1, eventMessage, many),
    txResults: list(2, execTxResultMessage, many),
    validatorUpdates: list(3, validatorUpdateMessage, { maxItems: MAX_VOTES, maxBytes: 64 }),
    consensusParamUpdates: mapped(maybe(4, consensusParamsUpdateMessage, 5 * MAX_PARAMS_BYTES), {
      from: (update): ConsensusParamsUpdate | undefined => update,
      to: (update) => update && { ...NO_UPDATE, ...update },
    }),
    appHash: bytes(5, MAX_APP_HASH_BYTES),
  },
);
