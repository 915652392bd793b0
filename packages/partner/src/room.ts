/**
 * How much room can still be promised. The store counts what it holds; here is added what is spoken
 * for and has not reached the store: offers that are open, agreements whose upload has not begun.
 */
import type { ContentStore } from './storage/index.ts';
import { footprint } from './storage/space.ts';

export { footprint };

/** Something that has been promised room. */
export type Promised = {
  /** Bytes of content that are promised and that the store does not count yet. */
  uncountedBytes(): number;
  /** Bytes that the store counts, but that are still to be written. */
  unwrittenBytes(): number;
};

export type RoomOptions = {
  readonly store: ContentStore;
  /** Bytes that stay free for the machine. */
  readonly reserveBytes: number;
  /** Bytes free on the disk right now. */
  readonly freeBytes: () => Promise<number>;
};

export class Room {
  readonly #options: RoomOptions;
  readonly #promised: Promised[] = [];
  #diskFree = 0;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** Counts these promises from now on. */
  count(promised: Promised): void {
    this.#promised.push(promised);
  }

  /** Looks at the disk again; between two looks, its free space is taken as it was. */
  async refresh(): Promise<void> {
    this.#diskFree = await this.#options.freeBytes();
  }

  /** Bytes that can still be promised, never negative. */
  free(): number {
    const { store, reserveBytes } = this.#options;
    const { quotaBytes, promisedBytes } = store.usage();
    let uncounted = 0;
    let unwritten = 0;
    for (const each of this.#promised) {
      uncounted += each.uncountedBytes();
      unwritten += each.unwrittenBytes();
    }
    const ofQuota = quotaBytes - promisedBytes - uncounted;
    const ofDisk = this.#diskFree - reserveBytes - uncounted - unwritten;
    return Math.max(0, Math.min(ofQuota, ofDisk));
  }

  /** Whether a content of this size can be promised room. */
  fits(size: number): boolean {
    return footprint(size) <= this.free();
  }

  /** Why nothing new is taken; undefined while it is. The least that is worth offering is a MiB. */
  fullReason(): string | undefined {
    const { state } = this.#options.store;
    if (!state.accepting) return state.reason.message;
    if (this.fits(2 ** 20)) return undefined;
    return 'All room is taken or promised.';
  }
}
