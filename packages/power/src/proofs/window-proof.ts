/**
 * The window proof: that sealed replicas are there now. Some leaves of every sector of a partition,
 * drawn from randomness that is known only shortly before the window opens (spec/sectors.md,
 * section 3). It is the audit of contents, on sealed bytes.
 */
import {
  type AuditProof,
  concat,
  equalBytes,
  LEAF_BYTES,
  leafCount,
  sampleLeaves,
  u64be,
  utf8,
  verifyLeaf,
} from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import { EntryReader, MAX_ENTRIES, proofId, readEntries } from './proof-file.ts';
import type { ProofFault } from './seal-proof.ts';
import { NODE_BYTES } from './shape.ts';

const WINDOW_DOMAIN = utf8('palisade/window/1');

/** Whose sectors are proven, and for which window. */
export type WindowPlace = {
  readonly miner: Uint8Array;
  readonly deadline: number;
  readonly partition: number;
  /** Height at which the window opened: the same place comes back every period. */
  readonly opens: bigint;
  /** Randomness of the window, 32 bytes. */
  readonly seed: Uint8Array;
};

/** A sealed sector as the chain knows it. */
export type SealedSector = {
  readonly number: bigint;
  /** Content id of the sealed bytes. */
  readonly replica: Uint8Array;
};

export type WindowChallenge = SealedSector & { readonly leafIndex: number };

/**
 * Leaves of each sector: together at least `leaves`, and at least one of every sector, because a
 * replica that is asked for nothing need not be kept for this window.
 */
function leavesEach(sectors: number, leaves: number): number {
  return Math.max(1, Math.ceil(leaves / Math.max(1, sectors)));
}

/** How many leaves are asked for. */
export function windowEntryCount(sectorBytes: number, sectors: number, leaves: number): number {
  const each = Math.min(leavesEach(sectors, leaves), leafCount(sectorBytes));
  return Math.min(MAX_ENTRIES, sectors * each);
}

/**
 * The leaves that a partition must show, in order: for every sector a sample by rejection from
 * BLAKE3 of seed, place, sector and replica (spec/content.md, section 3, has the recipe).
 */
export function windowChallenges(
  place: WindowPlace,
  sectorBytes: number,
  sectors: readonly SealedSector[],
  leaves: number,
): readonly WindowChallenge[] {
  const each = leavesEach(sectors.length, leaves);
  const asked = sectors.flatMap((sector) =>
    challengesOfSector(place, sectorBytes, sector, each).map((leafIndex) => ({
      ...sector,
      leafIndex,
    })),
  );
  return asked.slice(0, MAX_ENTRIES);
}

function challengesOfSector(
  { miner, deadline, partition, opens, seed }: WindowPlace,
  sectorBytes: number,
  { number, replica }: SealedSector,
  each: number,
): readonly number[] {
  const numbers = [deadline, partition, opens, number].map((value) => u64be(BigInt(value)));
  const subject = blake3(concat(WINDOW_DOMAIN, ...numbers, miner));
  return sampleLeaves(seed, subject, replica, sectorBytes, each);
}

/** Bytes of an entry: a leaf and its path. */
export function windowEntryBytes(sectorBytes: number): number {
  return LEAF_BYTES + Math.log2(leafCount(sectorBytes)) * NODE_BYTES;
}

/** One entry from a leaf and its path. */
export function windowEntry({ leaf, path }: AuditProof): Uint8Array {
  return concat(leaf, ...path);
}

/** What is wrong with one entry, for the leaf that it answers; undefined when nothing is. */
export function faultOfWindowEntry(
  { replica, leafIndex }: WindowChallenge,
  sectorBytes: number,
  entry: Uint8Array,
): string | undefined {
  if (entry.length !== windowEntryBytes(sectorBytes)) return 'the entry has another length';
  const reader = new EntryReader(entry);
  const leaf = reader.take(LEAF_BYTES);
  const path = reader.path(Math.log2(leafCount(sectorBytes)));
  return verifyLeaf(replica, sectorBytes, { leafIndex, leaf, path })
    ? undefined
    : `leaf ${leafIndex} is not of the replica`;
}

/** What is wrong with a whole proof; undefined when it holds. Never throws for its bytes. */
export function faultOfWindowProof(
  place: WindowPlace,
  sectorBytes: number,
  sectors: readonly SealedSector[],
  leaves: number,
  id: Uint8Array,
  file: Uint8Array,
): ProofFault | undefined {
  const asked = windowChallenges(place, sectorBytes, sectors, leaves);
  const entries = readEntries(file, asked.length, windowEntryBytes(sectorBytes));
  if (!entries) return { entry: undefined, why: 'the file has another length' };
  if (!equalBytes(proofId(entries), id))
    return { entry: undefined, why: 'the file has another id' };
  for (const [entry, challenge] of asked.entries()) {
    const why = faultOfWindowEntry(challenge, sectorBytes, entries[entry]!);
    if (why) return { entry, why: `sector ${challenge.number}: ${why}` };
  }
  return undefined;
}
