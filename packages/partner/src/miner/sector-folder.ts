/**
 * A sector on the disk. Each file is written beside its name, synced and renamed, so that what has
 * its name is whole: after a crash, sealing goes on at the first file that is not there.
 *
 *   sectors/<number>/sector.json   what it is (sector-book.ts)
 *   sectors/<number>/layer-<n>     labels, until the seal is proven
 *   sectors/<number>/sealed        the replica
 *   sectors/<number>/outline       the roots of its groups (spec/content.md, section 2)
 *   proofs/<id>                    proof files, as they are served
 *
 * Only threads use this: its calls wait for the disk.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export const layerFile = (folder: string, number: number) => join(folder, `layer-${number}`);
export const sealedFile = (folder: string) => join(folder, 'sealed');
export const outlineFile = (folder: string) => join(folder, 'outline');

/** Writes a file whole: it is there with all its bytes after a crash, or not at all. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const beside = `${path}.new`;
  const file = openSync(beside, 'w');
  try {
    for (let done = 0; done < bytes.length; )
      done += writeSync(file, bytes, done, bytes.length - done);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(beside, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** A file's bytes, when it is there with the wanted length. */
export function readWhole(path: string, length: number): Uint8Array | undefined {
  if (!existsSync(path) || statSync(path).size !== length) return undefined;
  return readFileSync(path);
}

/** A part of a file, as much of it as there is; empty where the file is not. */
export function readPart(path: string, at: number, length: number): Uint8Array {
  if (!existsSync(path)) return new Uint8Array();
  const bytes = new Uint8Array(length);
  const file = openSync(path, 'r');
  try {
    return bytes.subarray(0, readSync(file, bytes, 0, length, at));
  } finally {
    closeSync(file);
  }
}

/** Removes the layers: proven is proven, and they can be made again. */
export function removeLayers(folder: string, layers: number): void {
  for (let number = 1; number <= layers; number++)
    rmSync(layerFile(folder, number), { force: true });
}
