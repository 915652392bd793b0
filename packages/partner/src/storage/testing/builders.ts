/** Contents, clients and stores as the tests of this folder speak of them. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContentDescription, concat, describeContent, equalBytes } from '@palisade/core';
import { ContentStore, type ContentStoreOptions, type Outcome } from '../index.ts';

export const MIB = 1024 * 1024;

/** Bytes that differ from leaf to leaf and from seed to seed. */
export function bytesOf(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  const words = new Uint32Array(bytes.buffer, 0, size >> 2);
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state;
  }
  for (let i = words.length * 4; i < size; i++) bytes[i] = i + seed;
  return bytes;
}

export type TestContent = ContentDescription & { readonly bytes: Uint8Array };

export function contentOf(size: number, seed = 1): TestContent {
  const bytes = bytesOf(size, seed);
  return { ...describeContent([bytes]), bytes };
}

export const jobId = (number: number) => new Uint8Array(32).fill(number);

/** The bytes in pieces, as a socket would bring them. */
export async function* streamed(bytes: Uint8Array, piece = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk.slice()); // a store gives its bytes out in one buffer
  return concat(...chunks);
}

/** The value of an answer that must not be a refusal. */
export function granted<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(`refused: ${outcome.refusal.code}: ${outcome.refusal.message}`);
}

/** The code of an answer that must be a refusal. */
export function refusalOf(outcome: Outcome<unknown>): string {
  if (!outcome.ok) return outcome.refusal.code;
  throw new Error(`was not refused: ${JSON.stringify(outcome.value)}`);
}

/** A whole upload by one client for one job. */
export async function put(store: ContentStore, content: TestContent, job = 1): Promise<void> {
  const begun = granted(await store.beginUpload({ ...content, jobId: jobId(job) }));
  if (begun.stored) return;
  const rest = streamed(content.bytes.subarray(begun.received));
  granted(await store.append(content.contentId, begun.received, rest));
  granted(await store.finish(content.contentId));
}

/** Whether the store gives back exactly the content. */
export async function holds(store: ContentStore, content: TestContent): Promise<boolean> {
  const { contentId, size, bytes } = content;
  return equalBytes(await collect(granted(await store.read(contentId, 0, size))), bytes);
}

/** A folder that the test gives back with `clear`; stores in it are opened one after another. */
export class Workbench {
  readonly #folders: string[] = [];
  readonly #stores: ContentStore[] = [];
  nowMs = 1_000_000;
  freeBytes = 2 ** 40;

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'palisade-store-'));
    this.#folders.push(folder);
    return folder;
  }

  async open(directory: string, more: Partial<ContentStoreOptions> = {}): Promise<ContentStore> {
    await mkdir(directory, { recursive: true });
    const store = await ContentStore.open({
      directory,
      quotaBytes: 2 ** 36,
      clock: { nowMs: () => this.nowMs },
      freeBytes: async () => this.freeBytes,
      ...more,
    });
    this.#stores.push(store);
    return store;
  }

  async closeStores(): Promise<void> {
    for (const store of this.#stores.splice(0)) await store.close();
  }

  async clear(): Promise<void> {
    await this.closeStores();
    for (const folder of this.#folders.splice(0)) {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
