import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { Dice } from '../../test/dice.ts';
import { at } from '../../test/wallets.ts';
import type { Position } from '../format/position.ts';
import type { Output } from '../format/transaction.ts';
import { Ledger, OUTPUT_RECORD_BYTES, outputRecord, readOutputRecord } from './ledger.ts';
import type { LedgerSnapshot } from './snapshot.ts';

const person = (i: number) => new Uint8Array(20).fill(i + 1);

function anOutput(dice: Dice): Output {
  const big = dice.once(5) ? 1n << BigInt(127 + dice.roll(129)) : BigInt(dice.roll(2 ** 31));
  return {
    type: 1 + dice.roll(2),
    owner: person(dice.roll(9)),
    token: person(dice.roll(3)),
    amount: big + BigInt(dice.roll(1000)),
  };
}

/** Everything a naive ledger, a Map, knows of an owner. */
function ofOwner(map: ReadonlyMap<Position, Output>, owner: Uint8Array): string[] {
  return [...map]
    .filter(([, output]) => toHex(output.owner) === toHex(owner))
    .map(([position]) => `${position}`)
    .sort();
}

/** An output as text: comparing a hundred thousand of them by matchers takes seconds. */
function shown(found: Output | undefined): string {
  if (!found) return 'none';
  return `${found.type} ${toHex(found.owner)} ${toHex(found.token)} ${found.amount}`;
}

type Found = { get(position: Position): Output | undefined };

/** Positions at which two do not hold the same. */
function differences(one: Found, other: Found, seen: readonly Position[]): Position[] {
  return seen.filter((position) => shown(one.get(position)) !== shown(other.get(position)));
}

type Kept = { readonly snapshot: LedgerSnapshot; readonly copy: ReadonlyMap<Position, Output> };

function compare(ledger: Ledger, map: ReadonlyMap<Position, Output>, seen: readonly Position[]) {
  expect(ledger.size).toBe(map.size);
  expect(differences(ledger, map, seen)).toEqual([]);
  for (let i = 0; i < 9; i++) {
    const mine = [...ledger.outputsOf(person(i))].map(({ position }) => `${position}`).sort();
    expect(mine).toEqual(ofOwner(map, person(i)));
  }
}

describe('the ledger', () => {
  it('[X5] is a map from positions to outputs, and its snapshots are copies, whatever happens', () => {
    for (let seed = 0; seed < 12; seed++) {
      const dice = new Dice(seed);
      const ledger = new Ledger();
      const map = new Map<Position, Output>();
      const seen: Position[] = [];
      const kept: Kept[] = [];
      for (let step = 0; step < 1_500; step++) {
        const old = seen.length > 0 ? dice.pick(seen) : 0n;
        if (dice.once(2)) {
          const blknum = dice.once(9) ? 720_575_940_000 + dice.roll(99) : 1 + dice.roll(99);
          const position = at(blknum, dice.roll(65_536), dice.roll(5));
          if (map.has(position)) continue;
          const output = anOutput(dice);
          ledger.create(position, output);
          map.set(position, output);
          seen.push(position);
        } else if (dice.once(30)) {
          kept.push({ snapshot: ledger.snapshot(), copy: new Map(map) });
        } else if (dice.once(40) && kept.length > 0) {
          kept.splice(dice.roll(kept.length), 1)[0]!.snapshot.close();
        } else {
          if (shown(ledger.spend(old)) !== shown(map.get(old))) throw new Error(`${seed}: ${old}`);
          map.delete(old);
        }
        if (step % 250 === 0) {
          compare(ledger, map, seen);
          for (const { snapshot, copy } of kept)
            expect(differences(snapshot, copy, seen)).toEqual([]);
        }
      }
      compare(ledger, map, seen);
    }
  });

  it('[X15] comes back whole from its image, in less than 120 bytes an output', () => {
    const dice = new Dice(5);
    const ledger = new Ledger();
    for (let i = 0; i < 20_000; i++) ledger.create(at(1000 * (1 + i), i % 65_536), anOutput(dice));
    const records = [...ledger.outputs()].map(outputRecord);
    for (const record of records.slice(0, 100))
      expect(outputRecord(readOutputRecord(record))).toEqual(record);
    const chunk = new Uint8Array(records.length * OUTPUT_RECORD_BYTES);
    for (const [i, record] of records.entries()) chunk.set(record, i * OUTPUT_RECORD_BYTES);
    const again = new Ledger();
    again.load([
      chunk.subarray(0, 500 * OUTPUT_RECORD_BYTES),
      chunk.subarray(500 * OUTPUT_RECORD_BYTES),
    ]);
    expect(again.size).toBe(20_000);
    const all = [...ledger.outputs()].map(({ position }) => position);
    expect(differences(again, ledger, all)).toEqual([]);
    expect([...again.outputsOf(person(3))]).toHaveLength([...ledger.outputsOf(person(3))].length);
    expect(again.bytes / again.size).toBeLessThan(120);
    expect(() => new Ledger().load([chunk.subarray(1)])).toThrow('within a record');
    expect(() => again.load([chunk])).toThrow('twice');
    const open = again.snapshot();
    expect(() => again.load([])).toThrow('a snapshot is open');
    open.close();
    again.load([]);
  });

  it('[X15] finds the outputs of an owner without a search over those of others', () => {
    const dice = new Dice(6);
    const ledger = new Ledger();
    for (let i = 0; i < 20_000; i++) ledger.create(at(1000 * (1 + i)), anOutput(dice));
    const owner = person(99);
    for (let i = 0; i < 3; i++) ledger.create(at(i + 1), { ...anOutput(dice), owner });
    const start = performance.now();
    for (let i = 0; i < 500; i++) expect([...ledger.outputsOf(owner)]).toHaveLength(3);
    // A search takes over 5 s for as many; this takes some 10 ms.
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it('[X5] refuses to make one position twice', () => {
    const ledger = new Ledger();
    const output = anOutput(new Dice(1));
    ledger.create(at(1), output);
    expect(() => ledger.create(at(1), output)).toThrow('already');
  });
});
