/**
 * @palisade/formats: byte formats that others defined. CometBFT headers, votes and commits, the ABCI
 * types, Merkle trees and proofs, and RLP. Pure: no clock, no disk, no network.
 */
export type * from './abci.ts';
export * from './comet/index.ts';
export * from './ics23/index.ts';
export * from './merkle.ts';
export * from './merkle-accumulator.ts';
export * from './rlp/index.ts';
