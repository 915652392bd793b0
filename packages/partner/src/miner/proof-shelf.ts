/** Proof files as they are served: validators fetch them, and a proof without its file is disputed. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '@palisade/core';
import { ensureDir } from '@palisade/daemon';
import { isMissing } from '../storage/disk.ts';

/**
 * Files kept at most, the youngest: window proofs of two periods and the seals of a day for a miner of
 * 8 GiB; each has 0.2 to 1 MiB.
 */
const MAX_PROOFS = 512;

export class ProofShelf {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(folder: string): Promise<ProofShelf> {
    await ensureDir(folder);
    return new ProofShelf(folder);
  }

  /** A proof's bytes; undefined when it is not here. */
  async read(id: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      return new Uint8Array(await readFile(join(this.folder, toHex(id))));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Removes the oldest beyond what is kept. */
  async prune(): Promise<void> {
    const names = await readdir(this.folder);
    if (names.length <= MAX_PROOFS) return;
    const aged = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.folder, name))).mtimeMs })),
    );
    aged.sort((a, b) => b.at - a.at);
    for (const { name } of aged.slice(MAX_PROOFS))
      await rm(join(this.folder, name), { force: true });
  }
}
