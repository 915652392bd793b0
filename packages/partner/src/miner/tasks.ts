/**
 * What a miner's thread does: sealing, the seal proof, window proofs, looking whether a replica is
 * whole. Plain functions over files; the thread beside (`seal-thread.ts`) runs one after another.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type AuditProof,
  createProver,
  describeContent,
  GROUP_BYTES,
  GROUP_LEAVES,
  groupCount,
  groupLength,
  type Outline,
  openOutline,
  toHex,
  verifyGroup,
} from '@palisade/core';
import {
  columnTree,
  encodeSector,
  type LeafSource,
  nodesOf,
  proofId,
  proveSeal,
  replicaId,
  type SealedSector,
  type SealStatement,
  SectorLabels,
  type SectorShape,
  type WindowPlace,
  windowChallenges,
  windowEntry,
} from '@palisade/power/schema';
import {
  layerFile,
  outlineFile,
  readPart,
  readWhole,
  removeLayers,
  sealedFile,
  writeWhole,
} from './sector-folder.ts';

/** Labels between two words about how far it is: some 10 ms. */
const LABELS_AT_ONCE = 16_384;

/** A sector to be sealed. Its data are zeros: room that is kept ready (spec/sectors.md, section 8). */
export type SealOrder = {
  readonly folder: string;
  readonly miner: Uint8Array;
  readonly sector: bigint;
  readonly seed: Uint8Array;
  readonly shape: SectorShape;
};
export type SealOutcome = Pick<SealStatement, 'data' | 'replica' | 'columns'>;

/** Where a sector without data begins and ends. */
function zeros({ sectorBytes }: SectorShape): Uint8Array {
  return new Uint8Array(sectorBytes);
}

/** Seals a sector, from the first layer that is not on the disk; tells how many labels are done. */
export function sealSector(order: SealOrder, onProgress: (labels: number) => void): SealOutcome {
  const { folder, shape } = order;
  const data = describeContent([zeros(shape)]).contentId;
  const layers = makeLayers(order, replicaId({ ...order, data }), onProgress);
  const sealed = encodeSector(zeros(shape), layers.at(-1)!);
  writeWhole(sealedFile(folder), sealed);
  const { contentId: replica, roots } = describeContent([sealed]);
  writeWhole(outlineFile(folder), roots);
  return { data, replica, columns: columnTree(layers).root };
}

function makeLayers(
  { folder, shape }: Pick<SealOrder, 'folder' | 'shape'>,
  replica: Uint8Array,
  onProgress: (labels: number) => void,
): readonly Uint8Array[] {
  const nodes = nodesOf(shape);
  const labels = new SectorLabels(shape, replica);
  for (const [i, layer] of labels.layers.entries()) {
    const path = layerFile(folder, i + 1);
    const made = readWhole(path, shape.sectorBytes);
    if (made) {
      layer.set(made);
      continue;
    }
    for (let from = 0; from < nodes; from += LABELS_AT_ONCE) {
      const to = Math.min(nodes, from + LABELS_AT_ONCE);
      labels.make(i + 1, from, to);
      onProgress(i * nodes + to);
    }
    writeWhole(path, layer);
  }
  return labels.layers;
}

/** An announced sector whose places are known. */
export type ProveSealOrder = {
  readonly folder: string;
  readonly proofs: string;
  readonly statement: SealStatement;
  readonly shape: SectorShape;
  readonly challenge: Uint8Array;
};

/** Makes the seal proof and puts its file where it is served; the layers are made again where need be. */
export async function proveSealed(order: ProveSealOrder): Promise<Uint8Array> {
  const { folder, statement, shape, challenge } = order;
  const layers = makeLayers(order, replicaId(statement), () => {});
  const data = zeros(shape);
  const sealed = encodeSector(data, layers.at(-1)!);
  const entries = await proveSeal(statement, shape, challenge, {
    columns: columnTree(layers),
    data: leavesOf(data),
    replica: leavesOf(sealed),
  });
  const id = writeProof(order.proofs, entries);
  removeLayers(folder, shape.layers);
  return id;
}

function leavesOf(bytes: Uint8Array): LeafSource {
  const prover = createProver(describeContent([bytes]));
  return (leafIndex) => {
    const group = Math.floor(leafIndex / GROUP_LEAVES);
    const part = bytes.subarray(group * GROUP_BYTES, (group + 1) * GROUP_BYTES);
    return prover(group, part, [leafIndex])![0]!;
  };
}

function writeProof(proofs: string, entries: readonly Uint8Array[]): Uint8Array {
  const id = proofId(entries);
  writeWhole(join(proofs, toHex(id)), new Uint8Array(Buffer.concat(entries)));
  return id;
}

