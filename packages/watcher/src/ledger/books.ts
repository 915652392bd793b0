/**
 * The child chain's ledger as the watcher believes it: deposits, child blocks and paid exits, applied in the order in
 * which the root chain has them. Exits leave no flags in it (X4).
 */
import {
  type ChildBlock,
  depositOf,
  encodeTransaction,
  Ledger,
  type Position,
  positionOf,
} from '@palisade/payments';
import type { FactOf, RootFact } from '../root/facts.ts';

/** How far the root chain's facts were applied. */
export type Applied = { readonly height: number; readonly index: number };

/** What an exit took out of the child chain when it was paid. */
export type Payout = {
  readonly exitId: bigint;
  /** The outputs that it paid for: each must have been unspent. */
  readonly paid: readonly Position[];
  /** Outputs that are spent by it besides: the inputs of an in-flight exit whose outputs left. */
  readonly consumed: readonly Position[];
};

export class Books {
  readonly ledger: Ledger;
  /** Number of the newest child block that was applied, deposits aside; 0 before the first. */
  blknum = 0;
  /** The last fact that was applied. */
  applied: Applied = { height: 0, index: -1 };
  /** In-flight exits whose inputs went with their outputs: a second output finds them gone, rightly. */
  readonly settled = new Set<bigint>();
  /** Told of each output that a block spends or an exit takes out. */
  onSpent: (position: Position) => void = () => {};

  constructor(ledger = new Ledger()) {
    this.ledger = ledger;
  }

  /** Whether a fact was applied before. */
  has({ height, index }: RootFact): boolean {
    const { applied } = this;
    return height < applied.height || (height === applied.height && index <= applied.index);
  }

  deposit(fact: FactOf<'DepositCreated'>): void {
    const { blknum, depositor, token, amount } = fact.event;
    const [output] = depositOf(depositor, token, amount).outputs;
    this.ledger.create(positionOf({ blknum, txindex: 0, oindex: 0 }), output!);
    this.note(fact);
  }

  block(fact: RootFact, block: ChildBlock): void {
    for (const effects of block.effects) {
      this.ledger.apply(effects);
      for (const position of effects.spent) this.onSpent(position);
    }
    this.blknum = block.blknum;
    this.note(fact);
  }

  /** Spends what an exit took out; answers the outputs that were not there to be taken. */
  paidOut(fact: RootFact, { exitId, paid, consumed }: Payout): readonly Position[] {
    const missing = paid.filter((position) => !this.take(position));
    const gone = consumed.filter((position) => !this.take(position));
    const first = !this.settled.has(exitId);
    if (consumed.length > 0) this.settled.add(exitId);
    this.note(fact);
    return first && paid.length === 0 ? [...missing, ...gone] : missing;
  }

  private take(position: Position): boolean {
    const output = this.ledger.spend(position);
    this.onSpent(position);
    return output !== undefined;
  }

  /** Passes a fact that changes nothing here. */
  note({ height, index }: RootFact): void {
    this.applied = { height, index };
  }
}

/** The raw transaction of a deposit: what its exit has to show. */
export function depositTx(depositor: Uint8Array, token: Uint8Array, amount: bigint): Uint8Array {
  return encodeTransaction(depositOf(depositor, token, amount));
}
