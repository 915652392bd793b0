/**
 * Snapshots of the state on disk. One in the making is the folder `building`; it gets the name of
 * its height, in one step, when it is whole. So whatever a dead process leaves is either a snapshot
 * or `building`, which the next start removes.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KEPT_SNAPSHOTS, type SnapshotStore } from '@palisade/chain';
import { byteList, bytes32, decode, encode, PalisadeError, record, u32, u64 } from '@palisade/core';
import type { Snapshot } from '@palisade/formats';

/** CometBFT's limit of the message that offers a snapshot, bytes. */
const MAX_METADATA = 4_000_000;

const storedSnapshot = record('StoredSnapshot', {
  height: u64,
  format: u32,
  chunks: u32,
  hash: bytes32,
  metadata: byteList(MAX_METADATA),
});

const BUILDING = 'building';
const DESCRIPTION = 'snapshot';
const chunkName = (index: number) => `${index}.chunk`;
const folderName = ({ height, format }: Snapshot) => `${height}-${format}`;

/** Hears of a snapshot that had to be given up, or one that cannot be read any more. */
export type SnapshotTrouble = (message: string, cause: unknown) => void;

export class SnapshotFolder implements SnapshotStore {
  private readonly path: string;
  private readonly onTrouble: SnapshotTrouble;
  /** Oldest first. */
  private kept: readonly Snapshot[];
  private chunks = 0;

  private constructor(path: string, onTrouble: SnapshotTrouble, kept: readonly Snapshot[]) {
    this.path = path;
    this.onTrouble = onTrouble;
    this.kept = kept;
  }

  /** Opens or creates the folder; what is unfinished or unreadable in it is removed. */
  static async open(path: string, onTrouble: SnapshotTrouble): Promise<SnapshotFolder> {
    await mkdir(path, { recursive: true });
    const kept: Snapshot[] = [];
    for (const name of await readdir(path)) {
      const snapshot = await readDescription(join(path, name)).catch((cause: unknown) => {
        if (name !== BUILDING)
          onTrouble(`The snapshot ${name} cannot be read and is removed.`, cause);
        return undefined;
      });
      if (snapshot && folderName(snapshot) === name) kept.push(snapshot);
      else await rm(join(path, name), { recursive: true, force: true });
    }
    kept.sort((a, b) => (a.height < b.height ? -1 : 1));
    return new SnapshotFolder(path, onTrouble, kept);
  }

  async begin(): Promise<void> {
    await this.removeUnfinished();
    await mkdir(this.building());
    this.chunks = 0;
  }

  async appendChunk(chunk: Uint8Array): Promise<void> {
    await writeDurably(join(this.building(), chunkName(this.chunks)), chunk);
    this.chunks++;
  }

  async finish(snapshot: Snapshot): Promise<void> {
    const description = encode(storedSnapshot, {
      ...snapshot,
      hash: new Uint8Array(snapshot.hash),
    });
    await writeDurably(join(this.building(), DESCRIPTION), description);
    await syncFolder(this.building());
    const name = folderName(snapshot);
    // A process that died before it could note that the snapshot is whole made it a second time.
    this.kept = this.kept.filter((kept) => folderName(kept) !== name);
    await rm(join(this.path, name), { recursive: true, force: true });
    await rename(this.building(), join(this.path, name));
    await syncFolder(this.path);
    const all = [...this.kept, snapshot];
    this.kept = all.slice(-KEPT_SNAPSHOTS);
    for (const old of all.slice(0, -KEPT_SNAPSHOTS))
      await rm(join(this.path, folderName(old)), { recursive: true, force: true });
  }

  async discard(reason?: unknown): Promise<void> {
    if (reason !== undefined) this.onTrouble('The snapshot of this session is given up.', reason);
    await this.removeUnfinished();
  }

  async list(): Promise<readonly Snapshot[]> {
    return this.kept;
  }

  async load(height: bigint, format: number, chunk: number): Promise<Uint8Array | undefined> {
    const found = this.kept.find((kept) => kept.height === height && kept.format === format);
    if (!found || !Number.isInteger(chunk) || chunk < 0 || chunk >= found.chunks) return undefined;
    try {
      return new Uint8Array(await readFile(join(this.path, folderName(found), chunkName(chunk))));
    } catch (cause) {
      // Removed by a newer one while it was being fetched.
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw cause;
    }
  }

  private building(): string {
    return join(this.path, BUILDING);
  }

  private async removeUnfinished(): Promise<void> {
    await rm(this.building(), { recursive: true, force: true });
  }
}

async function readDescription(folder: string): Promise<Snapshot> {
  const snapshot = decode(
    storedSnapshot,
    new Uint8Array(await readFile(join(folder, DESCRIPTION))),
  );
  const names = new Set(await readdir(folder));
  for (let i = 0; i < snapshot.chunks; i++) if (!names.has(chunkName(i))) throw incomplete(folder);
  return snapshot;
}

function incomplete(folder: string): PalisadeError {
  return new PalisadeError({
    code: 'node/incomplete-snapshot',
    message: `The snapshot in ${folder} lacks chunks that it announces.`,
    next: 'Nothing: the next session makes another.',
  });
}

async function writeDurably(path: string, data: Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(data);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Names are durable only when their folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
