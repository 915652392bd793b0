/**
 * Copies of a whole network's folder: validators, partners with their disks, the story's client, the
 * clock. Only made and taken back while nothing runs. Each step can be cut off: what is half made is
 * recognised by its name and removed, what is half taken back is finished at the next start.
 */
import { constants, existsSync } from 'node:fs';
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PalisadeError } from '@palisade/core';
import { directorySize } from '@palisade/daemon';

/** Not of the network's state: other copies, logs, who runs and how that one is reached. */
const LEFT_OUT = new Set(['snapshots', 'reverting', 'log', 'lock', 'control.json', 'network.json']);
const NAME = /^[a-z0-9][a-z0-9-]{0,39}$/;
/** Where the copies are kept. */
const shelf = (root: string) => join(root, 'snapshots');

export type SnapshotLine = {
  readonly name: string;
  readonly bytes: number;
  readonly madeMs: number;
};

/** Asked before anything is stopped. @throws PalisadeError `devnet/bad-snapshot-name`, `devnet/snapshot-exists` */
export function needFreeName(root: string, name: string): void {
  if (!existsSync(pathOf(root, name))) return;
  throw new PalisadeError({
    code: 'devnet/snapshot-exists',
    message: `There is a snapshot '${name}' already.`,
    next: 'Choose another name, or remove it with: palisade dev snapshot --remove NAME',
  });
}

/** Asked before anything is stopped. @throws PalisadeError `devnet/bad-snapshot-name`, `devnet/no-snapshot` */
export async function needSnapshot(root: string, name: string): Promise<void> {
  if (existsSync(pathOf(root, name))) return;
  const known = (await listSnapshots(root)).map((line) => line.name).join(', ');
  throw new PalisadeError({
    code: 'devnet/no-snapshot',
    message: `There is no snapshot '${name}' in ${root}.`,
    next: known ? `There are: ${known}.` : 'Make one with: palisade dev snapshot NAME',
  });
}

export async function takeSnapshot(root: string, name: string): Promise<void> {
  const path = pathOf(root, name);
  const half = `${path}.tmp`;
  await rm(half, { recursive: true, force: true });
  await copyState(root, half);
  await rename(half, path);
}

export async function revertTo(root: string, name: string): Promise<void> {
  const path = pathOf(root, name);
  const half = join(shelf(root), 'reverting.tmp');
  await rm(half, { recursive: true, force: true });
  await copyState(path, half);
  await rename(half, join(root, 'reverting'));
  await finishRevert(root);
}

/** Goes on with a revert that was cut off; nothing where there was none. */
export async function finishRevert(root: string): Promise<void> {
  const from = join(root, 'reverting');
  if (!existsSync(from)) return;
  for (const entry of await readdir(from)) {
    await rm(join(root, entry), { recursive: true, force: true });
    await rename(join(from, entry), join(root, entry));
  }
  await rm(from, { recursive: true });
}

/** Oldest first. */
export async function listSnapshots(root: string): Promise<readonly SnapshotLine[]> {
  const names = existsSync(shelf(root)) ? await readdir(shelf(root)) : [];
  const lines = await Promise.all(
    names
      .filter((name) => NAME.test(name))
      .map(async (name) => {
        const path = join(shelf(root), name);
        const { mtimeMs } = await stat(path);
        return { name, bytes: await directorySize(path), madeMs: Math.round(mtimeMs) };
      }),
  );
  return lines.sort((a, b) => a.madeMs - b.madeMs);
}

/** @throws PalisadeError `devnet/no-snapshot` */
export async function removeSnapshot(root: string, name: string): Promise<void> {
  await needSnapshot(root, name);
  await rm(pathOf(root, name), { recursive: true });
}

/** Shares the blocks of the disk where the file system can; otherwise copies them. */
async function copyState(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from)) {
    if (LEFT_OUT.has(entry)) continue;
    await cp(join(from, entry), join(to, entry), {
      recursive: true,
      preserveTimestamps: true,
      mode: constants.COPYFILE_FICLONE,
    });
  }
}

function pathOf(root: string, name: string): string {
  if (NAME.test(name)) return join(shelf(root), name);
  throw new PalisadeError({
    code: 'devnet/bad-snapshot-name',
    message: `'${name}' cannot be the name of a snapshot.`,
    next: 'Use 1 to 40 lower-case letters, digits and hyphens.',
  });
}
