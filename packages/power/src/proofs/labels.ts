/**
 * Labels: 32 bytes for each node and layer, each a hash of labels that had to be there before it.
 *
 *   label(l, i) = BLAKE3(replica id || l as u32 || i as u64 || 6 labels of layer l || 8 labels of layer l - 1)
 *
 * with big-endian numbers and layers counted from 1. Layer 1 has no layer before it and hashes 6
 * labels only; node 0 has nothing before it in its layer, and zeros stand for those six.
 */
import { concat, u32be, u64be, utf8 } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';

const REPLICA_DOMAIN = utf8('palisade/replica/1');

/** What makes a replica one of its own: no two have the same labels. */
export type ReplicaName = {
  readonly miner: Uint8Array;
  /** The sector's number with its miner. */
  readonly sector: bigint;
  /** Randomness of the chain that nobody knew before, 32 bytes: nothing is sealed in advance. */
  readonly seed: Uint8Array;
  /** Content id of the data. */
  readonly data: Uint8Array;
};

/** BLAKE3(domain || seed || data || sector || miner): 32 bytes. */
export function replicaId({ miner, sector, seed, data }: ReplicaName): Uint8Array {
  return blake3(concat(REPLICA_DOMAIN, seed, data, u64be(sector), miner));
}

/**
 * One label from the labels of its parents: what a checker of openings computes.
 *
 * @param own labels of the 6 parents in the layer
 * @param before labels of the 8 parents in the layer before; none for layer 1
 */
export function labelOf(
  replica: Uint8Array,
  number: number,
  index: number,
  own: readonly Uint8Array[],
  before: readonly Uint8Array[],
): Uint8Array {
  const parents = number === 1 ? own : [...own, ...before];
  return blake3(concat(replica, u32be(number), u64be(BigInt(index)), ...parents));
}
