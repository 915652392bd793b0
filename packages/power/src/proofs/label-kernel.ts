/**
 * The loop that makes labels (`labels.ts` has their formula), as one WebAssembly function over one
 * memory: parents, layers and messages lie side by side, so that a label costs its hash and little
 * more. What is not in the cache is asked for a batch of labels at a time: the memory brings many
 * lines at once as long as nothing waits for one of them.
 */
import { u32be } from '@palisade/core';
import { BLOCK_BYTES, compress, FIRST_BLOCK, IV, LAST_BLOCK } from './blake3-code.ts';
import { DRG_DEGREE, PARENTS } from './graph.ts';
import { NODE_BYTES } from './shape.ts';
import {
  add,
  and,
  atMost,
  type Code,
  choose,
  constant,
  copy16,
  equal,
  FunctionBuilder,
  type Local,
  less,
  load,
  multiply,
  or,
  repeat,
  rotateLeft,
  shiftLeft,
  store,
  when,
} from './wasm-code.ts';
import { type Memory, wasm } from './webassembly.ts';

/** Before the labels of a message: replica id, layer as u32, index as u64, all big-endian. */
const HEAD_BYTES = 32 + 4 + 8;
const LAYER_OFFSET = 32;
/** The lower half of the index; the upper one stays zero, since a sector has far fewer nodes than 2^32. */
const INDEX_OFFSET = 40;

/** Bytes that a label hashes in the first layer, and in all others. */
const FIRST_MESSAGE_BYTES = HEAD_BYTES + DRG_DEGREE * NODE_BYTES;
export const LABEL_MESSAGE_BYTES = HEAD_BYTES + PARENTS * NODE_BYTES;

/** Messages lie in blocks of BLAKE3, the last one filled up with zeros. */
const MESSAGE_STRIDE = blocksOf(LABEL_MESSAGE_BYTES) * BLOCK_BYTES;
/** Labels whose parents are brought together: 16 KiB of messages, half of a small first-level cache. */
const BATCH = 32;
export const MESSAGES_BYTES = BATCH * MESSAGE_STRIDE;

/** Bytes of a node's row in the table of parents. */
const ROW_BYTES = 4 * PARENTS;
const NODE_SHIFT = Math.log2(NODE_BYTES);

function blocksOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}

/** Where the last block of a message begins. */
const lastBlock = (bytes: number): number => (blocksOf(bytes) - 1) * BLOCK_BYTES;
/** Bytes of the message in its last block: the same in all layers, which differ by four whole blocks. */
const LAST_LENGTH = LABEL_MESSAGE_BYTES - lastBlock(LABEL_MESSAGE_BYTES);

/** An unsigned number of 32 bits with its bytes turned round. */
function bigEndian(value: Code): Code {
  const outer = and(rotateLeft(value, constant(8)), constant(0x00ff00ff));
  return or(outer, and(rotateLeft(value, constant(24)), constant(0xff00ff00)));
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);

/** Parameters first; all that are not called indices are addresses. */
function variables(fn: FunctionBuilder) {
  return {
    messages: fn.parameter(),
    parents: fn.parameter(),
    /** Zero for the first layer. */
    before: fn.parameter(),
    layer: fn.parameter(),
    /** Indices: of the node whose label is next, and of the first that is not asked for. */
    index: fn.parameter(),
    to: fn.parameter(),
    /** Indices: where the batch ends, and up to which its parents were brought. */
    end: fn.local(),
    ahead: fn.local(),
    message: fn.local(),
    /** The node's row of parents. */
    row: fn.local(),
    label: fn.local(),
    /** The block that is hashed, and the last one. */
    block: fn.local(),
    last: fn.local(),
    chain: fn.locals(8),
    state: fn.locals(16),
  };
}
type Variables = ReturnType<typeof variables>;

/** The address of a node's label. */
const labelAt = (layer: Local, node: Code): Code =>
  add(layer.get, shiftLeft(node, constant(NODE_SHIFT)));

/** Copies parents `from` up to (not including) `to` of the node of `row` out of a layer into the message. */
function gather({ message, row, label }: Variables, layer: Local, from: number, to: number): Code {
  return range(from, to).flatMap((parent) => [
    ...label.set(labelAt(layer, load(row.get, 4 * parent))),
    ...copy16(message.get, HEAD_BYTES + parent * NODE_BYTES, label.get, 0),
    ...copy16(message.get, HEAD_BYTES + parent * NODE_BYTES + 16, label.get, 16),
  ]);
}

