/**
 * The shape of a sector: how large it is, how many layers of labels encode it, and how many of its
 * places a seal proof opens (spec/sectors.md, section 1).
 */
import { LEAF_BYTES, PalisadeError } from '@palisade/core';

/** Bytes of a node, the unit of encoding: one label, one hash. */
export const NODE_BYTES = 32;

/** Nodes of a leaf of the content tree. */
export const NODES_PER_LEAF = LEAF_BYTES / NODE_BYTES;

/**
 * Smallest and largest sector. Two leaves make a tree; of 128 MiB the thread that seals holds its
 * layers and 224 MiB of parents, which a laptop bears.
 */
export const MIN_SECTOR_BYTES = 2 * LEAF_BYTES;
export const MAX_SECTOR_BYTES = 2 ** 27;

/**
 * Layers: with one there is no layer before it to expand from; beyond 16 a column outgrows what an
 * opening can carry in a command, and the published analysis of this construction stops at 11.
 */
export const MIN_LAYERS = 2;
export const MAX_LAYERS = 16;

/** Places of one seal proof at most: 256 catch 2 % of wrong labels with 99 %, in 4 MiB. */
export const MAX_SEAL_CHALLENGES = 256;

export type SectorShape = {
  /** A power of two, `MIN_SECTOR_BYTES` to `MAX_SECTOR_BYTES`. */
  readonly sectorBytes: number;
  readonly layers: number;
  /** Places that a seal proof opens. */
  readonly sealChallenges: number;
};

/** Labels of one layer. */
export function nodesOf({ sectorBytes }: Pick<SectorShape, 'sectorBytes'>): number {
  return sectorBytes / NODE_BYTES;
}

/** Whether a shape is one that can be sealed and proven. */
export function isShape({ sectorBytes, layers, sealChallenges }: SectorShape): boolean {
  const between = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  return (
    between(sectorBytes, MIN_SECTOR_BYTES, MAX_SECTOR_BYTES) &&
    Number.isInteger(Math.log2(sectorBytes)) &&
    between(layers, MIN_LAYERS, MAX_LAYERS) &&
    between(sealChallenges, 1, MAX_SEAL_CHALLENGES)
  );
}

/** @throws PalisadeError `power/bad-shape` */
export function checkShape(shape: SectorShape): void {
  if (isShape(shape)) return;
  throw new PalisadeError({
    code: 'power/bad-shape',
    message: `No sector has ${shape.sectorBytes} bytes, ${shape.layers} layers and ${shape.sealChallenges} places to open.`,
    next: `Use a power of two from ${MIN_SECTOR_BYTES} to ${MAX_SECTOR_BYTES} bytes, ${MIN_LAYERS} to ${MAX_LAYERS} layers and 1 to ${MAX_SEAL_CHALLENGES} places.`,
  });
}
