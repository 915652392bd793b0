/** Sealed sectors for tests, whole in memory. */
import {
  type AuditProof,
  concat,
  createProver,
  describeContent,
  GROUP_BYTES,
  GROUP_LEAVES,
} from '@palisade/core';
import {
  type ColumnTree,
  columnTree,
  encodeSector,
  proveSeal,
  replicaId,
  type SealStatement,
  SectorLabels,
  type SectorShape,
  type WindowPlace,
  windowChallenges,
  windowEntry,
} from '../src/proofs/index.ts';

/** Small enough for hundreds of proofs in a second; the code is that of every size. */
export const SMALL: SectorShape = { sectorBytes: 16_384, layers: 4, sealChallenges: 20 };

export function bytesOf(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0, x = seed * 7919 + 1; i < size; i++) {
    x = (x * 1103515245 + 12345) & 0x7fffffff;
    bytes[i] = x >> 16;
  }
  return bytes;
}

export type Sealed = {
  readonly shape: SectorShape;
  readonly statement: SealStatement;
  readonly data: Uint8Array;
  readonly sealed: Uint8Array;
  readonly layers: readonly Uint8Array[];
  readonly columns: ColumnTree;
};

/** A content's leaves with their paths. */
export function leavesOf(bytes: Uint8Array): (leafIndex: number) => AuditProof {
  const prover = createProver(describeContent([bytes]));
  return (leafIndex) => {
    const group = Math.floor(leafIndex / GROUP_LEAVES);
    const part = bytes.subarray(group * GROUP_BYTES, (group + 1) * GROUP_BYTES);
    return prover(group, part, [leafIndex])![0]!;
  };
}

export function seal(
  name: { readonly miner: Uint8Array; readonly sector: bigint; readonly seed: Uint8Array },
  data: Uint8Array,
  shape: SectorShape = SMALL,
): Sealed {
  const full = new Uint8Array(shape.sectorBytes);
  full.set(data);
  const dataId = describeContent([full]).contentId;
  const replica = replicaId({ ...name, data: dataId });
  const labels = new SectorLabels(shape, replica);
  const { layers } = labels;
  for (let number = 1; number <= shape.layers; number++)
    labels.make(number, 0, shape.sectorBytes / 32);
  const sealed = encodeSector(data, layers.at(-1)!);
  const columns = columnTree(layers);
  return {
    shape,
    statement: {
      ...name,
      data: dataId,
      replica: describeContent([sealed]).contentId,
      columns: columns.root,
    },
    data: full,
    sealed,
    layers,
    columns,
  };
}

export function sealProofOf(sealed: Sealed, seed: Uint8Array): Promise<Uint8Array[]> {
  return proveSeal(sealed.statement, sealed.shape, seed, {
    columns: sealed.columns,
    data: leavesOf(sealed.data),
    replica: leavesOf(sealed.sealed),
  });
}

/** The window proof of some sectors of one miner. */
export function windowProofOf(
  place: WindowPlace,
  sectors: readonly Sealed[],
  leaves: number,
): Uint8Array[] {
  const { sectorBytes } = sectors[0]!.shape;
  const known = sectors.map(({ statement }) => ({
    number: statement.sector,
    replica: statement.replica,
  }));
  const sources = new Map(
    sectors.map(({ statement, sealed }) => [statement.sector, leavesOf(sealed)]),
  );
  return windowChallenges(place, sectorBytes, known, leaves).map(({ number, leafIndex }) =>
    windowEntry(sources.get(number)!(leafIndex)),
  );
}

export const file = (entries: readonly Uint8Array[]): Uint8Array => concat(...entries);
