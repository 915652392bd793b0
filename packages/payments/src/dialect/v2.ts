import type { Dialect } from './dialect.ts';

/** plasma-contracts 2.0, which this project's own contracts follow. */
export const v2: Dialect = {
  name: 'v2',
  maxInputs: 5,
  maxOutputs: 5,
  // Positions without their output have 56 bits in an exit's priority.
  maxBlockNumber: Number((2n ** 56n - 1n - 65_535n) / 100_000n),
  typedData: { version: '2', members: 'lists' },
  exitId: {
    shift: 89n,
    standardOf: 'output',
    outputIndexAt: undefined,
    inFlightBit: 167n,
    bits: 168n,
  },
  priority: { timeAt: 224n, positionAt: 168n },
  bonds: {
    standard: { size: 23_300_000_000_000_000n, bounty: 5_350_000_000_000_000n },
    inFlight: { size: 26_900_000_000_000_000n, bounty: 0n },
    piggyback: { size: 30_900_000_000_000_000n, bounty: 25_000_000_000_000_000n },
  },
  events: {
    thin: [],
    tellsInFlightEnd: true,
  },
};
