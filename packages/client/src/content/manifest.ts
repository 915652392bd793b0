/** The manifest: what a file is called and how large it is; sealed along with its bytes. */
import { utf8 } from '@palisade/core';
import { formatError } from './errors.ts';
import { MANIFEST_BLOCK_BYTES } from './format.ts';

/** What the first bytes of every stored file say about the rest. */
export type Manifest = {
  /** Name without any path: 1 to 255 bytes of UTF-8. */
  readonly name: string;
  /** `directory`: the bytes are a tar archive of one. */
  readonly kind: 'file' | 'directory';
  /** Bytes that follow the manifest. */
  readonly size: number;
  /** Last change in whole milliseconds since 1970. */
  readonly mtime?: number;
};

/** Longest file name of the common file systems, in bytes. */
const MAX_NAME_BYTES = 255;
const LENGTH_BYTES = 2;
const KEYS = new Set(['name', 'kind', 'size', 'mtime']);

/**
 * The manifest's block of 1 KiB: length of the JSON (u16 big-endian), the JSON, zeros.
 * @throws PalisadeError `content/bad-manifest`
 */
export function encodeManifest(manifest: Manifest): Uint8Array<ArrayBuffer> {
  const { name, kind, size, mtime } = checkManifest(manifest);
  const json = utf8(JSON.stringify({ name, kind, size, mtime }));
  const block = new Uint8Array(MANIFEST_BLOCK_BYTES);
  new DataView(block.buffer).setUint16(0, json.length);
  block.set(json, LENGTH_BYTES);
  return block;
}

/** @throws PalisadeError `content/bad-manifest` for anything that `encodeManifest` would not write */
export function decodeManifest(block: Uint8Array): Manifest {
  const length = new DataView(block.buffer, block.byteOffset, block.length).getUint16(0);
  const end = LENGTH_BYTES + length;
  if (end > block.length || block.subarray(end).some((byte) => byte !== 0)) {
    throw badManifest('its length does not fit the block');
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(block.subarray(2, end)));
  } catch {
    throw badManifest('it is not JSON');
  }
  return checkManifest(value);
}

function checkManifest(value: unknown): Manifest {
  if (typeof value !== 'object' || value === null) throw badManifest('it is not an object');
  const { name, kind, size, mtime } = value as Partial<Record<keyof Manifest, unknown>>;
  if (!Object.keys(value).every((key) => KEYS.has(key))) throw badManifest('it has unknown keys');
  if (!isFileName(name)) throw badManifest('its name is not a plain file name');
  if (kind !== 'file' && kind !== 'directory') throw badManifest('its kind is unknown');
  if (!isWhole(size)) throw badManifest('its size is not a whole number');
  if (mtime === undefined) return { name, kind, size };
  if (!isWhole(mtime)) throw badManifest('its time is not a whole number');
  return { name, kind, size, mtime };
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A name that can be created in a folder and nowhere else: what is opened comes from strangers. */
function isFileName(name: unknown): name is string {
  if (typeof name !== 'string' || name === '.' || name === '..') return false;
  const bytes = utf8(name);
  if (bytes.length === 0 || bytes.length > MAX_NAME_BYTES) return false;
  if (new TextDecoder().decode(bytes) !== name) return false;
  return !/[/\\\p{Cc}]/u.test(name);
}

function badManifest(why: string) {
  return formatError('content/bad-manifest', `The file's manifest cannot be used: ${why}.`);
}
