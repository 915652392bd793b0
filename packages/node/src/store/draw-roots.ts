/**
 * Roots of the chain's stores, one file for each draw of seats: what ties the snapshot of a past session
 * to the header of a block, when the tree of that store has long moved on. They cannot be worked out
 * from blocks without executing them, so whoever came later does not have them.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { atomicWrite, ensureDir } from '@palisade/daemon';

/** As it is told to whoever asks: the height whose state the roots are of, and the roots by store. */
export type StoreRoots = {
  readonly height: string;
  readonly roots: readonly { readonly name: string; readonly root: string }[];
};

export class DrawRoots {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async keep(session: bigint, roots: StoreRoots): Promise<void> {
    await ensureDir(this.folder);
    await atomicWrite(this.file(session), `${JSON.stringify(roots)}\n`);
  }

  /** Undefined where none were kept. @throws Error of the file system */
  async find(session: bigint): Promise<StoreRoots | undefined> {
    try {
      return JSON.parse(await readFile(this.file(session), 'utf8')) as StoreRoots;
    } catch (error) {
      // Only where there is no file were none kept: a disk that cannot be read says nothing of that.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Removes those of sessions that are not wanted any more. */
  async forget(isWanted: (session: bigint) => boolean): Promise<void> {
    await ensureDir(this.folder);
    for (const name of await readdir(this.folder)) {
      const session = /^(\d{1,20})\.json$/.exec(name)?.[1];
      if (session && !isWanted(BigInt(session))) await rm(join(this.folder, name));
    }
  }

  private file(session: bigint): string {
    return join(this.folder, `${session}.json`);
  }
}