/** A replica on the disk. */
export type Replica = SealedSector & { readonly folder: string };

export type ProveWindowOrder = {
  readonly proofs: string;
  readonly place: WindowPlace;
  readonly sectorBytes: number;
  readonly leaves: number;
  readonly sectors: readonly Replica[];
};
/** `id` is missing when no sector is left to be proven. */
export type WindowOutcome = {
  readonly id: Uint8Array | undefined;
  readonly skipped: readonly bigint[];
};

/** Proves what is whole of a partition; whatever cannot be shown is skipped. */
export function proveStored(order: ProveWindowOrder): WindowOutcome {
  const skipped: bigint[] = [];
  for (let left = order.sectors; left.length > 0; ) {
    const entries = entriesOf(order, left);
    if (!isDamaged(entries))
      return { id: writeProof(order.proofs, entries), skipped: sorted(skipped) };
    // Fewer sectors are asked for more leaves each: what is proven, is proven anew.
    skipped.push(entries.damaged);
    left = left.filter(({ number }) => number !== entries.damaged);
  }
  return { id: undefined, skipped: sorted(skipped) };
}

type Damaged = { readonly damaged: bigint };

function isDamaged(entries: Uint8Array[] | Damaged): entries is Damaged {
  return 'damaged' in entries;
}

function sorted(numbers: readonly bigint[]): bigint[] {
  return [...numbers].sort((a, b) => (a < b ? -1 : 1));
}

function entriesOf(
  { place, sectorBytes, leaves }: ProveWindowOrder,
  sectors: readonly Replica[],
): Uint8Array[] | Damaged {
  const asked = windowChallenges(place, sectorBytes, sectors, leaves);
  const entries: Uint8Array[] = [];
  for (const sector of sectors) {
    const own = asked.filter(({ number }) => number === sector.number);
    const proofs = proofsOf(
      sector,
      sectorBytes,
      own.map(({ leafIndex }) => leafIndex),
    );
    if (!proofs) return { damaged: sector.number };
    entries.push(...proofs.map(windowEntry));
  }
  return entries;
}

/** Proofs of leaves in their order; undefined when the disk has other bytes. */
function proofsOf(
  { folder, replica }: Replica,
  sectorBytes: number,
  leaves: readonly number[],
): AuditProof[] | undefined {
  const outline = outlineOf(folder, replica, sectorBytes);
  if (!outline) return undefined;
  const prover = createProver(outline);
  const byLeaf = new Map<number, AuditProof>();
  const groups = new Set(leaves.map((leaf) => Math.floor(leaf / GROUP_LEAVES)));
  for (const group of groups) {
    const own = leaves.filter((leaf) => Math.floor(leaf / GROUP_LEAVES) === group);
    const proofs = prover(group, readGroup(folder, sectorBytes, group), own);
    if (!proofs) return undefined;
    for (const proof of proofs) byLeaf.set(proof.leafIndex, proof);
  }
  return leaves.map((leaf) => byLeaf.get(leaf)!);
}

function readGroup(folder: string, sectorBytes: number, group: number): Uint8Array {
  return readPart(sealedFile(folder), group * GROUP_BYTES, groupLength(sectorBytes, group));
}

function outlineOf(folder: string, replica: Uint8Array, sectorBytes: number): Outline | undefined {
  const roots = readWhole(outlineFile(folder), groupCount(sectorBytes) * 32);
  return roots && openOutline(replica, sectorBytes, roots);
}

export type CheckOrder = Pick<Replica, 'folder' | 'replica'> & { readonly sectorBytes: number };

/** Whether every byte of a replica is there. */
export function isWhole({ folder, replica, sectorBytes }: CheckOrder): boolean {
  const outline = outlineOf(folder, replica, sectorBytes);
  if (!outline) return false;
  for (let group = 0; group < groupCount(sectorBytes); group++)
    if (!verifyGroup(outline, group, readGroup(folder, sectorBytes, group))) return false;
  return true;
}

/** Makes a damaged replica anew, by the very same rules; says whether it came out the same. */
export function repairSector(
  order: SealOrder & { readonly replica: Uint8Array },
  onProgress: (labels: number) => void,
): boolean {
  for (const path of [sealedFile(order.folder), outlineFile(order.folder)])
    rmSync(path, { force: true });
  removeLayers(order.folder, order.shape.layers);
  const { replica } = sealSector(order, onProgress);
  removeLayers(order.folder, order.shape.layers);
  return toHex(replica) === toHex(order.replica);
}
