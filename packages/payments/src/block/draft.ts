/**
 * Outputs with changes that may yet be dropped: what a block that is being made or judged spends and
 * creates, over what was there before it.
 */
import type { Position } from '../format/position.ts';
import type { Output } from '../format/transaction.ts';
import type { Effects, Outputs } from '../rules/judge.ts';

export class Draft implements Outputs {
  private readonly base: Outputs;
  /** What the draft put at a position; undefined where it took something away. */
  private readonly changed = new Map<Position, Output | undefined>();

  constructor(base: Outputs) {
    this.base = base;
  }

  get(position: Position): Output | undefined {
    const own = this.changed.get(position);
    if (own || this.changed.has(position)) return own;
    return this.base.get(position);
  }

  apply({ spent, created }: Effects): void {
    for (const position of spent) this.changed.set(position, undefined);
    for (const { position, output } of created) this.changed.set(position, output);
  }
}
