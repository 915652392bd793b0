/**
 * What a transaction does to the outputs, or why it may not. The same rules judge payments on this
 * chain, where outputs are records of the state, and in a watcher, where they are columns of its ledger.
 */
import { equalBytes, type Refusal } from '@palisade/core';
import { MAX_BLOCK_TXS, type Position, placeOf, positionOf } from '../format/position.ts';
import { type FeeClaim, feeNonce, type Output, type Payment } from '../format/transaction.ts';
import { type Amounts, surplusOf, tokenKey } from './amounts.ts';
import { no } from './errors.ts';
import { type Fees, feeRefusal, isMerge } from './fees.ts';
import { isPayment, type Opened } from './open.ts';

/** Outputs that can be spent. */
export type Outputs = { get(position: Position): Output | undefined };

/** A block that is being made or judged, so far. */
export type BlockSoFar = {
  readonly blknum: number;
  /** Transactions in it. */
  readonly count: number;
  /** Fees that its payments left and that nobody has claimed yet, by token. */
  readonly collected: Amounts;
  /** Whether a fee was claimed: no payment may follow. */
  readonly claiming: boolean;
};

/** What a transaction takes away and makes. */
export type Effects = {
  readonly spent: readonly Position[];
  readonly created: readonly { readonly position: Position; readonly output: Output }[];
  /** What a payment leaves to the block, or a claim takes from it (negative), by token. */
  readonly collected: Amounts;
};

/** What who forms a block demands beyond the rules that everybody checks. */
export type Demands = {
  readonly fees: Fees;
  /** Transactions that a block takes; the rest of its tree is kept for fee claims. */
  readonly maxTxs: number;
};

/**
 * @param demands who forms a block has them. A block does not say which prices it was formed by, so whoever judges it
 * later has none, and takes whatever its payments left
 */
export function judge(
  outputs: Outputs,
  block: BlockSoFar,
  opened: Opened,
  demands?: Demands,
): Effects | Refusal {
  if (isPayment(opened)) return judgePayment(outputs, block, opened, demands);
  return judgeClaim(block, opened.transaction as FeeClaim);
}

function judgePayment(
  outputs: Outputs,
  block: BlockSoFar,
  { transaction, signers }: Opened<Payment>,
  demands: Demands | undefined,
): Effects | Refusal {
  if (block.claiming) return no('payments_rejected_during_fee_claiming');
  const room = demands ? demands.maxTxs - block.collected.size : MAX_BLOCK_TXS;
  if (block.count >= room) return no('too_many_transactions_in_block');
  const ahead = transaction.inputs.find((input) => placeOf(input).blknum > block.blknum);
  if (ahead !== undefined) return no('input_utxo_ahead_of_state', { position: ahead });
  const spent: Output[] = [];
  for (const position of transaction.inputs) {
    const output = outputs.get(position);
    if (!output) return no('utxo_not_found', { position });
    spent.push(output);
  }
  if (spent.some(({ owner }, i) => !equalBytes(owner, signers[i]!)))
    return no('unauthorized_spend');
  const collected = surplusOf(spent, transaction.outputs);
  if (!collected) return no('amounts_do_not_add_up');
  const unpaid = demands && feeRefusal(demands.fees, collected, isMerge(transaction, spent));
  if (unpaid) return unpaid;
  return { spent: transaction.inputs, created: placed(block, transaction.outputs), collected };
}

function judgeClaim(block: BlockSoFar, { outputs, nonce }: FeeClaim): Effects | Refusal {
  if (block.count >= MAX_BLOCK_TXS) return no('too_many_transactions_in_block');
  const [{ token, amount }] = outputs;
  const key = tokenKey(token);
  const collected = block.collected.get(key) ?? 0n;
  if (collected === 0n) return no('surplus_in_token_not_collected');
  if (collected !== amount) return no('claimed_and_collected_amounts_mismatch');
  if (!equalBytes(nonce, feeNonce(block.blknum, token))) return no('malformed_nonce');
  return { spent: [], created: placed(block, outputs), collected: new Map([[key, -amount]]) };
}

function placed({ blknum, count }: BlockSoFar, outputs: readonly Output[]): Effects['created'] {
  return outputs.map((output, oindex) => ({
    position: positionOf({ blknum, txindex: count, oindex }),
    output,
  }));
}

/** A block to which transactions are added. */
export type OpenBlock = {
  readonly blknum: number;
  count: number;
  readonly collected: Map<string, bigint>;
  claiming: boolean;
};

/** A block without transactions. */
export function openBlock(blknum: number): OpenBlock {
  return { blknum, count: 0, collected: new Map(), claiming: false };
}

/** Counts one more transaction, in place: a block may collect fees in as many tokens as it has payments. */
export function addEffects(block: OpenBlock, { collected }: Effects): void {
  block.count++;
  for (const [token, amount] of collected) {
    const sum = (block.collected.get(token) ?? 0n) + amount;
    if (amount < 0n) block.claiming = true;
    if (sum === 0n) block.collected.delete(token);
    else block.collected.set(token, sum);
  }
}
