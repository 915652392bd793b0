/**
 * The entries of the state, in key order and without `meta/`, and how one is written down: as a leaf
 * of the full root and, in the very same bytes, in the chunks of a snapshot.
 */
import { type KeyValueReader, PalisadeError, toBinaryString } from '@palisade/core';
import { afterPrefix } from '../state/keys.ts';

/** What a replica remembers for itself; no part of the state that replicas agree on. */
const META = 'meta/';
/** Old values of keys that changed since the image began and that the pass has not reached. */
export const OLD = 'meta/image/old/';
const AFTER_META = afterPrefix(META);
const AFTER_OLD = afterPrefix(OLD);
/** Store names are ASCII, so every key lies between these two. */
export const LEAST_KEY = '\0';
export const BEYOND_KEYS = '\xff';

/** A state key and its value. */
export type Entry = readonly [key: string, value: Uint8Array];

/** Key length (2 bytes, big-endian) and value length (4 bytes) stand before key and value. */
const HEAD = 6;

/** Bytes of an entry: big-endian lengths of key (2 bytes) and value (4 bytes), key, value. */
export function encodeEntry([key, value]: Entry): Uint8Array {
  if (key.length > 0xffff) throw tooLong(key.length);
  const bytes = new Uint8Array(HEAD + key.length + value.length);
  bytes[0] = key.length >> 8;
  bytes[1] = key.length;
  for (let i = 0; i < 4; i++) bytes[2 + i] = value.length >>> (24 - 8 * i);
  for (let i = 0; i < key.length; i++) bytes[HEAD + i] = key.charCodeAt(i);
  bytes.set(value, HEAD + key.length);
  return bytes;
}

/** The entries of a chunk, with the bytes of each; undefined when the chunk does not end with one. */
export function splitChunk(chunk: Uint8Array): (readonly [Entry, Uint8Array])[] | undefined {
  const found: (readonly [Entry, Uint8Array])[] = [];
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  for (let at = 0; at < chunk.length; ) {
    if (at + HEAD > chunk.length) return undefined;
    const keyEnd = at + HEAD + view.getUint16(at);
    const end = keyEnd + view.getUint32(at + 2);
    if (end > chunk.length) return undefined;
    const key = toBinaryString(chunk.subarray(at + HEAD, keyEnd));
    found.push([[key, chunk.slice(keyEnd, end)], chunk.subarray(at, end)]);
    at = end;
  }
  return found;
}

/** Whether a key belongs to what replicas agree on. */
export function isStateKey(key: string): boolean {
  return key >= LEAST_KEY && key < BEYOND_KEYS && !key.startsWith(META);
}

/** The state behind `cursor`, in key order; the empty string stands before all keys. */
export function* stateAfter(state: KeyValueReader, cursor: string): Generator<Entry> {
  const from = cursor + LEAST_KEY;
  if (from >= AFTER_META) return yield* state.range(from, BEYOND_KEYS);
  if (from < META) yield* state.range(from, META);
  yield* state.range(AFTER_META, BEYOND_KEYS);
}

/** What the image meets: a key, its value as of the image (undefined: it was not there yet). */
export type ImageEntry = {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  /** The value was written down when the key changed; the note has served its purpose. */
  readonly noted: boolean;
};

/** Notes are one byte, 0 where the key was absent, and the old value behind a 1. */
export function oldNote(value: Uint8Array | undefined): Uint8Array {
  if (value === undefined) return ABSENT;
  const note = new Uint8Array(value.length + 1);
  note[0] = 1;
  note.set(value, 1);
  return note;
}
const ABSENT = Uint8Array.of(0);

/** The state as of the image, behind `cursor`: the noted old value where there is one. */
export function* imageAfter(state: KeyValueReader, cursor: string): Generator<ImageEntry> {
  const current = stateAfter(state, cursor);
  const notes = state.range(OLD + cursor + LEAST_KEY, AFTER_OLD)[Symbol.iterator]();
  try {
    let now = current.next();
    let note = notes.next();
    while (!now.done || !note.done) {
      const noted = note.done ? undefined : note.value[0].slice(OLD.length);
      if (noted !== undefined && (now.done || noted <= now.value[0])) {
        const bytes: Uint8Array = note.value[1];
        yield { key: noted, value: bytes[0] === 0 ? undefined : bytes.subarray(1), noted: true };
        if (!now.done && now.value[0] === noted) now = current.next();
        note = notes.next();
      } else {
        const [key, value] = now.value as Entry;
        yield { key, value, noted: false };
        now = current.next();
      }
    }
  } finally {
    current.return(undefined);
    notes.return?.();
  }
}

function tooLong(length: number): PalisadeError {
  return new PalisadeError({
    code: 'chain/key-too-long',
    message: `A state key has ${length} bytes; an entry has room for 65535.`,
  });
}
