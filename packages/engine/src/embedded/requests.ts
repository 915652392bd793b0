/** Requests to the application, made of blocks and commits, field for field as CometBFT makes them. */
import type {
  Block,
  Commit,
  CommitInfo,
  ExtendedCommit,
  ExtendedCommitInfo,
  FinalizeBlockRequest,
  InfoRequest,
  InitChainRequest,
  ProcessProposalRequest,
  Validator,
  ValidatorSet,
} from '@palisade/formats';
import { BLOCK_PROTOCOL, headerHash, misbehaviorOf } from '@palisade/formats';
import type { Genesis } from './options.ts';

/** `abciVersion` is CometBFT v0.38's; it has no peers, so the peer protocol is that version's, 8. */
export const INFO_REQUEST: InfoRequest = {
  version: 'palisade-embedded',
  blockVersion: BLOCK_PROTOCOL,
  p2pVersion: 8n,
  abciVersion: '2.0.0',
};

export function initChainRequest(genesis: Genesis): InitChainRequest {
  return {
    timeNs: genesis.timeNs,
    chainId: genesis.chainId,
    consensusParams: genesis.consensusParams,
    validators: genesis.validators.map(({ publicKey, power }) => ({ publicKey, power })),
    appStateBytes: genesis.appState,
    initialHeight: genesis.initialHeight,
  };
}

/** What the last commit says of each validator of its height; empty before there is one. */
export function commitInfo(commit: Commit, set: ValidatorSet | undefined): CommitInfo {
  const votes = commit.signatures.map(({ blockIdFlag }, index) => ({
    validator: voterOf(set!.validators[index]!),
    blockIdFlag,
  }));
  return { round: commit.round, votes };
}

/** The same with vote extensions, for the proposer. */
export function extendedCommitInfo(
  commit: ExtendedCommit | undefined,
  set: ValidatorSet | undefined,
): ExtendedCommitInfo {
  if (!commit || !set) return { round: 0, votes: [] };
  const votes = commit.extendedSignatures.map((entry, index) => ({
    validator: voterOf(set.validators[index]!),
    blockIdFlag: entry.blockIdFlag,
    voteExtension: entry.extension,
    extensionSignature: entry.extensionSignature,
  }));
  return { round: commit.round, votes };
}

/** A proposed block; `lastSet` are the validators of the height before. */
export function proposalRequest(
  block: Block,
  lastSet: ValidatorSet | undefined,
): ProcessProposalRequest {
  return { ...contentOf(block), proposedLastCommit: commitInfo(block.lastCommit!, lastSet) };
}

/** A decided block; `lastSet` are the validators of the height before. */
export function finalizeRequest(
  block: Block,
  lastSet: ValidatorSet | undefined,
): FinalizeBlockRequest {
  return { ...contentOf(block), decidedLastCommit: commitInfo(block.lastCommit!, lastSet) };
}

function contentOf({ header, txs, evidence }: Block) {
  return {
    txs,
    misbehavior: evidence.map(misbehaviorOf),
    hash: headerHash(header),
    height: header.height,
    timeNs: header.timeNs,
    nextValidatorsHash: header.nextValidatorsHash,
    proposerAddress: header.proposerAddress,
  };
}

function voterOf({ address, power }: Validator) {
  return { address, power };
}