/** Does something for each node of the batch, counted by `node`, with its message and its row. */
function forBatch({ messages, parents, message, row, end }: Variables, node: Local, body: Code) {
  return [
    ...message.set(messages.get),
    ...row.set(add(parents.get, multiply(node.get, constant(ROW_BYTES)))),
    ...repeat(
      [
        ...body,
        ...message.set(add(message.get, constant(MESSAGE_STRIDE))),
        ...row.set(add(row.get, constant(ROW_BYTES))),
        ...node.set(add(node.get, constant(1))),
      ],
      less(node.get, end.get),
    ),
  ];
}

/** Parents of the batch itself are not made yet: what is copied of them here is copied again. */
function bringParents(v: Variables): Code {
  return [
    ...gather(v, v.layer, 1, DRG_DEGREE),
    ...when(v.before.get, gather(v, v.before, DRG_DEGREE, PARENTS)),
  ];
}

/** Hashes the message into `chain`. */
function hashMessage({ message, before, block, last, chain, state }: Variables): Code {
  const lastStart = choose(
    before.get,
    constant(lastBlock(LABEL_MESSAGE_BYTES)),
    constant(lastBlock(FIRST_MESSAGE_BYTES)),
  );
  const isLast = equal(block.get, last.get);
  const isFirst = equal(block.get, message.get);
  const compressed = compress({
    chain,
    state,
    block: block.get,
    length: choose(isLast, constant(LAST_LENGTH), constant(BLOCK_BYTES)),
    flags: choose(
      isLast,
      constant(LAST_BLOCK),
      choose(isFirst, constant(FIRST_BLOCK), constant(0)),
    ),
  });
  return [
    ...chain.flatMap(({ set }, i) => set(constant(IV[i]!))),
    ...block.set(message.get),
    ...last.set(add(message.get, lastStart)),
    ...repeat(
      [...compressed, ...block.set(add(block.get, constant(BLOCK_BYTES)))],
      atMost(block.get, last.get),
    ),
  ];
}

/** Makes the label of `index` while the one before it is still in `chain`: its first parent. */
function makeLabel(v: Variables): Code {
  const { message, layer, index, label, chain } = v;
  return [
    ...gather(v, layer, 1, DRG_DEGREE),
    ...store(message.get, INDEX_OFFSET, bigEndian(index.get)),
    ...chain.flatMap(({ get }, i) => store(message.get, HEAD_BYTES + 4 * i, get)),
    ...hashMessage(v),
    ...label.set(labelAt(layer, index.get)),
    ...chain.flatMap(({ get }, i) => store(label.get, 4 * i, get)),
  ];
}

/** The bytes of the module: one function with the parameters of `LabelKernel.run`. */
function moduleBytes(): Uint8Array {
  const fn = new FunctionBuilder();
  const v = variables(fn);
  const { layer, index, to, end, ahead, label, chain } = v;
  const readBefore = [
    ...label.set(labelAt(layer, add(index.get, constant(-1)))),
    ...chain.flatMap(({ set }, i) => set(load(label.get, 4 * i))),
  ];
  const batch = [
    ...end.set(add(index.get, constant(BATCH))),
    ...end.set(choose(less(end.get, to.get), end.get, to.get)),
    ...ahead.set(index.get),
    ...forBatch(v, ahead, bringParents(v)),
    ...forBatch(v, index, makeLabel(v)),
  ];
  // Node 0 has no label before it: zeros, with which variables begin.
  return fn.module([...when(index.get, readBefore), ...repeat(batch, less(index.get, to.get))]);
}

/** Messages of a layer without their indices and labels: heads, and zeros for all that is filled up. */
export function writeHeads(messages: Uint8Array, replica: Uint8Array, layer: number): void {
  messages.fill(0);
  for (let at = 0; at < messages.length; at += MESSAGE_STRIDE) {
    messages.set(replica, at);
    messages.set(u32be(layer), at + LAYER_OFFSET);
  }
}

/** Makes labels in one memory. All but the two indices are addresses in it. */
export type LabelKernel = {
  /**
   * Makes labels `index` up to (not including) `to`, at least one. What `writeHeads` writes is there,
   * and so are the parents, the labels before `index` and the layer before, whose address is zero
   * where there is none.
   */
  run(
    messages: number,
    parents: number,
    before: number,
    layer: number,
    index: number,
    to: number,
  ): void;
};

let compiled: object | undefined;

export function labelKernel(memory: Memory): LabelKernel {
  compiled ??= new wasm.Module(moduleBytes());
  return new wasm.Instance(compiled, { env: { memory } }).exports as LabelKernel;
}
