/**
 * Columns: the labels of one node in all layers. Their tree is what a miner commits to before it
 * knows which places it must open.
 *
 *   column hash = BLAKE3(label of layer 1 || ... || label of layer L)
 *
 * and over them the tree of contents (spec/content.md, section 1). No prefix is needed: a column is
 * 32 L bytes long, a node 65, and the number of columns follows from the sector's size.
 */
import { levelsOf, pathIn } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import { NODE_BYTES } from './shape.ts';

/** The column of a node: 32 bytes for each layer. */
export function columnAt(layers: readonly Uint8Array[], index: number): Uint8Array {
  const column = new Uint8Array(layers.length * NODE_BYTES);
  const start = index * NODE_BYTES;
  for (const [i, layer] of layers.entries())
    column.set(layer.subarray(start, start + NODE_BYTES), i * NODE_BYTES);
  return column;
}

/** Finished columns of a sector: the root to commit to, and openings. */
export type ColumnTree = {
  readonly root: Uint8Array;
  /** A column followed by its path, as it stands in a seal proof. */
  open(index: number): readonly Uint8Array[];
};

/** Holds the layers it was given, and twice a layer for the tree. */
export function columnTree(layers: readonly Uint8Array[]): ColumnTree {
  const nodes = layers[0]!.length / NODE_BYTES;
  const row = new Uint8Array(nodes * NODE_BYTES);
  const column = new Uint8Array(layers.length * NODE_BYTES);
  for (let index = 0; index < nodes; index++) {
    const start = index * NODE_BYTES;
    for (let i = 0; i < layers.length; i++)
      column.set(layers[i]!.subarray(start, start + NODE_BYTES), i * NODE_BYTES);
    row.set(blake3(column), start);
  }
  const levels = levelsOf(row);
  return {
    root: levels.at(-1)!.slice(),
    open: (index) => [columnAt(layers, index), ...pathIn(levels, index)],
  };
}
