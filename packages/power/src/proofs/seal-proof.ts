/**
 * The seal proof: that a replica was made by the rules, shown at places that the miner did not know
 * when it committed. For each place: the data and the sealed leaf that it lies in, its column, and
 * the columns of all its parents. A checker recomputes the labels of that place in every layer.
 *
 * How many places: with a share e of wrong labels, s places find one with 1 - (1 - e)^s. 66 places
 * find 10 % with 99.9 %; what is wrong in fewer labels saves a cheat less than it risks, because
 * every one of them must be computed or kept all the same (spec/sectors.md, section 2).
 */
import {
  type AuditProof,
  climb,
  concat,
  equalBytes,
  LEAF_BYTES,
  sampleIndices,
  u64be,
  utf8,
  verifyLeaf,
} from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import type { ColumnTree } from './columns.ts';
import { DRG_DEGREE, PARENTS, parentsOf } from './graph.ts';
import { labelOf, type ReplicaName, replicaId } from './labels.ts';
import { EntryReader, proofId, readEntries } from './proof-file.ts';
import { checkShape, NODE_BYTES, NODES_PER_LEAF, nodesOf, type SectorShape } from './shape.ts';

const CHALLENGE_DOMAIN = utf8('palisade/seal-challenge/1');

/** What a miner says of a sector, before it knows the places. */
export type SealStatement = ReplicaName & {
  /** Content id of the sealed bytes. */
  readonly replica: Uint8Array;
  /** Root of the columns. */
  readonly columns: Uint8Array;
};

/** Why a proof does not hold: the entry (from 0), or none when the file itself is not one. */
export type ProofFault = { readonly entry: number | undefined; readonly why: string };

/** Gives the leaf of a content with its path. */
export type LeafSource = (leafIndex: number) => AuditProof | Promise<AuditProof>;

/**
 * The nodes to open, in order, distinct. Node 0 is none of them: it has no parents of its own layer,
 * and all entries shall have one length.
 */
export function sealChallenges(
  statement: SealStatement,
  shape: SectorShape,
  seed: Uint8Array,
): readonly number[] {
  const { replica, columns } = statement;
  const nodes = u64be(BigInt(nodesOf(shape)));
  const key = blake3(concat(CHALLENGE_DOMAIN, seed, replicaId(statement), replica, columns, nodes));
  return sampleIndices(key, nodesOf(shape) - 1, shape.sealChallenges).map((node) => node + 1);
}

function pathLevels(count: number): number {
  return Math.log2(count);
}

/** Bytes of an entry: two leaves and 15 columns with their paths. */
export function sealEntryBytes(shape: SectorShape): number {
  const nodes = nodesOf(shape);
  const leaf = LEAF_BYTES + pathLevels(nodes / NODES_PER_LEAF) * NODE_BYTES;
  const column = (shape.layers + pathLevels(nodes)) * NODE_BYTES;
  return 2 * leaf + (1 + PARENTS) * column;
}

/** Entries of the seal proof of a shape: fewer than asked for where a sector has no more nodes. */
export function sealEntryCount(shape: SectorShape): number {
  return Math.min(shape.sealChallenges, nodesOf(shape) - 1);
}

/** Makes the proof: one entry per place. */
export async function proveSeal(
  statement: SealStatement,
  shape: SectorShape,
  seed: Uint8Array,
  sources: {
    readonly columns: ColumnTree;
    readonly data: LeafSource;
    readonly replica: LeafSource;
  },
): Promise<Uint8Array[]> {
  checkShape(shape);
  const nodes = nodesOf(shape);
  const entries: Uint8Array[] = [];
  for (const node of sealChallenges(statement, shape, seed)) {
    const leafIndex = Math.floor(node / NODES_PER_LEAF);
    const parts: Uint8Array[] = [];
    for (const source of [sources.data, sources.replica]) {
      const { leaf, path } = await source(leafIndex);
      parts.push(leaf, ...path);
    }
    for (const index of [node, ...parentsOf(nodes, node)])
      parts.push(...sources.columns.open(index));
    entries.push(concat(...parts));
  }
  return entries;
}

