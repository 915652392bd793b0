/** A folder of something unfinished, which one process works on at a time. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { atomicWrite, ensureDir, lockDataDir } from '@palisade/daemon/base';

const PRIVATE = 0o700;

export type HeldFolder = {
  readonly path: string;
  /** Replaces a file of it, whole. */
  write(name: string, text: string): Promise<void>;
  /** Forgets all of it. */
  remove(): Promise<void>;
  release(): void;
};

/**
 * @param what is unfinished, as `put`
 * @throws PalisadeError `daemon/data-dir-in-use` while another process works on it
 */
export async function holdFolder(path: string, what: string): Promise<HeldFolder> {
  await ensureDir(path, PRIVATE);
  const lock = await lockDataDir(path, what);
  return {
    path,
    write: (name, text) => atomicWrite(join(path, name), text, { mode: 0o600 }),
    async remove() {
      lock.release();
      await rm(path, { recursive: true, force: true });
    },
    release: () => lock.release(),
  };
}
