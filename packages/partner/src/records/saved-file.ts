/** A small file that is replaced whole, at most one write at a time; waiting changes share one. */
import { readFile } from 'node:fs/promises';
import { atomicWrite } from '@palisade/daemon';

export type SavedFile = {
  /** Writes what `content` says when its turn comes; durable when the promise resolves. */
  save(): Promise<void>;
};

export function savedFile(path: string, content: () => string): SavedFile {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const write = () => {
    const started = atomicWrite(path, content());
    running = started.finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    save() {
      if (!running) return write();
      // A change made now may have missed the write that runs: one more, shared by all who wait.
      next ??= running
        .catch(() => {})
        .then(() => {
          next = undefined;
          return write();
        });
      return next;
    },
  };
}

/** The JSON in a file; undefined when there is no such file. @throws SyntaxError for other text. */
export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
