/**
 * The ledger as it was: what has changed since, on top of what is. Snapshots are a chain from the oldest to
 * the newest; a change is noted once, in the newest, and older ones read through it. To take one costs
 * nothing; to keep one costs what changes meanwhile.
 */
import type { Position } from '../format/position.ts';
import type { Output } from '../format/transaction.ts';
import type { Outputs } from '../rules/judge.ts';

export class LedgerSnapshot implements Outputs {
  /** What was at a position that has changed since. */
  private before = new Map<Position, Output | undefined>();
  private readonly ledger: Outputs;
  private readonly onClose: (closed: LedgerSnapshot) => void;
  private newer: LedgerSnapshot | undefined;
  older: LedgerSnapshot | undefined;

  constructor(
    ledger: Outputs,
    older: LedgerSnapshot | undefined,
    onClose: (closed: LedgerSnapshot) => void,
  ) {
    this.ledger = ledger;
    this.older = older;
    this.onClose = onClose;
    if (older) older.newer = this;
  }

  get(position: Position): Output | undefined {
    for (let at: LedgerSnapshot | undefined = this; at; at = at.newer)
      if (at.before.has(position)) return at.before.get(position);
    return this.ledger.get(position);
  }

  has(position: Position): boolean {
    return this.get(position) !== undefined;
  }

  /** What was there before a change; only the first change since it was taken counts. */
  note(position: Position, output: Output | undefined): void {
    if (!this.before.has(position)) this.before.set(position, output);
  }

  /** Nobody reads it any more: what it noted goes to the one before it, or is forgotten. */
  close(): void {
    const { older, newer } = this;
    this.onClose(this);
    if (older) {
      older.newer = newer;
      for (const [position, output] of this.before) older.note(position, output);
    }
    if (newer) newer.older = older;
    this.before = new Map();
  }
}
