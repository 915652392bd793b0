import type { Dialect } from './dialect.ts';

/** plasma-contracts 1.0.5, as they ran on mainnet with the OMG network's clients. */
export const v1: Dialect = {
  name: 'v1',
  maxInputs: 4,
  maxOutputs: 4,
  // Positions without their output have 54 bits in an exit's priority.
  maxBlockNumber: Number((2n ** 54n - 1n - 65_535n) / 100_000n),
  typedData: { version: '1', members: 'numbered' },
  exitId: {
    shift: 105n,
    standardOf: 'transaction',
    outputIndexAt: 152n,
    inFlightBit: 151n,
    bits: 160n,
  },
  priority: { timeAt: 214n, positionAt: 160n },
  bonds: {
    standard: { size: 14_000_000_000_000_000n, bounty: 0n },
    inFlight: { size: 37_000_000_000_000_000n, bounty: 0n },
    piggyback: { size: 28_000_000_000_000_000n, bounty: 0n },
  },
  events: {
    thin: ['ExitStarted', 'InFlightExitStarted', 'InFlightExitChallenged'],
    tellsInFlightEnd: false,
  },
};
