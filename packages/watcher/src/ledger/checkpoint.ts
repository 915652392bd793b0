/**
 * The ledger on disk, so that a start applies only what came after: a file that is written whole and then gets its
 * name. A line of JSON says how far the facts were applied, records of 86 bytes follow, and their hash.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { exactJson, fromUtf8, parseExactJson, utf8 } from '@palisade/core';
import { Ledger, OUTPUT_RECORD_BYTES, outputRecord } from '@palisade/payments';
import * as z from 'zod';
import { Books } from './books.ts';

/** 8 192 records of 86 bytes: made, written and read at once, in some 20 ms. */
const CHUNK_BYTES = 8_192 * OUTPUT_RECORD_BYTES;
const HASH_BYTES = 32;
/** The line has few numbers, and one for each in-flight exit that pays out. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;

const count = z.bigint().min(0n).transform(Number);
const headerSchema = z.object({
  version: z.literal(1n),
  height: count,
  index: z.bigint().min(-1n).transform(Number),
  blknum: count,
  outputs: count,
  settled: z.array(z.bigint()),
});

/** Writes the books, which must not change meanwhile; durable when it resolves. */
export async function writeCheckpoint(path: string, books: Books): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w');
  try {
    const hash = createHash('sha256');
    for (const chunk of chunksOf(books)) {
      hash.update(chunk);
      await file.write(chunk);
    }
    await file.write(hash.digest());
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function* chunksOf({ applied, blknum, ledger, settled }: Books): Generator<Uint8Array> {
  const header = { version: 1, ...applied, blknum, outputs: ledger.size, settled: [...settled] };
  yield utf8(`${exactJson(header)}\n`);
  const chunk = new Uint8Array(CHUNK_BYTES);
  let at = 0;
  for (const placed of ledger.outputs()) {
    chunk.set(outputRecord(placed), at);
    at += OUTPUT_RECORD_BYTES;
    if (at < CHUNK_BYTES) continue;
    yield chunk;
    at = 0;
  }
  yield chunk.subarray(0, at);
}

/** Takes away what was written: it may say what the root chain has taken back, and later facts hide how far it went. */
export async function removeCheckpoint(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** The books as they were written; undefined when there are none, or when what is there is damaged. */
export async function readCheckpoint(path: string): Promise<Books | undefined> {
  await rm(`${path}.new`, { force: true });
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return undefined;
  try {
    return await readBooks(file);
  } catch {
    return undefined; // facts and blocks are all there: everything can be applied again
  } finally {
    await file.close();
  }
}

async function readBooks(file: FileHandle): Promise<Books | undefined> {
  const { size } = await file.stat();
  const hash = createHash('sha256');
  const line = await readLine(file, size);
  hash.update(line);
  const header = headerSchema.parse(parseExactJson(fromUtf8(line)));
  const end = size - HASH_BYTES;
  if (end - line.length !== header.outputs * OUTPUT_RECORD_BYTES) return undefined;
  const books = new Books(new Ledger());
  for (let at = line.length; at < end; at += CHUNK_BYTES) {
    const chunk = await readAt(file, at, Math.min(CHUNK_BYTES, end - at));
    hash.update(chunk);
    books.ledger.load([chunk], at === line.length ? header.outputs : 0);
  }
  const stored = await readAt(file, end, HASH_BYTES);
  if (!hash.digest().equals(stored)) return undefined;
  books.applied = { height: header.height, index: header.index };
  books.blknum = header.blknum;
  for (const id of header.settled) books.settled.add(id);
  return books;
}

async function readLine(file: FileHandle, size: number): Promise<Uint8Array> {
  for (let length = 4096; ; length *= 2) {
    const bytes = await readAt(file, 0, Math.min(length, size));
    const end = bytes.indexOf(10);
    if (end >= 0) return bytes.subarray(0, end + 1);
    if (length >= size || length >= MAX_HEADER_BYTES) throw new Error('no header');
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead < length) throw new Error('the file is too short');
  return bytes;
}
