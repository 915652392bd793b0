/**
 * Room on the disk: what is promised never exceeds what the partner offers (quota), and new content
 * is refused while the disk has less free than the machine should keep (reserve), or just failed a
 * write for want of room. What is stored is never touched for it.
 */
import { GROUP_BYTES, groupCount, type Refusal } from '@palisade/core';
import { isDiskFull } from './disk.ts';
import { diskFull, quotaExceeded } from './outcome.ts';

/** Whether the store takes new content; the reason goes to the network with the answer. */
export type StorageState =
  | { readonly accepting: true }
  | { readonly accepting: false; readonly reason: Refusal };

export type SpaceOptions = {
  readonly quotaBytes: number;
  readonly reserveBytes: number;
  /** Bytes free on the disk right now. */
  readonly freeBytes: () => Promise<number>;
  /** Writes and removes a small file; throws when the disk will not have it. */
  readonly tryWrite: () => Promise<void>;
  readonly onStateChange: (state: StorageState) => void;
};

/** Disks give out space in blocks of 4 KiB. */
const BLOCK_BYTES = 4096;
/** Three folders and a job's file, a block each: keeps a flood of tiny contents from being free. */
const FOLDER_BYTES = 4 * BLOCK_BYTES;
const OUTLINE_ENTRY_BYTES = 32;
/** After a shortage, this much more than the reserve must be free: no to and fro at the edge. */
const RESUME_MARGIN_BYTES = 64 * GROUP_BYTES;

/** What a content of `size` bytes takes on disk, outline and folders included. */
export function footprint(size: number): number {
  const outline = 8 + groupCount(size) * OUTLINE_ENTRY_BYTES;
  return blocks(size) + blocks(outline) + FOLDER_BYTES;
}

function blocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

export class Space {
  readonly #options: SpaceOptions;
  #promised = 0;
  #shortage: Refusal | undefined;
  #writeFailed = false;
  #state: StorageState = { accepting: true };

  constructor(options: SpaceOptions) {
    this.#options = options;
  }

  get promisedBytes(): number {
    return this.#promised;
  }

  get state(): StorageState {
    return this.#state;
  }

  /** Counts what is there already, at start, whether or not it still fits the quota. */
  take(bytes: number): void {
    this.#promised += bytes;
  }

  giveBack(bytes: number): void {
    this.#promised -= bytes;
    this.#publish();
  }

  /**
   * Promises room, or says why not; in one go, so that two callers cannot be promised the same.
   * `free` is what `refresh` just found; `unwritten` is what earlier promises have still to write:
   * free space that is spoken for.
   */
  promise(bytes: number, free: number, unwritten: number): Refusal | undefined {
    if (this.#shortage) return this.#shortage;
    const usable = free - unwritten - this.#options.reserveBytes;
    if (bytes > usable) {
      return diskFull(
        `The content needs ${bytes} bytes and the disk has ${Math.max(0, usable)} to give.`,
        {
          needed: bytes,
          usable: Math.max(0, usable),
        },
      );
    }
    const left = this.#options.quotaBytes - this.#promised;
    if (bytes > left) return quotaExceeded(bytes, Math.max(0, left));
    this.#promised += bytes;
    this.#publish();
    return undefined;
  }

  /** Notes a write that failed for want of room. Returns the refusal to answer with. */
  noteDiskFull(): Refusal {
    this.#writeFailed = true;
    this.#shortage = diskFull('The disk has no room left: a write just failed.');
    this.#publish();
    return this.#shortage;
  }

  /** Looks at the disk again; ends a shortage when there is room and a trial write succeeds. */
  async refresh(): Promise<number> {
    const { reserveBytes } = this.#options;
    const free = await this.#options.freeBytes();
    if (!this.#shortage && free < reserveBytes) {
      this.#shortage = diskFull(
        `The disk has ${free} bytes free, less than the ${reserveBytes} to be kept for the machine.`,
        { free, reserve: reserveBytes },
      );
    } else if (this.#shortage && free >= reserveBytes + this.#margin() && (await this.#writes())) {
      this.#shortage = undefined;
      this.#writeFailed = false;
    }
    this.#publish();
    return free;
  }

  /** A small reserve, as a test disk has, must not ask for a large margin. */
  #margin(): number {
    return Math.min(RESUME_MARGIN_BYTES, this.#options.reserveBytes);
  }

  async #writes(): Promise<boolean> {
    if (!this.#writeFailed) return true;
    try {
      await this.#options.tryWrite();
      return true;
    } catch (error) {
      if (isDiskFull(error)) return false;
      throw error;
    }
  }

  #publish(): void {
    const next = this.#currentState();
    const before = this.#state;
    this.#state = next;
    const same = before.accepting
      ? next.accepting
      : !next.accepting && next.reason.code === before.reason.code;
    if (!same) this.#options.onStateChange(next);
  }

  #currentState(): StorageState {
    if (this.#shortage) return { accepting: false, reason: this.#shortage };
    const left = this.#options.quotaBytes - this.#promised;
    const least = footprint(GROUP_BYTES);
    if (left < least) return { accepting: false, reason: quotaExceeded(least, Math.max(0, left)) };
    return { accepting: true };
  }
}