/** What is wrong with one entry, for the place that it answers; undefined when nothing is. */
export function faultOfSealEntry(
  statement: SealStatement,
  shape: SectorShape,
  node: number,
  entry: Uint8Array,
): string | undefined {
  if (entry.length !== sealEntryBytes(shape)) return 'the entry has another length';
  const reader = new EntryReader(entry);
  const leaves = [statement.data, statement.replica].map((id) => takeLeaf(reader, shape, node, id));
  const [data, sealed] = leaves;
  if (!data) return 'the data leaf is not of the committed data';
  if (!sealed) return 'the sealed leaf is not of the committed replica';
  const nodes = nodesOf(shape);
  const columns: Uint8Array[] = [];
  for (const index of [node, ...parentsOf(nodes, node)]) {
    const column = reader.take(shape.layers * NODE_BYTES);
    const root = climb(blake3(column), index, nodes, reader.path(pathLevels(nodes)));
    if (!root || !equalBytes(root, statement.columns))
      return `the column of node ${index} is not of the committed columns`;
    columns.push(column);
  }
  return faultOfLabels(replicaId(statement), shape.layers, node, columns, data, sealed);
}

/** The node's 32 bytes out of a leaf that belongs to the content; undefined when it does not. */
function takeLeaf(
  reader: EntryReader,
  shape: SectorShape,
  node: number,
  contentId: Uint8Array,
): Uint8Array | undefined {
  const leaf = reader.take(LEAF_BYTES);
  const path = reader.path(pathLevels(nodesOf(shape) / NODES_PER_LEAF));
  const leafIndex = Math.floor(node / NODES_PER_LEAF);
  if (!verifyLeaf(contentId, shape.sectorBytes, { leafIndex, leaf, path })) return undefined;
  const start = (node % NODES_PER_LEAF) * NODE_BYTES;
  return leaf.subarray(start, start + NODE_BYTES);
}

function faultOfLabels(
  replica: Uint8Array,
  layers: number,
  node: number,
  columns: readonly Uint8Array[],
  data: Uint8Array,
  sealed: Uint8Array,
): string | undefined {
  const at = (column: Uint8Array, layer: number) =>
    column.subarray((layer - 1) * NODE_BYTES, layer * NODE_BYTES);
  const [own, ...parents] = columns;
  const drg = parents.slice(0, DRG_DEGREE);
  const expander = parents.slice(DRG_DEGREE);
  for (let layer = 1; layer <= layers; layer++) {
    const before = layer === 1 ? [] : expander.map((column) => at(column, layer - 1));
    const expected = labelOf(
      replica,
      layer,
      node,
      drg.map((column) => at(column, layer)),
      before,
    );
    if (!equalBytes(expected, at(own!, layer))) return `the label of layer ${layer} is wrong`;
  }
  const label = at(own!, layers);
  const encoded = data.every((byte, i) => (byte ^ label[i]!) === sealed[i]);
  return encoded ? undefined : 'the sealed bytes are not data and label';
}

/** What is wrong with a whole proof; undefined when it holds. Never throws for its bytes. */
export function faultOfSealProof(
  statement: SealStatement,
  shape: SectorShape,
  seed: Uint8Array,
  id: Uint8Array,
  file: Uint8Array,
): ProofFault | undefined {
  const entries = readEntries(file, sealEntryCount(shape), sealEntryBytes(shape));
  if (!entries) return { entry: undefined, why: 'the file has another length' };
  if (!equalBytes(proofId(entries), id))
    return { entry: undefined, why: 'the file has another id' };
  for (const [entry, node] of sealChallenges(statement, shape, seed).entries()) {
    const why = faultOfSealEntry(statement, shape, node, entries[entry]!);
    if (why) return { entry, why };
  }
  return undefined;
}
