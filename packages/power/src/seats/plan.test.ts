import { describe, expect, it } from 'vitest';
import { cappedVotes, isLowTrust, knownSeats } from './plan.ts';

describe('the plan of seats', () => {
  it('[V2V-0] gives known validators 44 of 100 seats at most', () => {
    const seats = [1, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => [n, knownSeats(n)]);
    expect(seats).toEqual([
      [1, 0],
      [3, 1],
      [4, 1],
      [5, 2],
      [6, 2],
      [7, 3],
      [8, 3],
      [9, 3],
      [10, 4],
    ]);
  });

  it('[V2V-0] and votes below a third, as the table of the market chapter has them', () => {
    const table = [4, 5, 6, 7, 8, 9, 10].map((n) => {
      const known = knownSeats(n);
      const votes = cappedVotes(known, n - known);
      expect(isLowTrust(known, n - known, votes)).toBe(false);
      return `${n}: ${votes.known}:${votes.drawn}`;
    });
    expect(table).toEqual(['4: 1:1', '5: 2:3', '6: 5:6', '7: 3:5', '8: 4:5', '9: 5:6', '10: 2:3']);
  });

  it('[V2V-1] says low trust from exactly a third of the votes on', () => {
    expect(isLowTrust(1, 2, { known: 1n, drawn: 1n })).toBe(true);
    expect(isLowTrust(1, 3, { known: 1n, drawn: 1n })).toBe(false);
    expect(isLowTrust(4, 6, { known: 1n, drawn: 1n })).toBe(true);
    expect(isLowTrust(2, 0, { known: 1n, drawn: 1n })).toBe(true);
  });
});
