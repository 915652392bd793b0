/**
 * The one clock of a development network: the machine's, put forward by whatever time was skipped.
 * It never runs behind the machine's, because clients read that one.
 */
import type { Clock } from '@palisade/core';

/** Longest time that a network can be ahead of its machine, ms: two centuries, which any date holds. */
export const MAX_AHEAD_MS = 200 * 365 * 86_400_000;

export class NetworkClock implements Clock {
  #aheadMs: number;
  readonly #machine: Clock;
  readonly #listeners = new Set<() => void>();

  constructor(aheadMs = 0, machine: Clock = { nowMs: () => Date.now() }) {
    this.#aheadMs = aheadMs;
    this.#machine = machine;
  }

  get aheadMs(): number {
    return this.#aheadMs;
  }

  nowMs(): number {
    return this.machineMs() + this.#aheadMs;
  }

  /** What the machine's clock says. */
  machineMs(): number {
    return this.#machine.nowMs();
  }

  onMove(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  moveTo(aheadMs: number): void {
    this.#aheadMs = Math.min(MAX_AHEAD_MS, Math.max(0, Math.round(aheadMs)));
    for (const listener of [...this.#listeners]) listener();
  }
}
