/** Names of outputs and exits on the root chain, and the place of an exit in its queue. */
import { concat } from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import type { Dialect } from '../dialect/dialect.ts';
import { numberOf, wordOf } from './integers.ts';
import { isDepositBlock, type Position, placeOf, txPositionOf } from './position.ts';

/** The position as a salt, where it is that of a deposit: equal deposits have equal bytes. */
function saltOf(position: Position): readonly Uint8Array[] {
  return isDepositBlock(placeOf(position).blknum) ? [wordOf(position)] : [];
}

/** An output's id, 32 bytes: of its transaction's raw bytes and its position. */
export function outputIdOf(raw: Uint8Array, position: Position): Uint8Array {
  const { oindex } = placeOf(position);
  return keccak256(concat(raw, wordOf(BigInt(oindex)), ...saltOf(position)));
}

/** Number of the standard exit of an output. */
export function standardExitId({ exitId }: Dialect, raw: Uint8Array, position: Position): bigint {
  const hash =
    exitId.standardOf === 'output'
      ? outputIdOf(raw, position)
      : keccak256(concat(raw, ...saltOf(position)));
  const index = BigInt(placeOf(position).oindex);
  const marked = exitId.outputIndexAt === undefined ? 0n : index << exitId.outputIndexAt;
  return (numberOf(hash) >> exitId.shift) | marked;
}

/** Number of the in-flight exit of a transaction. */
export function inFlightExitId({ exitId }: Dialect, raw: Uint8Array): bigint {
  return (numberOf(keccak256(raw)) >> exitId.shift) | (1n << exitId.inFlightBit);
}

/**
 * Place of an exit in its queue; less is earlier. `exitableAt` in seconds since 1970, `position` of
 * the output, or of the youngest input of an in-flight exit.
 */
export function exitPriority(
  { priority }: Dialect,
  { exitableAt, position, exitId }: ExitPlace,
): bigint {
  return (exitableAt << priority.timeAt) | (txPositionOf(position) << priority.positionAt) | exitId;
}

/** What decides when an exit is processed. */
export type ExitPlace = {
  readonly exitableAt: bigint;
  readonly position: Position;
  readonly exitId: bigint;
};
