/**
 * The agreements of a partner, one JSON file each, replaced whole. Files and no database: an
 * agreement changes some five times in its life and each change must be durable before it is
 * acknowledged, so there is nothing to gain from a faster store; and these files are the partner's
 * evidence (vouchers, receipts), which a person must be able to read and copy.
 *
 *   agreements/<job>.json         those that run
 *   agreements/ended/<job>.json   those that are over, kept as evidence and never read again
 */
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { PalisadeError } from '@palisade/core';
import { atomicWrite, ensureDir } from '@palisade/daemon';
import { KeyedLock } from '../storage/keyed-lock.ts';
import {
  type AgreementRecord,
  agreementForm,
  agreementFromJson,
  type HexId,
  hexOf,
} from './agreement.ts';

const FILE = /^([0-9a-f]{64})\.json$/;

export class AgreementBook {
  readonly #folder: string;
  readonly #records = new Map<HexId, AgreementRecord>();
  readonly #byContent = new Map<HexId, Set<HexId>>();
  readonly #uploading = new Map<HexId, AgreementRecord>();
  readonly #locks = new KeyedLock();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws PalisadeError `partner/bad-record` naming a file that cannot be read. */
  static async open(folder: string): Promise<AgreementBook> {
    const book = new AgreementBook(folder);
    await ensureDir(join(folder, 'ended'));
    for (const name of (await readdir(folder)).sort()) if (FILE.test(name)) await book.#load(name);
    return book;
  }

  async #load(name: string): Promise<void> {
    const path = join(this.#folder, name);
    const agreement = await readRecord(path);
    // A crash between the last change and the move of the file.
    if (agreement.state === 'ended') await rename(path, join(this.#folder, 'ended', name));
    else this.#keep(agreement);
  }

  get(job: HexId): AgreementRecord | undefined {
    return this.#records.get(job);
  }

  all(): readonly AgreementRecord[] {
    return [...this.#records.values()];
  }

  get count(): number {
    return this.#records.size;
  }

  /** Those whose content is not complete: asked for with every offer, so kept apart. */
  uploading(): readonly AgreementRecord[] {
    return [...this.#uploading.values()];
  }

  /** Running agreements about one content. */
  ofContent(contentId: Uint8Array): readonly AgreementRecord[] {
    const jobs = this.#byContent.get(hexOf(contentId)) ?? [];
    return [...jobs].map((job) => this.#records.get(job)!);
  }

  /**
   * Changes one agreement, or makes it, alone among all changes of that job. The change is durable
   * when the promise resolves. `undefined` from `change` leaves everything as it is.
   */
  update(
    job: Uint8Array,
    change: (before: AgreementRecord | undefined) => AgreementRecord | undefined,
  ): Promise<AgreementRecord | undefined> {
    const id = hexOf(job);
    return this.#locks.run(id, async () => {
      const before = this.#records.get(id);
      const after = change(before);
      if (!after || after === before) return before;
      await this.#write(id, after);
      if (after.state === 'ended') this.#forget(id, after);
      else this.#keep(after);
      return after;
    });
  }

  async #write(id: HexId, agreement: AgreementRecord): Promise<void> {
    const path = join(this.#folder, `${id}.json`);
    const json = JSON.stringify(agreementForm.toJson(agreement), null, 2);
    await atomicWrite(path, `${json}\n`);
    if (agreement.state === 'ended') await rename(path, join(this.#folder, 'ended', `${id}.json`));
  }

  #keep(agreement: AgreementRecord): void {
    const id = hexOf(agreement.job);
    this.#records.set(id, agreement);
    if (agreement.state === 'upload') this.#uploading.set(id, agreement);
    else this.#uploading.delete(id);
    const content = hexOf(agreement.contentId);
    const jobs = this.#byContent.get(content);
    if (jobs) jobs.add(id);
    else this.#byContent.set(content, new Set([id]));
  }

  #forget(id: HexId, agreement: AgreementRecord): void {
    this.#records.delete(id);
    this.#uploading.delete(id);
    const content = hexOf(agreement.contentId);
    const jobs = this.#byContent.get(content);
    jobs?.delete(id);
    if (jobs?.size === 0) this.#byContent.delete(content);
  }
}

async function readRecord(path: string): Promise<AgreementRecord> {
  try {
    return agreementFromJson(JSON.parse(await readFile(path, 'utf8')));
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
