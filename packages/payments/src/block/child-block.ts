/** Child blocks: making one of what is submitted, and judging one that somebody else made. */
import { equalBytes, isRefusal, type Refusal } from '@palisade/core';
import { BlockTree } from '../format/merkle.ts';
import { CHILD_BLOCK_INTERVAL, MAX_BLOCK_TXS, type Position } from '../format/position.ts';
import { encodeSigned, encodeTransaction, feeClaimOf, hashOf } from '../format/transaction.ts';
import type { SigningDomain } from '../format/typed-data.ts';
import { tokenOf } from '../rules/amounts.ts';
import {
  addEffects,
  type Demands,
  type Effects,
  judge,
  type OpenBlock,
  type Outputs,
  openBlock,
} from '../rules/judge.ts';
import { isPayment, type Opened, openTransaction, type Recover } from '../rules/open.ts';
import { Draft } from './draft.ts';

/** A block whose transactions were all executed. */
export type ChildBlock = {
  readonly blknum: number;
  readonly tree: BlockTree;
  readonly transactions: readonly Opened[];
  /** What each transaction does, in the same order. */
  readonly effects: readonly Effects[];
};

/**
 * Places of a block that payments leave to fee claims, besides one for each token in which fees were
 * collected: the reference keeps as many.
 */
export const RESERVED_PLACES = 5;
/** Payments of a block at most. */
export const MAX_PAYMENTS = MAX_BLOCK_TXS - RESERVED_PLACES;

/** A block that payments are put into, one after another. */
export class BlockFormer {
  private readonly draft: Draft;
  private readonly block: OpenBlock;
  private readonly transactions: Opened[] = [];
  private readonly effects: Effects[] = [];

  constructor(outputs: Outputs, blknum: number) {
    this.draft = new Draft(outputs);
    this.block = openBlock(blknum);
  }

  /** Puts a transaction into the block, or says why not. */
  add(opened: Opened, demands?: Demands): { readonly txindex: number } | Refusal {
    const effects = judge(this.draft, this.block, opened, demands);
    if (isRefusal(effects)) return effects;
    const txindex = this.block.count;
    this.draft.apply(effects);
    addEffects(this.block, effects);
    this.transactions.push(opened);
    this.effects.push(effects);
    return { txindex };
  }

  /** Claims all fees for `claimer`, in the order of the tokens' addresses. */
  claimFees(claimer: Uint8Array): void {
    for (const [token, amount] of [...this.block.collected].sort(([a], [b]) => (a < b ? -1 : 1)))
      this.add(openClaim(this.block.blknum, claimer, tokenOf(token), amount));
  }

  close(): ChildBlock {
    return {
      blknum: this.block.blknum,
      tree: BlockTree.of(this.transactions.map(({ raw }) => raw)),
      transactions: this.transactions,
      effects: this.effects,
    };
  }
}

/** The claim of a block's fees in one token, as if it had been submitted. */
export function openClaim(
  blknum: number,
  claimer: Uint8Array,
  token: Uint8Array,
  amount: bigint,
): Opened {
  const transaction = feeClaimOf(blknum, claimer, token, amount);
  const signed = encodeSigned(transaction, []);
  const raw = encodeTransaction(transaction);
  return { transaction, hash: hashOf(raw), raw, signed, signers: [] };
}

/** A block as its maker hands it out. */
export type ReceivedBlock = {
  readonly number: number;
  readonly hash: Uint8Array;
  /** Signed. */
  readonly transactions: readonly Uint8Array[];
};

/** What the root chain knows of a block: its number, and its root under the name of a hash. */
export type ExpectedBlock = { readonly number: number; readonly hash: Uint8Array };

/** Why a block is invalid: the reference's names. */
export type BlockError =
  | 'bad_returned_number'
  | 'bad_returned_hash'
  | 'incorrect_hash'
  | 'tx_decoding'
  | 'tx_execution';

/** A block that breaks the rules, with what anybody needs to check that again. */
export type InvalidBlock = {
  readonly blknum: number;
  readonly hash: Uint8Array;
  readonly error: BlockError;
  /** Index of the transaction that is wrong, and what is wrong with it. */
  readonly txindex?: number;
  readonly refusal?: Refusal;
};

/** What is judged with: the contracts' domain, and how signatures are recovered. */
export type Judging = { readonly domain: SigningDomain; readonly recover: Recover };

/**
 * Judges a block against what the root chain has of it and the outputs before it. Nothing is applied:
 * the caller does that with the effects.
 */
export function judgeBlock(
  judging: Judging,
  outputs: Outputs,
  expected: ExpectedBlock,
  received: ReceivedBlock,
): ChildBlock | InvalidBlock {
  const steps = judgeInSteps(judging, outputs, expected, received);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/**
 * As `judgeBlock`, with a step for each transaction that is read, of which its signatures are most of the
 * work: whoever takes the steps may do others' work in between. The outputs are asked in the last one.
 */
export function* judgeInSteps(
  { domain, recover }: Judging,
  outputs: Outputs,
  expected: ExpectedBlock,
  received: ReceivedBlock,
): Generator<undefined, ChildBlock | InvalidBlock> {
  const { number: blknum, hash } = expected;
  const wrong = (error: BlockError, more: Partial<InvalidBlock> = {}): InvalidBlock => ({
    ...{ blknum, hash, error },
    ...more,
  });
  if (received.number !== blknum) return wrong('bad_returned_number');
  if (!equalBytes(received.hash, hash)) return wrong('bad_returned_hash');
  if (received.transactions.length > MAX_BLOCK_TXS) return wrong('incorrect_hash');
  const all: (Opened | Refusal)[] = [];
  for (const bytes of received.transactions) {
    const opened = openTransaction(domain, bytes, recover);
    all.push(opened);
    // Nothing behind it counts.
    if (isRefusal(opened)) break;
    yield;
  }
  const former = new BlockFormer(outputs, blknum);
  for (const [txindex, opened] of all.entries()) {
    if (isRefusal(opened)) return wrong('tx_decoding', { txindex, refusal: opened });
    const added = former.add(opened);
    if (isRefusal(added)) return wrong('tx_execution', { txindex, refusal: added });
  }
  const block = former.close();
  return equalBytes(block.tree.root, hash) ? block : wrong('incorrect_hash');
}

/** Tells the two outcomes of `judgeBlock` apart. */
export function isInvalidBlock(judged: ChildBlock | InvalidBlock): judged is InvalidBlock {
  return 'error' in judged;
}

/** The number of the child block after one. */
export function nextChildBlock(blknum: number): number {
  return blknum + CHILD_BLOCK_INTERVAL;
}

/** The transaction that spent an output, and the input of it that did. */
export type Spender = { readonly blknum: number; readonly txindex: number; readonly input: number };

/** Positions that a block spends, each with who does. */
export function* spendsOf({
  blknum,
  transactions,
}: Pick<ChildBlock, 'blknum' | 'transactions'>): Generator<{
  readonly position: Position;
  readonly spender: Spender;
}> {
  for (const [txindex, opened] of transactions.entries()) {
    if (!isPayment(opened)) continue;
    for (const [input, position] of opened.transaction.inputs.entries())
      yield { position, spender: { blknum, txindex, input } };
  }
}
