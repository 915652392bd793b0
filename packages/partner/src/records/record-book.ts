/**
 * Records about jobs, one JSON file each, replaced whole. Files and no database: a record must be
 * durable before its change is acknowledged, so there is nothing to gain from a faster store; and
 * these files are the partner's evidence (vouchers, receipts), which a person must be able to read
 * and copy.
 *
 *   <job>.json         those that run
 *   ended/<job>.json   those that are over, kept as evidence and never read again
 */
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type Json, PalisadeError } from '@palisade/core';
import { atomicWrite, ensureDir } from '@palisade/daemon';
import { KeyedLock } from '../storage/keyed-lock.ts';
import { type HexId, hexOf } from './agreement.ts';

const FILE = /^([0-9a-f]{64})\.json$/;

export type JobRecord = { readonly job: Uint8Array; readonly state: string };

export type RecordForm<R> = {
  readonly toJson: (record: R) => Json;
  /** @throws whatever says that this is no such record */
  readonly fromJson: (json: unknown) => R;
  /** For indexes beside the book. */
  readonly onKept?: (record: R) => void;
  readonly onEnded?: (record: R) => void;
};

export class RecordBook<R extends JobRecord> {
  readonly #folder: string;
  readonly #form: RecordForm<R>;
  readonly #records = new Map<HexId, R>();
  readonly #locks = new KeyedLock();

  private constructor(folder: string, form: RecordForm<R>) {
    this.#folder = folder;
    this.#form = form;
  }

  /** @throws PalisadeError `partner/bad-record` naming a file that cannot be read. */
  static async open<R extends JobRecord>(
    folder: string,
    form: RecordForm<R>,
  ): Promise<RecordBook<R>> {
    const book = new RecordBook(folder, form);
    await ensureDir(join(folder, 'ended'));
    for (const name of (await readdir(folder)).sort()) if (FILE.test(name)) await book.#load(name);
    return book;
  }

  async #load(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const found = await this.#read(path);
    // A crash between the last change and the move of the file.
    if (found.state === 'ended') await rename(path, join(this.#folder, 'ended', name));
    else this.#keep(found);
  }

  async #read(path: string): Promise<R> {
    try {
      return this.#form.fromJson(JSON.parse(await readFile(path, 'utf8')));
    } catch (cause) {
      throw new PalisadeError({
        code: 'partner/bad-record',
        message: `The record ${path} cannot be read: ${(cause as Error).message}`,
        next: 'Restore it from a copy. Without it the partner forgets the agreement and earns nothing more from it.',
        data: { path },
        cause,
      });
    }
  }

  get(job: HexId): R | undefined {
    return this.#records.get(job);
  }

  all(): readonly R[] {
    return [...this.#records.values()];
  }

  get count(): number {
    return this.#records.size;
  }

  /**
   * Changes one record, or makes it, alone among all changes of that job. The change is durable
   * when the promise resolves. `undefined` from `change` leaves everything as it is.
   */
  update(
    job: Uint8Array,
    change: (before: R | undefined) => R | undefined,
  ): Promise<R | undefined> {
    const id = hexOf(job);
    return this.#locks.run(id, async () => {
      const before = this.#records.get(id);
      const after = change(before);
      if (!after || after === before) return before;
      await this.#write(id, after);
      if (after.state === 'ended') {
        this.#records.delete(id);
        this.#form.onEnded?.(after);
      } else this.#keep(after);
      return after;
    });
  }

  async #write(id: HexId, after: R): Promise<void> {
    const path = join(this.#folder, `${id}.json`);
    await atomicWrite(path, `${JSON.stringify(this.#form.toJson(after), null, 2)}\n`);
    if (after.state === 'ended') await rename(path, join(this.#folder, 'ended', `${id}.json`));
  }

  #keep(kept: R): void {
    this.#records.set(hexOf(kept.job), kept);
    this.#form.onKept?.(kept);
  }
}
