/** The kvstore's disk as a file, for tests in which a real process dies. */
import { existsSync, readFileSync } from 'node:fs';
import { fromHex, toHex } from '@palisade/core';
import type { Disk } from './kvstore.ts';
import { newDisk } from './kvstore.ts';

export function encodeDisk({ saved }: Disk): string {
  const { height, entries, appHash } = saved;
  return JSON.stringify({ height: String(height), entries: [...entries], appHash: toHex(appHash) });
}

export function readDisk(path: string): Disk {
  if (!existsSync(path)) return newDisk();
  const { height, entries, appHash } = JSON.parse(readFileSync(path, 'utf8')) as {
    height: string;
    entries: [string, string][];
    appHash: string;
  };
  const saved = { height: BigInt(height), entries: new Map(entries), appHash: fromHex(appHash) };
  return { saved, snapshots: [] };
}
