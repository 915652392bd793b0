/**
 * Which open exits have to be judged. Most are right, and stay so until their record changes or an output that they are
 * about is spent: those wait here under their outputs, so that a new block costs what it touches, not what is open.
 */
import type { Position } from '@palisade/payments';

export class Docket {
  /** Exits that something may be wrong with. */
  private readonly cases = new Set<bigint>();
  /** The others, with the outputs that they are about, and the other way round. */
  private readonly waiting = new Map<bigint, readonly Position[]>();
  private readonly byOutput = new Map<Position, Set<bigint>>();

  /** An exit is new, or its record has changed. */
  add(exitId: bigint): void {
    for (const position of this.waiting.get(exitId) ?? []) {
      const exits = this.byOutput.get(position);
      exits?.delete(exitId);
      if (exits?.size === 0) this.byOutput.delete(position);
    }
    this.waiting.delete(exitId);
    this.cases.add(exitId);
  }

  /** An output was spent, or a transaction that spends it was shown. */
  touch(position: Position): void {
    for (const exitId of this.byOutput.get(position) ?? []) this.add(exitId);
  }

  /** Everything has to be judged again. */
  addAll(): void {
    for (const exitId of [...this.waiting.keys()]) this.add(exitId);
  }

  /**
   * Goes through the cases. `about` tells the outputs that a case waits for when nothing is wrong with it, `ended` when
   * it needs no more looks, and undefined when it stays.
   */
  review(about: (exitId: bigint) => readonly Position[] | 'ended' | undefined): void {
    for (const exitId of this.cases) {
      const positions = about(exitId);
      if (positions === undefined) continue;
      this.cases.delete(exitId);
      if (positions !== 'ended') this.wait(exitId, positions);
    }
  }

  private wait(exitId: bigint, positions: readonly Position[]): void {
    this.waiting.set(exitId, positions);
    for (const position of positions) {
      const exits = this.byOutput.get(position);
      if (exits) exits.add(exitId);
      else this.byOutput.set(position, new Set([exitId]));
    }
  }
}
