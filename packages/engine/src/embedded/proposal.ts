/**
 * A proposal: whose turn it is, what goes in, and the block with its genuine CometBFT header.
 */
import { PalisadeError, toHex } from '@palisade/core';
import type {
  Block,
  BlockId,
  Commit,
  DuplicateVoteEvidence,
  ExtendedCommit,
  Validator,
} from '@palisade/formats';
import {
  BLOCK_PROTOCOL,
  blockMessage,
  commitHash,
  consensusParamsHash,
  dataHash,
  evidenceHash,
  headerHash,
  maxDataBytes,
  medianTimeNs,
  misbehaviorOf,
  NIL_BLOCK_ID,
  partSetHeader,
  rotateProposer,
  txBytes,
  validatorSetHash,
  withoutExtensions,
} from '@palisade/formats';
import type { ChainState } from './chain-state.ts';
import { nextHeight } from './chain-state.ts';
import type { EvidencePool } from './evidence-pool.ts';
import type { Mempool } from './mempool.ts';
import type { Limits, Notice, ProposalSource, Replica } from './options.ts';
import { extendedCommitInfo } from './requests.ts';
import type { Signers } from './votes.ts';

export type Proposal = {
  readonly block: Block;
  readonly encoded: Uint8Array;
  readonly blockId: BlockId;
  readonly round: number;
};

export type Proposing = {
  readonly state: ChainState;
  readonly lastCommit: ExtendedCommit | undefined;
  readonly signers: Signers;
  readonly primary: Replica;
  readonly mempool: Mempool;
  readonly evidence: EvidencePool;
  readonly sources: readonly ProposalSource[];
  readonly limits: Limits;
  readonly onNotice: (notice: Notice) => void;
};

/** With over two thirds of the power hosted, an absent proposer is followed by a present one soon. */
const MAX_ROUNDS = 1_000;
const EMPTY_COMMIT: Commit = { height: 0n, round: 0, blockId: NIL_BLOCK_ID, signatures: [] };

/** The next block as the proposer makes it. */
export async function propose(proposing: Proposing): Promise<Proposal> {
  const { state, lastCommit, limits } = proposing;
  const { round, proposer } = hostedProposer(proposing);
  const { evidence, bytes } = proposing.evidence.take(state.params.evidence.maxBytes);
  const room = maxDataBytes(state.params, bytes, state.validators.validators.length);
  const maxBytes = Math.min(Number(room), limits.blockTxBytes);
  const offered = await offer(proposing, maxBytes);
  const commit = lastCommit ? withoutExtensions(lastCommit) : EMPTY_COMMIT;
  const timeNs = lastCommit ? medianTimeNs(commit, state.lastValidators!) : state.lastBlockTimeNs;
  const { txs } = await proposing.primary.prepareProposal({
    maxTxBytes: BigInt(maxBytes),
    txs: offered,
    localLastCommit: extendedCommitInfo(lastCommit, state.lastValidators),
    misbehavior: evidence.map(misbehaviorOf),
    height: nextHeight(state),
    timeNs,
    nextValidatorsHash: validatorSetHash(state.nextValidators),
    proposerAddress: proposer.address,
  });
  requireFit(txs, maxBytes, nextHeight(state));
  const block = makeBlock(state, { txs, evidence, commit, timeNs, proposer });
  const encoded = blockMessage.encode(block);
  const blockId = { hash: headerHash(block.header), partSetHeader: partSetHeader(encoded) };
  return { block, encoded, blockId, round };
}

type Content = {
  readonly txs: readonly Uint8Array[];
  readonly evidence: readonly DuplicateVoteEvidence[];
  readonly commit: Commit;
  readonly timeNs: bigint;
  readonly proposer: Validator;
};

function makeBlock(state: ChainState, content: Content): Block {
  const { txs, evidence, commit, timeNs, proposer } = content;
  return {
    header: {
      version: { block: BLOCK_PROTOCOL, app: state.params.version.app },
      chainId: state.chainId,
      height: nextHeight(state),
      timeNs,
      lastBlockId: state.lastBlockId,
      lastCommitHash: commitHash(commit),
      dataHash: dataHash(txs),
      validatorsHash: validatorSetHash(state.validators),
      nextValidatorsHash: validatorSetHash(state.nextValidators),
      consensusHash: consensusParamsHash(state.params),
      appHash: state.appHash,
      lastResultsHash: state.lastResultsHash,
      evidenceHash: evidenceHash(evidence),
      proposerAddress: proposer.address,
    },
    txs,
    evidence,
    lastCommit: commit,
  };
}

/** An absent proposer costs a round, as it would in CometBFT. */
function hostedProposer({ state, signers }: Proposing) {
  let set = state.validators;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (signers.has(toHex(set.proposer.address))) return { round, proposer: set.proposer };
    set = rotateProposer(set, 1);
  }
  throw new PalisadeError({
    code: 'engine/no-proposer',
    message: `In ${MAX_ROUNDS} rounds of height ${nextHeight(state)} no hosted validator had its turn.`,
    next: 'Start again with the keys of the other validators.',
  });
}

/** What proposal sources have comes first, then the mempool fills the rest. */
async function offer(proposing: Proposing, maxBytes: number): Promise<readonly Uint8Array[]> {
  const { state, sources, mempool, limits } = proposing;
  const txs: Uint8Array[] = [];
  let left = Math.min(maxBytes, limits.sourceBytes);
  for (const source of sources) {
    const taken = await takeFrom(proposing, source, left);
    left -= sizeOf(taken);
    txs.push(...taken);
  }
  return [...txs, ...mempool.reap(maxBytes - sizeOf(txs), state.params.block.maxGas)];
}

/** A source that fails or takes too much is left out of this block; the chain goes on without it. */
async function takeFrom(
  { state, onNotice }: Proposing,
  source: ProposalSource,
  maxBytes: number,
): Promise<readonly Uint8Array[]> {
  const height = nextHeight(state);
  const leaveOut = (why: string) => {
    const message = `A source of transactions was left out of block ${height}: ${why}.`;
    onNotice({ code: 'engine/source-left-out', message, data: { height } });
    return [];
  };
  try {
    const txs = await source.take(height, maxBytes);
    const size = sizeOf(txs);
    return size <= maxBytes ? txs : leaveOut(`it gave ${size} bytes where ${maxBytes} were left`);
  } catch (cause) {
    return leaveOut(cause instanceof Error ? cause.message : String(cause));
  }
}

function sizeOf(txs: readonly Uint8Array[]): number {
  return txs.reduce((sum, tx) => sum + txBytes(tx), 0);
}

function requireFit(txs: readonly Uint8Array[], maxBytes: number, height: bigint): void {
  const size = sizeOf(txs);
  if (size <= maxBytes) return;
  throw new PalisadeError({
    code: 'engine/proposal-too-large',
    message: `For height ${height} the application prepared ${size} bytes of transactions, and ${maxBytes} is the most.`,
    data: { height },
  });
}
