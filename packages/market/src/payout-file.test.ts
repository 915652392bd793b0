import { createHash } from 'node:crypto';
import { concat, fromHex, toHex, u64be, utf8 } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import { describe, expect, it } from 'vitest';
import { RATE, startMarket } from '../test/market-kit.ts';
import {
  areRowsOf,
  type PayoutRow,
  type PayoutSummary,
  payoutFileBytes,
  payoutFileSize,
  payouts,
  ROW_STATUS,
  readPayoutFile,
} from './index.ts';
import { summarize } from './payout-file.ts';

/** The content id as spec/content.md tells it, without the code that streams it. */
function contentIdOf(bytes: Uint8Array): Uint8Array {
  const rootOf = (part: Uint8Array): Uint8Array => {
    const leaves = Math.ceil(part.length / 1024);
    if (leaves <= 1) return blake3(part);
    let left = 1;
    while (left * 2 < leaves) left *= 2;
    const at = left * 1024;
    return blake3(
      concat(Uint8Array.of(1), rootOf(part.subarray(0, at)), rootOf(part.subarray(at))),
    );
  };
  return blake3(concat(utf8('palisade/content/1'), u64be(BigInt(bytes.length)), rootOf(bytes)));
}

/** A row as spec/market.md lays it out: fixed fields, numbers little-endian. */
function bytesOf(row: PayoutRow): Uint8Array {
  const number = (value: bigint, size: number) =>
    Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
  return concat(
    row.job,
    row.partner,
    row.client,
    number(row.jobHeight, 8),
    number(row.startHeight, 8),
    number(row.answerHeight, 8),
    number(row.endHeight, 8),
    number(row.amount, 16),
    number(BigInt(row.sequence), 4),
    number(BigInt(row.status), 1),
  );
}

function rows(count: number): PayoutRow[] {
  const hash = (text: string) => new Uint8Array(createHash('sha256').update(text).digest());
  return Array.from({ length: count }, (_, i) => ({
    job: concat(u64be(BigInt(i)), hash(`job ${i}`).subarray(8)),
    partner: hash(`partner ${i}`),
    client: hash(`client ${i}`).subarray(12),
    jobHeight: BigInt(i),
    startHeight: BigInt(i) + 1n,
    answerHeight: 0x1234_5678_9abc_def0n,
    endHeight: 0n,
    amount: 10n ** 20n + BigInt(i),
    sequence: 1 + i,
    status: ROW_STATUS.earned,
  }));
}

const fileOf = (all: readonly PayoutRow[]) => concat(Uint8Array.of(1), ...all.map(bytesOf));
const recordOf = (all: readonly PayoutRow[]): PayoutSummary => ({ ...summarize(all), height: 9n });

describe('a payout file', () => {
  it('[V2V-5] is a version and its rows in their order, under the content id that the text gives', () => {
    for (const count of [0, 1, 7, 8, 100]) {
      const all = rows(count);
      const file = fileOf(all);
      const record = recordOf(all);
      expect(payoutFileSize(count)).toBe(file.length);
      expect(toHex(record.content)).toBe(toHex(contentIdOf(file)));
      expect(record).toMatchObject({
        rows: count,
        total: all.reduce((sum, { amount }) => sum + amount, 0n),
      });
      expect(readPayoutFile(file, record)).toEqual(all);
      expect(areRowsOf(all, record)).toBe(true);
    }
  });

  it('[V2V-5] that differs in any byte or in its length is nobody’s payout file', () => {
    const all = rows(9);
    const record = recordOf(all);
    const file = fileOf(all);
    const notTheFile = expect.objectContaining({ code: 'market/not-the-payout-file' });
    for (let at = 0; at < file.length; at += 31) {
      const lie = file.slice();
      lie[at]! ^= 1;
      expect(() => readPayoutFile(lie, record)).toThrow(notTheFile);
    }
    for (const lie of [new Uint8Array(), file.subarray(1), concat(file, Uint8Array.of(0))])
      expect(() => readPayoutFile(lie, record)).toThrow(notTheFile);
    // A file of another version is not read as if it were one of this version.
    const next = concat(Uint8Array.of(2), file.subarray(1));
    expect(() => readPayoutFile(next, { ...record, content: contentIdOf(next) })).toThrow(
      notTheFile,
    );
  });

  it('[V2V-5] rows that were left out, changed, added or reordered are not those of the record', () => {
    const all = rows(5);
    const record = recordOf(all);
    const [first, second, ...rest] = all as [PayoutRow, PayoutRow, ...PayoutRow[]];
    expect(areRowsOf(all.slice(1), record)).toBe(false);
    expect(areRowsOf([...all, first], record)).toBe(false);
    expect(areRowsOf([second, first, ...rest], record)).toBe(false);
    expect(areRowsOf([{ ...first, amount: 0n }, second, ...rest], record)).toBe(false);
    const hash = fromHex(`0x${'11'.repeat(32)}`);
    const others = [{ root: hash }, { content: hash }, { rows: 6 }, { total: record.total + 1n }];
    for (const change of others) expect(areRowsOf(all, { ...record, ...change })).toBe(false);
  });

  it('[V2V-5] of a session that is over is read from the state, in pieces of any size', async () => {
    const market = await startMarket();
    const { chain } = market;
    await chain.endSession();
    for (const client of ['alice', 'bert', 'cleo'] as const) {
      const job = await market.request(client, { partners: 2 });
      await market.start(client, 'p0', job);
      await market.start(client, 'p1', job);
      await market.answer('p0', job);
    }
    const { number } = chain.session;
    expect(payouts.get(chain.state, number)).toBeUndefined();
    await chain.endSession();
    const record = payouts.need(chain.state, number);
    expect(record).toMatchObject({ rows: 6, total: 3n * RATE });
    for (const piece of [1, 4, 6, 1024]) {
      const file = concat(...payoutFileBytes(chain.state, number, piece));
      expect(toHex(contentIdOf(file))).toBe(toHex(record.content));
      expect(readPayoutFile(file, record)).toHaveLength(6);
    }
    // A session in which nothing was due has a file of one byte, which has a name like any other.
    const empty = payouts.need(chain.state, 0n);
    expect(toHex(empty.content)).toBe(toHex(contentIdOf(Uint8Array.of(1))));
    expect(readPayoutFile(Uint8Array.of(1), empty)).toEqual([]);
  });
});
