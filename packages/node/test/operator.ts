/**
 * An operator of a child chain in memory, for tests: takes signed payments, makes blocks of them, and hands blocks
 * out by their root. Whoever runs it submits the roots to the root chain and tells it of deposits.
 */
import { isRefusal, type Refusal, refuse, toBinaryString } from '@palisade/core';
import {
  BlockFormer,
  type ChildBlock,
  type Judging,
  Ledger,
  nextChildBlock,
  type Output,
  openTransaction,
  type Position,
  type ReceivedBlock,
} from '@palisade/payments';
import type { Accepted } from '../src/child-chain/rpc.ts';

const FIRST_BLOCK = 1000;

export class Operator {
  readonly ledger = new Ledger();
  private readonly judging: Judging;
  /** By root. */
  private readonly blocks = new Map<string, ReceivedBlock>();
  private blknum = FIRST_BLOCK;
  private former: BlockFormer;

  constructor(judging: Judging) {
    this.judging = judging;
    this.former = new BlockFormer(this.ledger, this.blknum);
  }

  /** Number of the block that is being made. */
  get next(): number {
    return this.blknum;
  }

  /** Credits a deposit that the root chain will not take back any more. */
  deposit(position: Position, output: Output): void {
    this.ledger.create(position, output);
  }

  /** Puts a signed payment into the block that is being made, or says why not. */
  submit(signed: Uint8Array): Accepted | Refusal {
    const { domain, recover } = this.judging;
    const opened = openTransaction(domain, signed, recover);
    if (isRefusal(opened)) return opened;
    if (opened.transaction.type !== 1)
      return refuse('payments/fee_claim_not_accepted', 'Fees are claimed by the operator alone.');
    const added = this.former.add(opened);
    if (isRefusal(added)) return added;
    return { blknum: this.blknum, txindex: added.txindex, txhash: opened.hash };
  }

  /** Ends the block: its root is to be submitted to the root chain next. */
  close(): ChildBlock {
    const block = this.former.close();
    for (const effects of block.effects) this.ledger.apply(effects);
    const transactions = block.transactions.map(({ signed }) => signed);
    const { root } = block.tree;
    this.blocks.set(toBinaryString(root), { number: this.blknum, hash: root, transactions });
    this.blknum = nextChildBlock(this.blknum);
    this.former = new BlockFormer(this.ledger, this.blknum);
    return block;
  }

  block(root: Uint8Array): ReceivedBlock | undefined {
    return this.blocks.get(toBinaryString(root));
  }
}
