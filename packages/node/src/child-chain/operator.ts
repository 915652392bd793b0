/**
 * An operator of a child chain in memory: takes signed payments, makes blocks of them, and hands blocks out by
 * their root. Whoever runs it submits the roots to the root chain and tells it of deposits and exits.
 */
import { isRefusal, type Refusal, refuse, toBinaryString } from '@palisade/core';
import {
  BlockFormer,
  type ChildBlock,
  type Demands,
  type Judging,
  Ledger,
  nextChildBlock,
  type Output,
  openTransaction,
  type Position,
  type ReceivedBlock,
} from '@palisade/payments';

export type OperatorOptions = Judging & {
  /** What payments have to pay, and how many a block takes; nothing is asked unless given. */
  readonly demands?: Demands;
  /** Who claims the fees, 20 bytes. */
  readonly claimer?: Uint8Array;
};

/** Where a payment will be. */
export type Accepted = {
  readonly blknum: number;
  readonly txindex: number;
  readonly txhash: Uint8Array;
};

const FIRST_BLOCK = 1000;

export class Operator {
  readonly ledger = new Ledger();
  private readonly options: OperatorOptions;
  /** By root. */
  private readonly blocks = new Map<string, ReceivedBlock>();
  /** Outputs whose exit has started: no payment may spend them (X4). */
  private readonly exiting = new Set<Position>();
  private blknum = FIRST_BLOCK;
  private former: BlockFormer;

  constructor(options: OperatorOptions) {
    this.options = options;
    this.former = this.begin();
  }

  private begin(): BlockFormer {
    const free = {
      get: (position: Position): Output | undefined =>
        this.exiting.has(position) ? undefined : this.ledger.get(position),
    };
    return new BlockFormer(free, this.blknum);
  }

  /** Number of the block that is being made. */
  get next(): number {
    return this.blknum;
  }

  /** Credits a deposit that the root chain will not take back any more. */
  deposit(position: Position, output: Output): void {
    this.ledger.create(position, output);
  }

  /** An exit of an output has started, or ended without being paid. */
  setExiting(position: Position, exits: boolean): void {
    if (exits) this.exiting.add(position);
    else this.exiting.delete(position);
  }

  /** Puts a signed payment into the block that is being made, or says why not. */
  submit(signed: Uint8Array): Accepted | Refusal {
    const { domain, recover, demands } = this.options;
    const opened = openTransaction(domain, signed, recover);
    if (isRefusal(opened)) return opened;
    if (opened.transaction.type !== 1)
      return refuse('payments/fee_claim_not_accepted', 'Fees are claimed by the operator alone.');
    const added = this.former.add(opened, demands);
    if (isRefusal(added)) return added;
    return { blknum: this.blknum, txindex: added.txindex, txhash: opened.hash };
  }

  /** Ends the block: its root is to be submitted to the root chain next. */
  close(): ChildBlock {
    const { claimer } = this.options;
    if (claimer) this.former.claimFees(claimer);
    const block = this.former.close();
    for (const effects of block.effects) this.ledger.apply(effects);
    const transactions = block.transactions.map(({ signed }) => signed);
    const { root } = block.tree;
    this.blocks.set(toBinaryString(root), { number: this.blknum, hash: root, transactions });
    this.blknum = nextChildBlock(this.blknum);
    this.former = this.begin();
    return block;
  }

  block(root: Uint8Array): ReceivedBlock | undefined {
    return this.blocks.get(toBinaryString(root));
  }
}
