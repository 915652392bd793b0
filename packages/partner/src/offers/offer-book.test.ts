import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '@palisade/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { footprint, Room } from '../room.ts';
import { ContentStore } from '../storage/index.ts';
import { MAX_OPEN_OFFERS, OfferBook, type OpenOffer } from './offer-book.ts';

const MIB = 2 ** 20;
let dir: string;
let store: ContentStore;
let nowMs = 1000;
const clock = { nowMs: () => nowMs };

beforeEach(async () => {
  nowMs = 1000;
  dir = await mkdtemp(join(tmpdir(), 'palisade-offers-'));
  store = await ContentStore.open({
    directory: dir,
    quotaBytes: 10 * MIB,
    reserveBytes: 0,
    clock,
    freeBytes: async () => 2 ** 40,
  });
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

const path = () => join(dir, 'offers.json');
async function openBook(freeBytes = 2 ** 40) {
  const book = await OfferBook.open(path(), clock);
  const room = new Room({ store, reserveBytes: 0, freeBytes: async () => freeBytes });
  room.count(book);
  await room.refresh();
  return { book, room };
}
const offer = (number: number, size = 3 * MIB): OpenOffer => ({
  job: new Uint8Array(32).fill(number),
  contentId: new Uint8Array(32).fill(1),
  size: BigInt(size),
  rate: 7n,
  validUntilMs: 2000n,
  matched: 0,
});

describe('the book of offers', () => {
  it('[P2V-6] never promises more room than there is', async () => {
    const { book, room } = await openBook();
    const answers = await Promise.all([1, 2, 3, 4].map((number) => book.make(offer(number), room)));
    expect(answers.map((refusal) => refusal?.code)).toEqual([
      undefined,
      undefined,
      undefined,
      'partner/no-room',
    ]);
    expect(room.free()).toBe(10 * MIB - 3 * footprint(3 * MIB));
  });

  it('[P2V-6] counts the disk as well as the quota', async () => {
    const { book, room } = await openBook(4 * MIB);
    expect(await book.make(offer(1), room)).toBeUndefined();
    expect((await book.make(offer(2), room))?.code).toBe('partner/no-room');
    expect(room.fullReason()).toBe('All room is taken or promised.');
  });

  it('[P2V-3] gives room back when an offer expires or comes to nothing', async () => {
    const { book, room } = await openBook();
    await book.make(offer(1), room);
    await book.make(offer(2), room);
    await book.close(offer(1).job);
    expect(book.count).toBe(1);
    nowMs = 2000;
    expect(book.count).toBe(0);
    expect(room.free()).toBe(10 * MIB);
  });

  it('[P2V-3] stands by its word after a crash, for as long as the offer is good', async () => {
    const { book, room } = await openBook();
    await book.make(offer(1), room);
    const again = await openBook();
    expect(again.book.get(offer(1).job)).toMatchObject({ rate: 7n, matched: 0 });
    nowMs = 2000;
    expect((await openBook()).book.get(offer(1).job)).toBeUndefined();
  });

  it('[P2V-4] keeps room longer for a match, once', async () => {
    const { book, room } = await openBook();
    await book.make(offer(1), room);
    expect(await book.noteMatch(offer(1).job, 3000n)).toBe(true);
    expect(await book.noteMatch(offer(1).job, 9000n)).toBe(false);
    nowMs = 2999;
    expect(book.count).toBe(1);
    nowMs = 3000;
    expect(book.count).toBe(0);
  });

  it('[P2V-3] is bounded, and on disk before an offer leaves', async () => {
    const { book, room } = await openBook();
    const tiny = (number: number): OpenOffer => ({
      ...offer(0, 0),
      job: Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? number & 255 : number >> 8)),
    });
    const made = Array.from({ length: MAX_OPEN_OFFERS }, (_, i) => book.make(tiny(i), room));
    expect((await Promise.all(made)).every((refusal) => refusal === undefined)).toBe(true);
    expect((await book.make(offer(9), room))?.code).toBe('partner/too-many-offers');
    const onDisk = JSON.parse(await readFile(path(), 'utf8')) as { job: string }[];
    expect(onDisk).toHaveLength(MAX_OPEN_OFFERS);
    expect(onDisk[5]!.job).toBe(toHex(tiny(5).job));
  });
});
