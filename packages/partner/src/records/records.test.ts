import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '@palisade/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgreementRecord, hexOf, RECORD_VERSION } from './agreement.ts';
import { AgreementBook } from './agreement-book.ts';
import { Ledger } from './ledger.ts';
import { savedFile } from './saved-file.ts';
import { Sequence } from './sequence.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-records-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const id = (number: number) => new Uint8Array(32).fill(number);
const agreement = (number: number, more: Partial<AgreementRecord> = {}): AgreementRecord => ({
  version: RECORD_VERSION,
  job: id(number),
  client: new Uint8Array(20).fill(1),
  contentId: id(200),
  size: 5n,
  state: 'upload',
  sinceMs: 1n,
  voucher: new Uint8Array([1, 2]),
  clientSignature: new Uint8Array(65),
  sequence: 1,
  rate: 10n ** 20n,
  sessions: 3,
  filedSequence: 0,
  filedRate: 0n,
  transaction: new Uint8Array(0),
  firstSession: 0n,
  lastSession: 0n,
  receipt: new Uint8Array(0),
  receiptSignature: new Uint8Array(0),
  receiptSequence: 0,
  receiptSession: 0n,
  receiptMs: 0n,
  reason: '',
  ...more,
});

describe('the book of agreements', () => {
  it('[P2V-5] gives back what was written, after a crash too', async () => {
    const book = await AgreementBook.open(dir);
    await book.update(id(1), () => agreement(1));
    await book.update(id(2), () => agreement(2, { state: 'active' }));
    const again = await AgreementBook.open(dir);
    expect(again.get(hexOf(id(1)))).toEqual(agreement(1));
    expect(again.uploading().map(({ job }) => job)).toEqual([id(1)]);
    expect(again.ofContent(id(200))).toHaveLength(2);
  });

  it('[P2V-5] changes one agreement at a time, and none when there is nothing to change', async () => {
    const book = await AgreementBook.open(dir);
    await book.update(id(1), () => agreement(1, { sessions: 0 }));
    await Promise.all(
      Array.from({ length: 10 }, () =>
        book.update(id(1), (known) => known && { ...known, sessions: known.sessions + 1 }),
      ),
    );
    expect((await AgreementBook.open(dir)).get(hexOf(id(1)))?.sessions).toBe(10);
    expect(await book.update(id(9), (known) => known)).toBeUndefined();
    expect(book.count).toBe(1);
  });

  it('[P2V-8] puts ended agreements away, also when a crash kept the file from being moved', async () => {
    const book = await AgreementBook.open(dir);
    await book.update(id(1), () => agreement(1));
    await book.update(id(1), (known) => known && { ...known, state: 'ended', reason: 'done' });
    expect(book.count).toBe(0);
    const name = `${hexOf(id(1))}.json`;
    expect(await readdir(join(dir, 'ended'))).toEqual([name]);
    await writeFile(join(dir, name), await readFile(join(dir, 'ended', name)));
    expect((await AgreementBook.open(dir)).count).toBe(0);
    expect((await readdir(dir)).sort()).toEqual(['ended']);
  });

  it('does not start over a record that cannot be read, and names it', async () => {
    const path = join(dir, `${hexOf(id(1))}.json`);
    for (const text of ['{', '{}', JSON.stringify({ version: 2 })]) {
      await writeFile(path, text);
      await expect(AgreementBook.open(dir)).rejects.toMatchObject({
        code: 'partner/bad-record',
        data: { path },
      });
    }
  });
});

describe('the ledger', () => {
  const line = { session: 3n, job: id(1), partner: id(2), rate: 9n, sequence: 1, height: 44n };

  it('[4.5] has one line per answer and payment, from which earnings can be worked out', async () => {
    const ledger = await Ledger.open(dir);
    const answer = { ...line, leaves: [5, 1], transaction: id(7) };
    expect(await ledger.noteAnswer(answer)).toBe(true);
    expect(await ledger.noteAnswer(answer)).toBe(false);
    const paid = { session: 3n, job: id(1), partner: id(2), amount: 9n, height: 60n };
    expect(await ledger.notePaid(paid)).toBe(true);
    expect(JSON.parse(await readFile(join(dir, '3.jsonl'), 'utf8'))).toEqual({
      session: '3',
      job: toHex(id(1)),
      partner: toHex(id(2)),
      rate: '9',
      sequence: 1,
      answered: { height: '44', leaves: [5, 1] },
      transaction: toHex(id(7)),
    });
    const again = await Ledger.open(dir);
    expect(await again.hasAnswer(3n, hexOf(id(1)))).toBe(true);
    expect(await again.hasAnswer(4n, hexOf(id(1)))).toBe(false);
    expect(await again.notePaid(paid)).toBe(false);
  });

  it('[4.5] goes on after a line that a crash cut off, and writes that line again', async () => {
    const ledger = await Ledger.open(dir);
    const answer = (job: number) => ({ ...line, job: id(job), leaves: [], transaction: undefined });
    await ledger.noteAnswer(answer(1));
    await appendFile(join(dir, '3.jsonl'), '{"session":"3","job":"0x02');
    const again = await Ledger.open(dir);
    expect(await again.noteAnswer(answer(2))).toBe(true);
    const lines = (await readFile(join(dir, '3.jsonl'), 'utf8')).trim().split('\n');
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[2]!)).toMatchObject({ job: toHex(id(2)), transaction: null });
  });
});

describe('the sequence of READY messages', () => {
  it('[P2V-1] only grows, whatever is lost in a crash', async () => {
    const path = join(dir, 'sequence.json');
    const first = await Sequence.open(path);
    const given = [await first.next(), await first.next()];
    const second = await Sequence.open(path);
    given.push(await second.next());
    second.passOver(10_000n);
    given.push(await second.next());
    given.push(await (await Sequence.open(path)).next());
    expect([...given].sort((a, b) => Number(a - b))).toEqual(given);
    expect(new Set(given).size).toBe(given.length);
    expect(given[3]).toBe(10_001n);
  });

  it('does not begin anew over a file that cannot be read', async () => {
    const path = join(dir, 'sequence.json');
    await writeFile(path, '{"claimed":-4}');
    await expect(Sequence.open(path)).rejects.toMatchObject({ code: 'partner/bad-record' });
  });
});

describe('a saved file', () => {
  it('has every change that was made before `save`, however many wait', async () => {
    const path = join(dir, 'file');
    let content = 0;
    const file = savedFile(path, () => `${content}`);
    const saves: Promise<void>[] = [];
    for (let round = 1; round <= 20; round++) {
      content = round;
      const check = async () =>
        expect(Number(await readFile(path, 'utf8'))).toBeGreaterThanOrEqual(round);
      saves.push(file.save().then(check));
    }
    await Promise.all(saves);
    expect(await readFile(path, 'utf8')).toBe('20');
  });
});
