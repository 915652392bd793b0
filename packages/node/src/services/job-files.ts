/**
 * The two open job files (market chapter, C2V-2 and V2V-4): one for the next block, one for the
 * block after it. A request that comes within the guard time before a block is due goes to the later
 * one, because the validators need that time to agree on the file. Everything placed is written
 * down durably before it is confirmed, so that a crash loses nothing that was promised.
 */
import { compareBytes, type Opened, type Refusal, refuse, toBinaryString } from '@palisade/core';
import type { ProposalSource } from '@palisade/engine';
import { type Database, open } from 'lmdb';

/** Jobs of one file at most: a block's share for them, 2 MiB, at 400 bytes each, is 5 000. */
const MAX_JOBS_PER_FILE = 4000;

type Entry = { readonly id: Uint8Array; readonly envelope: Uint8Array; height: bigint };

/** What is known of the coming block. */
export type NextBlock = { readonly height: bigint; readonly dueMs: number };

export class JobFiles implements ProposalSource {
  private readonly journal: Database<Uint8Array, Uint8Array>;
  private readonly entries = new Map<string, Entry>();
  private readonly options: {
    readonly path: string;
    readonly guardMs: number;
    readonly nowMs: () => number;
    readonly next: () => NextBlock;
    readonly idOf: (envelope: Uint8Array) => Promise<Uint8Array | undefined>;
  };

  constructor(options: JobFiles['options']) {
    this.options = options;
    this.journal = open<Uint8Array, Uint8Array>({
      path: options.path,
      encoding: 'binary',
      keyEncoding: 'binary',
      overlappingSync: false,
    });
    const height = options.next().height;
    for (const { key, value } of this.journal.getRange({}))
      this.entries.set(toBinaryString(key as Uint8Array), {
        id: new Uint8Array(key as Uint8Array),
        envelope: new Uint8Array(value),
        height,
      });
  }

  /** The file that a job stands in, if it waits in one. */
  find(id: Uint8Array): { readonly height: bigint; readonly jobsInFile: number } | undefined {
    const entry = this.entries.get(toBinaryString(id));
    return entry && { height: entry.height, jobsInFile: this.count(entry.height) };
  }

  /** The envelopes of an open file, by id; undefined for a block whose file is not open. */
  openFile(height: bigint): readonly Uint8Array[] | undefined {
    const { height: next } = this.options.next();
    if (height !== next && height !== next + 1n) return undefined;
    return [...this.entries.values()]
      .filter((entry) => entry.height === height)
      .sort((a, b) => compareBytes(a.id, b.id))
      .map(({ envelope }) => envelope);
  }

  /** Places a job; resolves when it is on the disk. The same job again stays where it is. */
  async place(
    job: Opened,
    envelope: Uint8Array,
  ): Promise<{ readonly height: bigint; readonly jobsInFile: number } | Refusal> {
    const known = this.find(job.id);
    if (known) return known;
    const { nowMs, next, guardMs } = this.options;
    const { height, dueMs } = next();
    const first = nowMs() <= dueMs - guardMs ? height : height + 1n;
    const file = [first, height + 1n].find((open) => this.count(open) < MAX_JOBS_PER_FILE);
    if (file === undefined)
      return refuse('market/files-full', `Both open job files have ${MAX_JOBS_PER_FILE} jobs.`, {
        retry: 'later',
        next: 'Try again in a block or two.',
      });
    this.entries.set(toBinaryString(job.id), { id: job.id, envelope, height: file });
    await this.journal.put(job.id, envelope);
    return { height: file, jobsInFile: this.count(file) };
  }

  private count(height: bigint): number {
    let count = 0;
    for (const entry of this.entries.values()) if (entry.height === height) count++;
    return count;
  }

  /** The file of a block, for its proposal. */
  async take(height: bigint, maxBytes: number): Promise<readonly Uint8Array[]> {
    let left = maxBytes;
    const file: Uint8Array[] = [];
    for (const entry of this.entries.values()) {
      if (entry.height > height || entry.envelope.length > left) continue;
      left -= entry.envelope.length;
      file.push(entry.envelope);
    }
    return file;
  }

  /** Jobs that should have been in a block and are not in it; they move to the next file. */
  missing(height: bigint, included: ReadonlySet<string>): Uint8Array[] {
    return [...this.entries]
      .filter(([key, entry]) => entry.height <= height && !included.has(key))
      .map(([, entry]) => entry.id);
  }

  async committed(height: bigint, txs: readonly Uint8Array[]): Promise<void> {
    const ids = await Promise.all(txs.map((tx) => this.options.idOf(tx)));
    const done = ids.filter(
      (id): id is Uint8Array => id !== undefined && this.find(id) !== undefined,
    );
    for (const id of done) this.entries.delete(toBinaryString(id));
    if (done.length > 0)
      await this.journal.transaction(() => {
        for (const id of done) this.journal.remove(id);
      });
    for (const entry of this.entries.values())
      if (entry.height <= height) entry.height = height + 1n;
  }

  /** Envelopes that wait, to be checked again on the state after a block. */
  waiting(): readonly Uint8Array[] {
    return [...this.entries.values()].map(({ envelope }) => envelope);
  }

  async close(): Promise<void> {
    await this.journal.close();
  }
}
