/** Proposing blocks, and judging those of others: both by the rules of `proposal.ts`. */
import { isRefusal, type Opened, toBinaryString } from '@palisade/core';
import type { CommitInfo, PrepareProposalRequest, ProcessProposalRequest } from '@palisade/formats';
import type { TxOpener } from './opener.ts';
import {
  isInBlockOrder,
  type JobFileRule,
  type OpenedTx,
  orderForBlock,
  TX_OVERHEAD,
  withinBytes,
} from './proposal.ts';
import type { Tip } from './tip.ts';
import { demandedIds, encodeLastVotes, type LastVotes, readLastVotes } from './votes.ts';

/** A block's last votes, which the first block has not, and its other transactions. */
export type BlockParts = {
  readonly votes: LastVotes | undefined;
  readonly txs: readonly Uint8Array[];
};

export class Proposals {
  private readonly tip: Tip;
  private readonly opener: TxOpener;
  private readonly jobFile: JobFileRule;

  constructor(tip: Tip, opener: TxOpener, jobFile: JobFileRule) {
    this.tip = tip;
    this.opener = opener;
    this.jobFile = jobFile;
  }

  /** The transactions of a proposal, made of what the mempool offers. */
  async prepare(request: PrepareProposalRequest): Promise<Uint8Array[]> {
    const { height, txs, maxTxBytes, localLastCommit } = request;
    const opened = await this.openAll(txs);
    const good = opened.filter((tx): tx is OpenedTx => tx !== undefined);
    const ordered = orderForBlock(good, this.jobFile);
    if (isFirst(height)) return this.fitting(ordered, maxTxBytes);
    const { state, begun } = this.tip;
    const votes = encodeLastVotes(state, begun.chainId, height - 1n, localLastCommit);
    const read = readLastVotes(state, begun.chainId, height, votes, localLastCommit);
    const left = maxTxBytes - BigInt(votes.length + TX_OVERHEAD);
    return [
      votes,
      ...this.fitting(read ? demandedFirst(ordered, demandedIds(read)) : ordered, left),
    ];
  }

  /** The transactions for which there is room, those first that are more urgent, in block order. */
  private fitting(byUrgency: readonly OpenedTx[], maxBytes: bigint): Uint8Array[] {
    // Ordered once more: without those that have no room, a sender's jobs take other places.
    const fitting = orderForBlock(withinBytes(byUrgency, maxBytes), this.jobFile);
    return fitting.map(({ bytes }) => bytes);
  }

  /** Whether a proposal may become a block. */
  async accepts({ height, txs, proposedLastCommit }: ProcessProposalRequest): Promise<boolean> {
    const parts = this.split(height, txs, proposedLastCommit);
    if (!parts) return false;
    const opened = await this.openAll(parts.txs);
    if (opened.some((tx) => tx === undefined)) return false;
    const good = opened as OpenedTx[];
    if (!isInBlockOrder(good, this.jobFile)) return false;
    if (!parts.votes) return true;
    const demanded = demandedIds(parts.votes);
    if (demanded.size === 0) return true;
    const included = new Set(good.map((tx) => toBinaryString(tx.opened.id)));
    for (const [key, id] of demanded)
      if (!included.has(key) && !this.jobFile.isOnChain(this.tip.state, id)) return false;
    return true;
  }

  /** The parts of a block; undefined when its last votes are not what they must be. */
  split(height: bigint, txs: readonly Uint8Array[], commit: CommitInfo): BlockParts | undefined {
    if (isFirst(height)) return { votes: undefined, txs };
    const { state, begun } = this.tip;
    const votes = readLastVotes(state, begun.chainId, height, txs[0], commit);
    return votes ? { votes, txs: txs.slice(1) } : undefined;
  }

  private async openAll(txs: readonly Uint8Array[]): Promise<(OpenedTx | undefined)[]> {
    const opened = await this.opener.open(txs);
    return opened.map((tx, i) =>
      isRefusal(tx) ? undefined : { bytes: txs[i]!, opened: tx as Opened },
    );
  }
}

/** A block without what is demanded would be rejected, however many others there are. */
function demandedFirst(
  txs: readonly OpenedTx[],
  demanded: ReadonlyMap<string, unknown>,
): readonly OpenedTx[] {
  if (demanded.size === 0) return txs;
  const isDemanded = ({ opened: { id } }: OpenedTx) => demanded.has(toBinaryString(id));
  return [...txs.filter(isDemanded), ...txs.filter((tx) => !isDemanded(tx))];
}

/** The block that carries no votes, as there was none before it. */
function isFirst(height: bigint): boolean {
  return height === 1n;
}
