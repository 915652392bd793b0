import { MemoryStore } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountOf } from '../../test/chain-kit.ts';
import { DEFAULT_PARAMS, params } from '../params.ts';
import { splitByWeight } from '../rewards/rewards.ts';
import { Overlay } from '../state/overlay.ts';
import { holdsAddUp, issuance } from './invariants.ts';
import {
  balanceOf,
  burn,
  burnHeld,
  endow,
  heldFor,
  hold,
  mint,
  moduleAccount,
  release,
  transfer,
} from './ledger.ts';

const NAMES = ['alice', 'bob', 'carol'] as const;
const DENOMS = ['pal', 'gold'] as const;
const PURPOSES = ['bond', 'pledge'] as const;

/** Free and held amounts, as a child would count them. */
type Books = Map<string, bigint>;

const aName = fc.constantFrom(...NAMES);
const aStep = fc.record({
  kind: fc.constantFrom('transfer', 'mint', 'burn', 'hold', 'release', 'slash'),
  who: aName,
  whom: aName,
  denom: fc.constantFrom(...DENOMS),
  purpose: fc.constantFrom(...PURPOSES),
  amount: fc.bigInt(0n, 60n),
});
type Step = typeof aStep extends fc.Arbitrary<infer T> ? T : never;

/** Does a step in the ledger; false when the ledger said that it cannot be. */
function doStep(state: Overlay, { kind, who, whom, denom, purpose, amount }: Step): boolean {
  const [from, to] = [accountOf(who).id, accountOf(whom).id];
  try {
    if (kind === 'transfer') transfer(state, from, to, amount, denom);
    else if (kind === 'mint') mint(state, from, amount, 'test', denom);
    else if (kind === 'burn') burn(state, from, amount, 'test', denom);
    else if (kind === 'hold') hold(state, from, purpose, amount, denom);
    else if (kind === 'release') release(state, from, purpose, amount, denom);
    else burnHeld(state, from, purpose, amount, 'slash', denom);
    return true;
  } catch {
    return false;
  }
}

function countStep(books: Books, { kind, who, whom, denom, purpose, amount }: Step): boolean {
  const free = (name: string) => `${name} ${denom}`;
  const held = `${who} ${denom} ${purpose}`;
  const add = (key: string, by: bigint) => books.set(key, (books.get(key) ?? 0n) + by);
  const taken = kind === 'release' || kind === 'slash' ? held : kind === 'mint' ? '' : free(who);
  if (taken !== '' && (books.get(taken) ?? 0n) < amount) return false;
  if (taken !== '') add(taken, -amount);
  if (kind === 'transfer') add(free(whom), amount);
  if (kind === 'mint' || kind === 'release') add(free(who), amount);
  if (kind === 'hold') add(held, amount);
  const flow = kind === 'mint' ? amount : kind === 'burn' || kind === 'slash' ? -amount : 0n;
  add(`issued ${denom}`, flow);
  return true;
}

describe('the ledger', () => {
  it('[P12] conserves issuance over any sequence of steps, and agrees with simple book-keeping', () => {
    fc.assert(
      fc.property(fc.array(aStep, { maxLength: 60 }), (steps) => {
        const state = new Overlay(new MemoryStore());
        params.set(state, [], DEFAULT_PARAMS);
        const books: Books = new Map();
        for (const name of NAMES)
          for (const denom of DENOMS) {
            endow(state, accountOf(name).id, 100n, denom);
            books.set(`${name} ${denom}`, 100n);
            books.set(`issued ${denom}`, (books.get(`issued ${denom}`) ?? 0n) + 100n);
          }
        for (const step of steps) {
          expect(doStep(state, step)).toBe(countStep(books, step));
          expect(issuance.check(state)).toBeUndefined();
          expect(holdsAddUp.check(state)).toBeUndefined();
        }
        for (const name of NAMES)
          for (const denom of DENOMS) {
            const account = accountOf(name).id;
            expect(balanceOf(state, account, denom).free).toBe(books.get(`${name} ${denom}`));
            for (const purpose of PURPOSES)
              expect(heldFor(state, account, purpose, denom)).toBe(
                books.get(`${name} ${denom} ${purpose}`) ?? 0n,
              );
          }
        for (const denom of DENOMS) {
          const sum = [...books]
            .filter(([key]) => key.includes(` ${denom}`) && !key.startsWith('issued'))
            .reduce((total, [, amount]) => total + amount, 0n);
          expect(sum).toBe(books.get(`issued ${denom}`));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('an invariant notices a unit that came from nowhere', () => {
    const state = new Overlay(new MemoryStore());
    endow(state, accountOf('alice').id, 5n, 'pal');
    const other = new Overlay(state);
    endow(other, accountOf('bob').id, 1n, 'pal');
    // Bob's record without the supply's.
    for (const [key, value] of other.range('accounts/balance/', 'accounts/balance0'))
      state.set(key, value);
    expect(issuance.check(state)).toMatch(/hold 6, issued are 5/);
  });

  it('holds of one purpose cannot be released for another', () => {
    const state = new Overlay(new MemoryStore());
    const alice = accountOf('alice').id;
    endow(state, alice, 5n, 'pal');
    hold(state, alice, 'bond', 5n);
    expect(() => release(state, alice, 'pledge', 1n)).toThrow(/only 0 pal/);
    expect(() => transfer(state, alice, accountOf('bob').id, 1n)).toThrow(/has 0 pal/);
  });

  it('module accounts show what they are and differ by name', () => {
    const names = ['fees', 'market.escrow', 'a', 'b'];
    const addresses = names.map((name) =>
      new TextDecoder().decode(moduleAccount(name).slice(0, 12)),
    );
    expect(addresses).toEqual(names.map(() => 'palisade.mod'));
    expect(new Set(names.map((name) => moduleAccount(name).join())).size).toBe(names.length);
  });
});

describe('splitting by weight', () => {
  it('[P12] is exact to the unit, never more than a unit from the true share, and zero for zero', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 30n),
        fc.array(fc.bigInt(0n, 10n ** 12n), { maxLength: 20 }),
        (total, weights) => {
          const shares = splitByWeight(total, weights);
          const sum = weights.reduce((a, b) => a + b, 0n);
          expect(shares).toHaveLength(weights.length);
          expect(shares.reduce((a, b) => a + b, 0n)).toBe(sum === 0n ? 0n : total);
          for (const [i, weight] of weights.entries()) {
            if (weight === 0n || sum === 0n) expect(shares[i]).toBe(0n);
            else {
              // |share - total * weight / sum| < 1, multiplied out.
              const off = shares[i]! * sum - total * weight;
              expect(off < sum && -off < sum).toBe(true);
            }
          }
        },
      ),
    );
  });
});
