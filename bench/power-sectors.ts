/**
 * The cases of `npm run bench` for power that are about sectors:
 *
 * - deadline: closing a deadline with 1 000 partitions due among 20 000 miners, and among 2 000; a block
 *   costs what is due, so the ratio of both should be 1.
 * - audit: checking leaves of a 32 MiB replica, beside the bare hashes of as many leaves and paths.
 * - seal: labels of a sector's layer, beside the bare hashes of as many messages by the library that
 *   hashes everywhere else; and beside the same code where every parent lies near.
 */
import { createProver, describeContent, GROUP_BYTES, verifyLeaf } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import {
  DEFAULT_SECTORS_PARAMS,
  LABEL_MESSAGE_BYTES,
  NODE_BYTES,
  SectorLabels,
} from '@palisade/power/schema';
import { beginBlock } from '../packages/power/src/sectors/block.ts';
import { blockOver, closingState } from '../packages/power/test/many-miners.ts';
import { type Round, type Row, rowOf, timed } from './kit.ts';

/** Turns of measuring; an odd number has a middle. */
const ROUNDS = 15;
const SECTOR = 2 ** 25;
/** Turns of closing deadlines: some 10 ms each, in which a collection of garbage would be all one sees. */
const CLOSINGS = 41;
/** Labels of one turn: as many as take a second or so. */
const LABELS = 2 ** 18;
/** A sector whose two layers and messages lie in 48 KiB. */
const NEAR = 2 ** 14;
const LEAVES = 4096;
/** Hashes of a proof's path in a tree of 2^15 leaves. */
const DEPTH = 15;

const DUE = 1000;
const MANY = 20_000;
const FEW = 2000;

async function rounds(ours: () => unknown, anchor: () => unknown, count: number): Promise<Round[]> {
  await timed(ours);
  await timed(anchor);
  const all: Round[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const a = await timed(ours);
    const b = await timed(anchor);
    all.push({ ours: count / a.cpu, anchor: count / b.cpu });
  }
  return all;
}

async function closing(others: number) {
  const current = {
    ...DEFAULT_SECTORS_PARAMS,
    deadlines: 3,
    windowBlocks: 100,
    disputeBlocks: 100,
  };
  const { store, power, height } = await closingState(current, { others, due: DUE, size: 4 });
  const raw = new Map(power.raw);
  return () => {
    for (const [miner, bytes] of raw)
      if (power.raw.get(miner) !== bytes) power.raw.set(miner, bytes);
    return timed(() => beginBlock(blockOver(store, height), power));
  };
}

async function deadline(): Promise<Row> {
  const many = await closing(MANY - DUE);
  const few = await closing(FEW - DUE);
  await many();
  await few();
  const all: Round[] = [];
  for (let i = 0; i < CLOSINGS; i++) {
    const [a, b] = [await many(), await few()];
    all.push({ ours: (a.cpu * 1e6) / DUE, anchor: (b.cpu * 1e6) / DUE });
  }
  return rowOf(
    {
      case: 'deadline',
      unit: 'us per due partition',
      note: `${DUE} unproven partitions of 4 sectors close among ${MANY} miners; anchor: among ${FEW} (goal: ratio 1)`,
    },
    all,
  );
}

async function audit(): Promise<Row> {
  const bytes = new Uint8Array(SECTOR);
  for (let i = 0; i < SECTOR; i += 32)
    bytes.set(blake3(Uint8Array.of(i, i >> 8, i >> 16, i >> 24)), i);
  const described = describeContent([bytes]);
  const prover = createProver(described);
  const proofs = Array.from({ length: 32 }, (_, group) => {
    const part = bytes.subarray(group * GROUP_BYTES, (group + 1) * GROUP_BYTES);
    return prover(
      group,
      part,
      Array.from({ length: LEAVES / 32 }, (_, i) => group * 1024 + i * 8),
    )!;
  }).flat();
  const node = new Uint8Array(65);
  const id = new Uint8Array(57);
  return rowOf(
    {
      case: 'audit',
      unit: 'leaves/s and core',
      note: 'leaf and path of a 32 MiB replica checked; anchor: the same hashes alone (goal 0.8, and 40 000)',
    },
    await rounds(
      () => proofs.every((proof) => verifyLeaf(described.contentId, SECTOR, proof)),
      () => {
        for (const { leaf } of proofs) {
          blake3(leaf);
          for (let i = 0; i < DEPTH; i++) blake3(node);
          blake3(id);
        }
      },
      proofs.length,
    ),
  );
}

/** A layer above the first, of a sector whose other layers are made. */
function labelled(size: number): SectorLabels {
  const shape = { sectorBytes: size, layers: 2, sealChallenges: 1 };
  const labels = new SectorLabels(shape, new Uint8Array(32).fill(7));
  for (const number of [1, 2]) labels.make(number, 0, size / NODE_BYTES);
  return labels;
}

async function seal(name: string, size: number): Promise<Row> {
  const nodes = size / NODE_BYTES;
  const count = Math.min(nodes, LABELS);
  const labels = labelled(size);
  const message = new Uint8Array(LABEL_MESSAGE_BYTES);
  const view = new DataView(message.buffer);
  return rowOf(
    {
      case: name,
      unit: 'labels/s and core',
      note: `labels of a sector of ${size / 2 ** 20} MiB, ${LABEL_MESSAGE_BYTES} bytes hashed for each; anchor: the hashes alone (goal 0.8)`,
    },
    await rounds(
      // The last part of a layer: parents lie all over the memory of two layers.
      () => labels.make(2, nodes - count, nodes),
      () => {
        for (let i = 0; i < count; i++) {
          view.setUint32(40, i);
          blake3(message);
        }
      },
      count,
    ),
  );
}

/** The same against labels of a sector that lies in the nearest cache: what reading from afar costs. */
async function sealFromAfar(size: number): Promise<Row> {
  const nodes = size / NODE_BYTES;
  const labels = labelled(size);
  const near = labelled(NEAR);
  return rowOf(
    {
      case: 'seal-afar',
      unit: 'labels/s and core',
      note: `labels of a sector of ${size / 2 ** 20} MiB; anchor: of one of ${NEAR / 1024} KiB, by the same code`,
    },
    await rounds(
      () => labels.make(2, nodes - LABELS, nodes),
      () => {
        for (let i = 0; i < LABELS; i += NEAR / NODE_BYTES) near.make(2, 0, NEAR / NODE_BYTES);
      },
      LABELS,
    ),
  );
}

/** All of them, one after another. */
export async function sectorRows(): Promise<Row[]> {
  return [
    await deadline(),
    await audit(),
    await seal('seal', SECTOR),
    await seal('seal-1-mib', 2 ** 20),
    await sealFromAfar(SECTOR),
  ];
}
