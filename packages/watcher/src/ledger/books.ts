/**
 * The child chain's ledger as the watcher believes it: deposits, child blocks and paid exits, applied in the order in
 * which the root chain has them. At a block that nobody hands out, or that is invalid, it stands
 * still and everything behind waits; exits are judged meanwhile by what is here and by what that block shows.
 */

import type { ChildBlock, Position } from '@palisade/payments';
import { depositOf, encodeTransaction, Ledger, positionOf } from '@palisade/payments';
import type { FactOf, RootFact } from '../root/facts.ts';

/** How far the root chain's facts were applied. */
export type Applied = { readonly height: number; readonly index: number };

export class Books {
  readonly ledger: Ledger;
  /** Number of the newest child block (not deposit) that was applied; 0 before the first. */
  blknum = 0;
  /** The last fact that was applied. */
  applied: Applied = { height: 0, index: -1 };

  constructor(ledger = new Ledger()) {
    this.ledger = ledger;
  }

  deposit(fact: FactOf<'DepositCreated'>): void {
    const { blknum, depositor, token, amount } = fact.event;
    const [output] = depositOf(depositor, token, amount).outputs;
    this.ledger.create(positionOf({ blknum, txindex: 0, oindex: 0 }), output!);
    this.note(fact);
  }

  block(fact: RootFact, block: ChildBlock): void {
    for (const effects of block.effects) this.ledger.apply(effects);
    this.blknum = block.blknum;
    this.note(fact);
  }

  /** Outputs that an exit paid out; answers those that were no longer there. */
  paidOut(fact: RootFact, positions: readonly Position[]): readonly Position[] {
    const missing = positions.filter((position) => !this.ledger.spend(position));
    this.note(fact);
    return missing;
  }

  /** A fact that changes nothing here. */
  note({ height, index }: RootFact): void {
    this.applied = { height, index };
  }
}

/** The raw transaction of a deposit: what its exit has to show. */
export function depositTx(depositor: Uint8Array, token: Uint8Array, amount: bigint): Uint8Array {
  return encodeTransaction(depositOf(depositor, token, amount));
}
