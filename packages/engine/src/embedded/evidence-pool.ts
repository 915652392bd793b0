/** Evidence of duplicate votes: verified when it comes, kept until a block has it or it expires. */
import type { Refusal } from '@palisade/core';
import { refuse, toHex } from '@palisade/core';
import type { DuplicateVoteEvidence } from '@palisade/formats';
import {
  duplicateVoteEvidenceMessage,
  evidenceFault,
  isEvidenceExpired,
  txHash,
} from '@palisade/formats';
import type { EvidenceSubmission } from '../engine.ts';
import type { BlockStore } from './block-store.ts';
import type { ChainState } from './chain-state.ts';

/** Each piece costs two signature checks when it comes; honest validators never make any. */
const MAX_PENDING = 1_000;
/** Tags and lengths around one piece of evidence in a block: twice a tag and up to four bytes. */
const OVERHEAD_BYTES = 10;

export class EvidencePool {
  private readonly pending = new Map<string, DuplicateVoteEvidence>();
  private readonly store: BlockStore;

  constructor(store: BlockStore) {
    this.store = store;
    for (const evidence of store.pendingEvidence()) {
      this.pending.set(toHex(hashOf(evidence)), evidence);
    }
  }

  /** Durable when it resolves as accepted. */
  async submit(state: ChainState, evidence: DuplicateVoteEvidence): Promise<EvidenceSubmission> {
    const hash = hashOf(evidence);
    const known = this.store.evidenceState(hash);
    if (known === 'pending') return { accepted: true, known: true };
    if (known === 'committed')
      return no('engine/evidence-known', 'A block has this evidence already.');
    const fault = this.fault(state, evidence);
    if (fault !== undefined) return no('engine/evidence', `The evidence does not hold: ${fault}.`);
    if (this.pending.size >= MAX_PENDING) {
      const message = `${MAX_PENDING} pieces of evidence wait already, as many as may.`;
      return {
        accepted: false,
        refusal: refuse('engine/evidence-full', message, { retry: 'later' }),
      };
    }
    await this.store.saveEvidence(hash, evidence);
    this.pending.set(toHex(hash), evidence);
    return { accepted: true, known: false };
  }

  /** Evidence for a block, at most `maxBytes` of it, and the bytes that it takes. */
  take(maxBytes: bigint): { readonly evidence: readonly DuplicateVoteEvidence[]; bytes: number } {
    const evidence: DuplicateVoteEvidence[] = [];
    let bytes = 0;
    for (const piece of this.pending.values()) {
      const size = duplicateVoteEvidenceMessage.encode(piece).length + OVERHEAD_BYTES;
      if (BigInt(bytes + size) > maxBytes) break;
      bytes += size;
      evidence.push(piece);
    }
    return { evidence, bytes };
  }

  /** Forgets what a block included, and what has become too old for any block. */
  async update(state: ChainState, included: readonly DuplicateVoteEvidence[]): Promise<void> {
    for (const piece of included) this.pending.delete(toHex(hashOf(piece)));
    for (const [key, piece] of this.pending) {
      if (!isExpired(state, piece)) continue;
      this.pending.delete(key);
      await this.store.dropEvidence(hashOf(piece));
    }
  }

  private fault(state: ChainState, evidence: DuplicateVoteEvidence): string | undefined {
    const { height } = evidence.voteA;
    const header = height <= state.lastHeight ? this.store.block(height)?.block.header : undefined;
    if (!header) return `there is no block at height ${height}`;
    if (isExpired(state, { ...evidence, timeNs: header.timeNs })) return 'it is too old';
    const set = this.store.validatorSet(header.validatorsHash);
    if (!set) return `the validators of height ${height} are not known`;
    return evidenceFault(state.chainId, evidence, set, header.timeNs);
  }
}

/** What a piece of evidence is stored under. */
export function hashOf(evidence: DuplicateVoteEvidence): Uint8Array {
  return txHash(duplicateVoteEvidenceMessage.encode(evidence));
}

function isExpired(state: ChainState, { voteA, timeNs }: DuplicateVoteEvidence): boolean {
  const now = { height: state.lastHeight, timeNs: state.lastBlockTimeNs };
  return isEvidenceExpired({ height: voteA.height, timeNs }, now, state.params.evidence);
}

function no(code: string, message: string): { accepted: false; refusal: Refusal } {
  return { accepted: false, refusal: refuse(code, message) };
}
