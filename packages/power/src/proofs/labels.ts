/**
 * Labels: 32 bytes for each node and layer, each a hash of labels that had to be there before it.
 *
 *   label(l, i) = BLAKE3(replica id || l as u32 || i as u64 || 6 labels of layer l || 8 labels of layer l - 1)
 *
 * with big-endian numbers and layers counted from 1. Layer 1 has no layer before it and hashes 6
 * labels only; node 0 has nothing before it in its layer, and zeros stand for those six.
 */
import { concat, PalisadeError, u64be, utf8 } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import { DRG_DEGREE, drgParents, EXPANDER_DEGREE, expanderParents, PARENTS } from './graph.ts';
import { NODE_BYTES } from './shape.ts';

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

const HEAD_BYTES = 32 + 4 + 8;
const HEAD_WORDS = HEAD_BYTES / 4;
const LABEL_WORDS = NODE_BYTES / 4;
/** Bytes that a label hashes in the first layer, and in all others. */
const FIRST_MESSAGE_BYTES = HEAD_BYTES + DRG_DEGREE * NODE_BYTES;
export const LABEL_MESSAGE_BYTES = HEAD_BYTES + PARENTS * NODE_BYTES;

/** A message for one replica and layer; index and labels are written into it again and again. */
class LabelMessage {
  readonly words = new Uint32Array(LABEL_MESSAGE_BYTES / 4);
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(replica: Uint8Array, layer: number) {
    const all = new Uint8Array(this.words.buffer);
    all.set(replica);
    this.#view = new DataView(this.words.buffer);
    this.#view.setUint32(32, layer);
    this.bytes = layer === 1 ? all.subarray(0, FIRST_MESSAGE_BYTES) : all;
  }

  hash(index: number): Uint8Array {
    this.#view.setUint32(36, Math.floor(index / 2 ** 32));
    this.#view.setUint32(40, index >>> 0);
    return blake3(this.bytes);
  }
}

/**
 * Computes labels `from` up to (not including) `to` of a layer into `layer`; those before `from` are
 * there already. It may be called in slices, so that a thread can tell how far it is.
 *
 * @param number the layer's number, from 1
 * @param before the whole layer before; none for layer 1
 * @throws PalisadeError `power/bad-layer` for arrays that do not belong together
 */
export function labelLayer(
  replica: Uint8Array,
  number: number,
  before: Uint8Array | undefined,
  layer: Uint8Array,
  from: number,
  to: number,
): void {
  const nodes = layer.length / NODE_BYTES;
  checkLayers(number, before, layer, to);
  const message = new LabelMessage(replica, number);
  const { words } = message;
  const own = new Uint32Array(layer.buffer, layer.byteOffset, nodes * LABEL_WORDS);
  const last = before && new Uint32Array(before.buffer, before.byteOffset, nodes * LABEL_WORDS);
  const drg = new Uint32Array(DRG_DEGREE);
  const expander = new Uint32Array(EXPANDER_DEGREE);
  for (let index = from; index < to; index++) {
    if (index === 0) words.fill(0, HEAD_WORDS, HEAD_WORDS + DRG_DEGREE * LABEL_WORDS);
    else {
      drgParents(index, drg);
      copyLabels(own, drg, words, HEAD_WORDS);
    }
    if (last) {
      expanderParents(nodes, index, expander);
      copyLabels(last, expander, words, HEAD_WORDS + DRG_DEGREE * LABEL_WORDS);
    }
    layer.set(message.hash(index), index * NODE_BYTES);
  }
}

/** Word by word: a copy of 32 bytes by `set` costs more than the whole of it does here. */
function copyLabels(from: Uint32Array, indices: Uint32Array, into: Uint32Array, at: number): void {
  let to = at;
  for (let i = 0; i < indices.length; i++) {
    const start = indices[i]! * LABEL_WORDS;
    for (let word = start; word < start + LABEL_WORDS; word++) into[to++] = from[word]!;
  }
}

function checkLayers(
  number: number,
  before: Uint8Array | undefined,
  layer: Uint8Array,
  to: number,
): void {
  const aligned = [layer, before].every((part) => part === undefined || part.byteOffset % 4 === 0);
  const sizes = before === undefined ? number === 1 : before.length === layer.length && number > 1;
  if (aligned && sizes && to * NODE_BYTES <= layer.length) return;
  throw new PalisadeError({
    code: 'power/bad-layer',
    message: `Layer ${number} of ${layer.length} bytes cannot follow one of ${before?.length ?? 'no'} bytes up to label ${to}.`,
  });
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
  const message = new LabelMessage(replica, number);
  let at = HEAD_BYTES;
  for (const label of number === 1 ? own : [...own, ...before]) {
    message.bytes.set(label, at);
    at += NODE_BYTES;
  }
  return message.hash(index);
}
