import { MAX_PAGE } from '@palisade/chain/schema';
import { encode } from '@palisade/core';
import { type PayoutRow, type PayoutSummary, payoutRow } from '@palisade/market/schema';
import { describe, expect, it } from 'vitest';
import { allPages, wholePayout } from './pages.ts';
import type { Find } from './payout-file.ts';

const SESSION = 7n;
const ROW: PayoutRow = {
  job: new Uint8Array(32).fill(1),
  partner: new Uint8Array(32).fill(2),
  client: new Uint8Array(20).fill(3),
  jobHeight: 4n,
  startHeight: 5n,
  answerHeight: 6n,
  endHeight: 0n,
  amount: 8n,
  sequence: 1,
  status: 1,
};
const ROWS: readonly PayoutRow[] = [ROW, { ...ROW, job: new Uint8Array(32).fill(9), amount: 9n }];
/** Of these two rows, made from the texts (RFC 6962, spec/content.md) without this code. */
const RECORD: PayoutSummary = {
  root: Buffer.from('71bbf48ee2ff0c0cfd8041f3689e89d28589b2a32e439339b7ad7bcc4833f7ba', 'hex'),
  content: Buffer.from('84fb9fcc9372fb30650d49e1bf65749d1bd9a0fb1cb481840aac9ce3177c9696', 'hex'),
  rows: 2,
  total: 17n,
  height: 99n,
};

const NOWHERE = new Uint8Array(32);
const nobody = async () => expect.unreachable('nobody else is to be asked');
const read = (find: Find) => wholePayout(find, SESSION, nobody);

/** A validator that gives these rows one a page, and says that they belong to the record. */
function validatorWith(rows: readonly PayoutRow[], summary = RECORD) {
  let asked = 0;
  const find = async () => ({ summary, archive: NOWHERE, rows: rows.slice(asked, ++asked) });
  return { find: find as never, asked: () => asked };
}

describe('a payout file that comes in pages', () => {
  it('[V2V-5] is given with its root and content id', async () => {
    const { find } = validatorWith(ROWS);
    expect(await read(find)).toEqual({ ...RECORD, session: SESSION, rows: ROWS });
  });

  it('[V2V-5] is not believed when a row is missing, changed or made up', async () => {
    const [one, two] = ROWS as readonly [PayoutRow, PayoutRow];
    const lies = [[one], [], [one, { ...two, amount: 10n }], [two, one], [one, two, two]];
    for (const rows of lies)
      await expect(read(validatorWith(rows).find)).rejects.toMatchObject({
        code: 'client/bad-answer',
        retry: 'now',
      });
  });

  it('[V2V-5] is asked of partners once its rows are gone, and theirs is believed no more', async () => {
    const archive = new Uint8Array(32).fill(5);
    const find = (async () => ({ summary: RECORD, archive, rows: [] })) as never;
    const file = Buffer.concat([Buffer.of(1), ...ROWS.map((row) => encode(payoutRow, row))]);
    const asked: unknown[] = [];
    const give = (bytes: Uint8Array) => async (_: PayoutSummary, job: Uint8Array) => {
      asked.push(job);
      return bytes;
    };
    const found = await wholePayout(find, SESSION, give(file));
    expect(found).toEqual({ ...RECORD, session: SESSION, rows: ROWS, archive });
    expect(asked).toEqual([archive]);
    const other = Uint8Array.from(file).with(40, 1);
    await expect(wholePayout(find, SESSION, give(other))).rejects.toMatchObject({
      code: 'market/not-the-payout-file',
    });
  });

  it('[V2V-5] is read no further than its record says', async () => {
    const endless = validatorWith(Array.from({ length: 1000 }, () => ROW));
    await expect(read(endless.find)).rejects.toMatchObject({
      code: 'client/bad-answer',
    });
    expect(endless.asked()).toBe(3);
  });
});

describe('a list that comes in pages', () => {
  it('ends with the first page that is not full, and is asked for after its last row', async () => {
    const rows = Array.from({ length: 2 * MAX_PAGE + 1 }, (_, i) => i);
    const ask = async (last = -1) => rows.slice(last + 1, last + 1 + MAX_PAGE);
    expect(await allPages(ask)).toEqual(rows);
  });

  it('is not read from somebody for whom it has no end', async () => {
    const page = Array.from({ length: 2 ** 16 }, () => 0);
    const endless = allPages(async () => page);
    await expect(endless).rejects.toMatchObject({ code: 'client/bad-answer' });
  });
});
