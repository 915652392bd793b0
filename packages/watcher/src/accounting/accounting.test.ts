import { MemoryStore } from '@palisade/core';
import type { Receipt } from '@palisade/rootchain';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { booked, type Entry, NO_TOTALS } from './book.ts';
import { EntryBook } from './entries.ts';
import { CHALLENGE_GAS, fundingOf, type OpenExit, smallBonds } from './funding.ts';
import { settleEarlier } from './settle.ts';

const GWEI = 10n ** 9n;
const entry = fc.record({
  txHash: fc.string(),
  subject: fc.string(),
  height: fc.nat(),
  spent: fc.bigInt(0n, 10n ** 18n),
  reimbursed: fc.bigInt(0n, 10n ** 18n),
  outcome: fc.constantFrom('won', 'lost' as const),
});
const exit = fc.oneof(
  fc.constant({ kind: 'standard' } as const),
  fc.record({ kind: fc.constant('in-flight' as const), piggybacks: fc.nat(10) }),
);

describe('the accounts of a challenger', () => {
  it('[X13] net is what came back less what was spent, whatever happened in which order', () => {
    fc.assert(
      fc.property(fc.array(entry), (entries: readonly Entry[]) => {
        const totals = entries.reduce(booked, NO_TOTALS);
        expect(totals.net).toBe(entries.reduce((sum, e) => sum + e.reimbursed - e.spent, 0n));
        expect(totals.won + totals.lost).toBe(entries.length);
        expect(entries.toReversed().reduce(booked, NO_TOTALS)).toEqual(totals);
      }),
      { numRuns: 100 },
    );
  });

  it('[X10] an exit more never makes an account that could not pay able to', () => {
    const exits = fc.array(exit, { maxLength: 20 });
    fc.assert(
      fc.property(exits, exit, fc.bigInt(0n, 10n ** 18n), (list: OpenExit[], more, balance) => {
        const before = fundingOf(balance, list, 20n * GWEI);
        const after = fundingOf(balance, [...list, more], 20n * GWEI);
        expect(after.needed).toBeGreaterThan(before.needed);
        if (before.state === 'underfunded') expect(after.state).toBe('underfunded');
        expect(before.missing > 0n).toBe(before.state === 'underfunded');
        expect(balance + before.missing).toBeGreaterThanOrEqual(before.needed);
      }),
      { numRuns: 200 },
    );
  });

  it('[X10] valid exits count too: their outputs may be spent before they end', () => {
    const one = CHALLENGE_GAS['standard-exit'] * 2n * GWEI;
    expect(fundingOf(one * 7n, [{ kind: 'standard' }], GWEI).state).toBe('funded');
    expect(fundingOf(one, [{ kind: 'standard' }], GWEI).state).toBe('low');
    const short = fundingOf(one - 1n, [{ kind: 'standard' }], GWEI);
    expect(short).toMatchObject({ state: 'underfunded', missing: 1n });
  });

  it('[X13] what was sent before a death is booked after it: won, lost, or given up when it came into no block', async () => {
    const store = new MemoryStore();
    const before = new EntryBook(store);
    const note = (name: string, empty = false) =>
      before.note({ txHash: name, subject: name, height: 100, empty, reimbursed: 50n });
    for (const name of ['won', 'lost', 'under way', 'nowhere']) await note(name);
    await note('withdrawn', true);
    const receiptOf = async (transactionHash: string) =>
      transactionHash === 'nowhere'
        ? undefined
        : ({
            ...{ transactionHash, status: transactionHash === 'lost' ? 0n : 1n },
            ...{ blockNumber: 120n, gasUsed: 3n, effectiveGasPrice: 2n },
          } as Receipt);
    const isUnderWay = (subject: string) => subject === 'under way';
    const entries = new EntryBook(store);
    const settle = (height: number) =>
      settleEarlier({ entries, sender: { receiptOf }, height, finalityMargin: 12 }, isUnderWay);
    await settle(131);
    expect(entries.totals).toEqual(NO_TOTALS);
    await settle(132);
    expect(entries.totals).toEqual({ spent: 18n, reimbursed: 50n, net: 32n, won: 1, lost: 2 });
    expect([...entries.unsettled()].map(({ txHash }) => txHash)).toEqual(['nowhere', 'under way']);
    await settle(1000);
    expect([...entries.unsettled()].map(({ txHash }) => txHash)).toEqual(['under way']);
    expect(new EntryBook(store).totals).toEqual(entries.totals);
  });

  it('[X13] what was booked in blocks that are taken back is open again, and booked once when it comes again', async () => {
    const store = new MemoryStore();
    const entries = new EntryBook(store);
    const blocks = new Map([
      ['before', 110n],
      ['after', 120n],
    ]);
    const receiptOf = async (transactionHash: string) => {
      const blockNumber = blocks.get(transactionHash);
      if (blockNumber === undefined) return undefined;
      const cost = { gasUsed: 3n, effectiveGasPrice: 2n };
      return { ...{ transactionHash, status: 1n, blockNumber }, ...cost } as Receipt;
    };
    for (const txHash of blocks.keys())
      await entries.note({ txHash, subject: txHash, height: 100, empty: false, reimbursed: 50n });
    const settle = (height: number, book = entries) =>
      settleEarlier(
        { entries: book, sender: { receiptOf }, height, finalityMargin: 12 },
        () => false,
      );
    await settle(140);
    expect(entries.totals).toMatchObject({ won: 2, reimbursed: 100n });
    await entries.rewind(115);
    blocks.delete('after');
    expect(entries.totals).toMatchObject({ won: 1, reimbursed: 50n });
    await settle(141);
    expect([...entries.unsettled()].map(({ txHash }) => txHash)).toEqual(['after']);
    blocks.set('after', 130n);
    const again = new EntryBook(store);
    await settle(142, again);
    expect(again.totals).toMatchObject({ won: 2, reimbursed: 100n, spent: 12n });
    expect([...again.all()].map(({ height }) => height).sort()).toEqual([110, 130]);
  });

  it('[X13] bonds that repay too little at the present price are told of', () => {
    const v1 = { standard: 14n * 10n ** 15n, piggyback: 28n * 10n ** 15n };
    expect(smallBonds(v1, 20n * GWEI)).toEqual([]);
    expect(smallBonds(v1, 40n * GWEI)).toEqual(['standard']);
    expect(smallBonds(v1, 100n * GWEI)).toEqual(['standard', 'piggyback']);
  });
});
