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
import { DRG_DEGREE, PARENTS } from './graph.ts';
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
/** Bytes of a word that is copied: the widest there is, and two of 4 bytes cost twice as much. */
const WORD_BYTES = 8;
const LABEL_WORDS = NODE_BYTES / WORD_BYTES;
/** What stands before a message, that its labels begin at a word. */
const PADDING_BYTES = 4;
const HEAD_WORDS = (PADDING_BYTES + HEAD_BYTES) / WORD_BYTES;
/** Where the labels of the layer before begin. */
const LAST_WORDS = HEAD_WORDS + DRG_DEGREE * LABEL_WORDS;
/** Bytes that a label hashes in the first layer, and in all others. */
const FIRST_MESSAGE_BYTES = HEAD_BYTES + DRG_DEGREE * NODE_BYTES;
export const LABEL_MESSAGE_BYTES = HEAD_BYTES + PARENTS * NODE_BYTES;

/** A message for one replica and layer; index and labels are written into it again and again. */
class LabelMessage {
  readonly words = new BigUint64Array((PADDING_BYTES + LABEL_MESSAGE_BYTES) / WORD_BYTES);
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(replica: Uint8Array, layer: number) {
    const all = new Uint8Array(this.words.buffer, PADDING_BYTES);
    all.set(replica);
    this.view = new DataView(this.words.buffer, PADDING_BYTES);
    this.view.setUint32(32, layer);
    this.bytes = layer === 1 ? all.subarray(0, FIRST_MESSAGE_BYTES) : all;
  }

  /** The message of a node, once its labels are there. */
  of(index: number): Uint8Array {
    // The upper half stays zero: a sector has far fewer nodes than 2^32.
    this.view.setUint32(40, index);
    return this.bytes;
  }
}

/** One layer to be computed. */
export type LayerTask = {
  readonly replica: Uint8Array;
  /** From 1. */
  readonly number: number;
  /** `parentTable` of the sector's nodes. */
  readonly parents: Uint32Array;
  /** The whole layer before; none for layer 1. */
  readonly before: Uint8Array | undefined;
  /** Where the labels go; those before the first that is asked for are there already. */
  readonly layer: Uint8Array;
};

/**
 * Computes labels `from` up to (not including) `to` of a layer. It may be called in slices, so that a
 * thread can tell how far it is.
 *
 * @returns a number that means nothing: because it is asked for, no compiler leaves out the reading ahead
 * @throws PalisadeError `power/bad-layer` for arrays that do not belong together
 */
export function labelLayer(task: LayerTask, from: number, to: number): number {
  checkTask(task, to);
  const { replica, number, parents, before, layer } = task;
  const message = new LabelMessage(replica, number);
  const { words } = message;
  const own = wordsOf(layer);
  const last = before && wordsOf(before);
  const [ownNumbers, lastNumbers] = [numbersOf(layer), before && numbersOf(before)];
  let touched = 0;
  for (let index = from; index < to; index++) {
    const row = index * PARENTS;
    if (index === 0) words.fill(0n, HEAD_WORDS, HEAD_WORDS + DRG_DEGREE * LABEL_WORDS);
    else copyLabels(own, parents, row, row + DRG_DEGREE, words, HEAD_WORDS);
    if (last) copyLabels(last, parents, row + DRG_DEGREE, row + PARENTS, words, LAST_WORDS);
    // The next label's parents lie anywhere: asked for together, the memory brings them together.
    touched ^= touch(ownNumbers, lastNumbers, parents, row + PARENTS);
    layer.set(blake3(message.of(index)), index * NODE_BYTES);
  }
  return touched;
}

/** Reads four bytes of each parent of a label, that they are near when they are copied. */
function touch(
  own: Uint32Array,
  last: Uint32Array | undefined,
  parents: Uint32Array,
  row: number,
): number {
  if (row >= parents.length) return 0;
  const [middle, end] = [row + DRG_DEGREE, row + PARENTS];
  let sum = 0;
  // The first is the label that is being made. A label has eight numbers of 32 bits.
  for (let i = row + 1; i < middle; i++) sum ^= own[parents[i]! * 8]!;
  if (last) for (let i = middle; i < end; i++) sum ^= last[parents[i]! * 8]!;
  return sum;
}

function wordsOf({ buffer, byteOffset, length }: Uint8Array): BigUint64Array {
  return new BigUint64Array(buffer, byteOffset, length / WORD_BYTES);
}

/** For touching: to read these makes no bigint. */
function numbersOf({ buffer, byteOffset, length }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length / 4);
}

/** Word by word and written out: `set` costs more than all of this, a loop over words twice as much. */
function copyLabels(
  from: BigUint64Array,
  indices: Uint32Array,
  first: number,
  end: number,
  into: BigUint64Array,
  at: number,
): void {
  // `LABEL_WORDS`, as a number: in a loop as short as this, looking up the name would show.
  for (let i = first, to = at; i < end; i++, to += 4) {
    const start = indices[i]! * 4;
    into[to] = from[start]!;
    into[to + 1] = from[start + 1]!;
    into[to + 2] = from[start + 2]!;
    into[to + 3] = from[start + 3]!;
  }
}

function checkTask({ number, parents, before, layer }: LayerTask, to: number): void {
  const aligned = [layer, before].every(
    (part) => part === undefined || part.byteOffset % WORD_BYTES === 0,
  );
  const sizes = before === undefined ? number === 1 : before.length === layer.length && number > 1;
  const table = parents.length * NODE_BYTES === layer.length * PARENTS;
  if (aligned && sizes && table && to * NODE_BYTES <= layer.length) return;
  throw new PalisadeError({
    code: 'power/bad-layer',
    message: `Layer ${number} of ${layer.length} bytes cannot follow one of ${before?.length ?? 'no'} bytes up to label ${to} by a table of ${parents.length} parents.`,
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
  return blake3(message.of(index));
}
