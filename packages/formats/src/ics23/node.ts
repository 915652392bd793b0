/**
 * Nodes of the proven tree and their hashes (spec/proven-store.md, "Hash format"). Nodes never
 * change once they are made, except that a node's hash is filled in the first time it is asked for.
 */
import { sha256 } from '@palisade/core/crypto';
import { toBinaryString, writeBinaryString } from './binary-string.ts';
import { writeVarint, writeZigzag } from './varint.ts';

/** IAVL writes into every node the block that made it; a content-determined tree must not: always 1. */
export const NODE_VERSION = 1;
/** Bytes of SHA-256. */
export const HASH_BYTES = 32;
/** An IBC path or one of our record keys stays below 300 bytes; four times that is room enough. */
export const MAX_KEY_BYTES = 1024;
/** No record comes near a block's worth of bytes; this only stops a caller's mistake. */
export const MAX_VALUE_BYTES = 1_048_576;

/** A key with its value. `hash` is empty until it is needed. */
export class Leaf {
  readonly key: string;
  readonly value: string;
  hash = '';

  constructor(key: string, value: string) {
    this.key = key;
    this.value = value;
  }
}

/** The gap before `key`: everything left of it is smaller, `key` is the smallest on the right. */
export class Inner {
  readonly key: string;
  readonly priority: number;
  readonly left: Node;
  readonly right: Node;
  /** Leaves below. */
  readonly size: number;
  /** Steps to the deepest leaf. */
  readonly height: number;
  hash = '';

  constructor(key: string, priority: number, left: Node, right: Node) {
    this.key = key;
    this.priority = priority;
    this.left = left;
    this.right = right;
    this.size = sizeOf(left) + sizeOf(right);
    this.height = 1 + Math.max(heightOf(left), heightOf(right));
  }
}

export type Node = Leaf | Inner;

export function sizeOf(node: Node): number {
  return node instanceof Inner ? node.size : 1;
}

export function heightOf(node: Node): number {
  return node instanceof Inner ? node.height : 0;
}

/** A copy of `node` over other children: the same gap. */
export function withChildren(node: Inner, left: Node, right: Node): Inner {
  return new Inner(node.key, node.priority, left, right);
}

/**
 * Priority of the gap before `key`: the first four bytes of sha256(key), big-endian. The top bit is
 * turned so that the order of unsigned numbers becomes that of signed ones, which engines store
 * inside the node instead of beside it.
 */
export function priorityOf(key: string): number {
  const digest = sha256(preimage.subarray(0, writeKey(0, key)));
  return ((digest[0]! ^ 0x80) << 24) | (digest[1]! << 16) | (digest[2]! << 8) | digest[3]!;
}

/** Whether the gap (priority, key) sits above `node`: greater priority, then smaller key. */
export function isAbove(priority: number, key: string, node: Inner): boolean {
  return priority === node.priority ? key < node.key : priority > node.priority;
}

/** Hash of a node as a byte string of 32; hashes below are computed where they are missing. */
export function hashOf(root: Node): string {
  if (root.hash !== '') return root.hash;
  // An own stack instead of recursion, as everywhere in this tree: see treap.ts.
  const pending: Node[] = [root];
  while (pending.length > 0) {
    const node = pending[pending.length - 1]!;
    if (node instanceof Leaf) {
      node.hash = leafHash(node);
    } else if (node.left.hash === '') {
      pending.push(node.left);
      continue;
    } else if (node.right.hash === '') {
      pending.push(node.right);
      continue;
    } else {
      node.hash = innerHash(node);
    }
    pending.pop();
  }
  return root.hash;
}

/** The varints that open a node's preimage: height, size, version. `target` needs 12 bytes of room. */
export function writeNodeHead(target: Uint8Array, height: number, size: number): number {
  let end = writeZigzag(target, 0, height);
  end = writeZigzag(target, end, size);
  return writeZigzag(target, end, NODE_VERSION);
}

/** Longest preimage but for values: head 12, key length 2, key, value hash with its length byte. */
const preimage = new Uint8Array(12 + 2 + MAX_KEY_BYTES + 1 + HASH_BYTES);

function leafHash(leaf: Leaf): string {
  const value = new Uint8Array(leaf.value.length);
  writeBinaryString(value, 0, leaf.value);
  const valueHash = sha256(value);
  let end = writeNodeHead(preimage, 0, 1);
  end = writeVarint(preimage, end, leaf.key.length);
  end = writeKey(end, leaf.key);
  preimage[end] = HASH_BYTES;
  preimage.set(valueHash, end + 1);
  return toBinaryString(sha256(preimage.subarray(0, end + 1 + HASH_BYTES)));
}

function innerHash(node: Inner): string {
  let end = writeNodeHead(preimage, node.height, node.size);
  for (const child of [node.left.hash, node.right.hash]) {
    preimage[end] = HASH_BYTES;
    end = writeBinaryString(preimage, end + 1, child);
  }
  return toBinaryString(sha256(preimage.subarray(0, end)));
}

function writeKey(offset: number, key: string): number {
  return writeBinaryString(preimage, offset, key);
}
