/**
 * The two kinds of tree that a Cosmos app hash is made of, as ICS-23 describes them. ICS-23 bounds
 * only the length of an inner step's prefix and suffix; here every byte of a step has to be where
 * that tree puts it. What a real tree yields always passes, and a leaf dressed up as an inner node,
 * or a hash shifted by a byte, does not.
 */
import { equalBytes } from '@palisade/core';
import type { InnerOp, LeafOp, ProofSpec } from './messages.ts';
import { HASH_BYTES } from './node.ts';
import { readZigzag } from './varint.ts';

/** On which side of its parent the proven child hangs. */
export type Side = 'left' | 'right';

/** One kind of tree: its ICS-23 specification and the exact reading of its proofs. */
export type ProofFormat = {
  readonly spec: ProofSpec;
  /** Whether a proof may begin with this leaf. */
  isLeaf(leaf: LeafOp): boolean;
  /** The side of each step, or undefined when a step is not an inner node of such a tree. */
  sidesOf(path: readonly InnerOp[]): readonly Side[] | undefined;
};

const LENGTH_BYTE = HASH_BYTES;
const CHILD_BYTES = 1 + HASH_BYTES;
const SIMPLE_INNER_PREFIX = 1;
/** ICS-23's bound for IAVL: the three varints and a length byte before the first child. */
const IAVL_MAX_PREFIX = 12;

const leafSpec: LeafOp = {
  hash: 'sha256',
  prehashKey: 'none',
  prehashValue: 'sha256',
  length: 'varProto',
  prefix: Uint8Array.of(0),
};

function specOf(childSize: number, minPrefixLength: number, maxPrefixLength: number): ProofSpec {
  return {
    leafSpec,
    innerSpec: {
      childOrder: Uint8Array.of(0, 1),
      childSize,
      minPrefixLength,
      maxPrefixLength,
      emptyChild: new Uint8Array(0),
      hash: 'sha256',
    },
    maxDepth: 0,
    minDepth: 0,
    prehashKeyBeforeComparison: false,
  };
}

/** ICS-23 `iavlSpec`: trees in IAVL's hash format, whatever their balance. */
export const iavlFormat: ProofFormat = {
  spec: specOf(CHILD_BYTES, 4, IAVL_MAX_PREFIX),
  isLeaf(leaf) {
    const head = readHead(leaf.prefix);
    return (
      hasLeafOps(leaf) && head?.height === 0 && head.size === 1 && head.end === leaf.prefix.length
    );
  },
  sidesOf(path) {
    const sides: Side[] = [];
    let below = { height: 0, size: 1 };
    for (const op of path) {
      const head = readHead(op.prefix);
      if (op.hash !== 'sha256' || head === undefined || head.end >= IAVL_MAX_PREFIX) {
        return undefined;
      }
      // A node is higher than its child and holds more leaves, whatever tree it is.
      if (head.height <= below.height || head.size <= below.size) return undefined;
      const side = iavlSide(op, head.end);
      if (side === undefined) return undefined;
      sides.push(side);
      below = head;
    }
    return sides;
  },
};

/** ICS-23 `tendermintSpec`: the simple Merkle map (RFC 6962) of named stores. */
export const tendermintFormat: ProofFormat = {
  spec: specOf(HASH_BYTES, 1, 1),
  isLeaf: (leaf) => hasLeafOps(leaf) && equalBytes(leaf.prefix, leafSpec.prefix),
  sidesOf(path) {
    const sides: Side[] = [];
    for (const { hash, prefix, suffix } of path) {
      if (hash !== 'sha256' || prefix[0] !== SIMPLE_INNER_PREFIX) return undefined;
      if (prefix.length === 1 && suffix.length === HASH_BYTES) sides.push('left');
      else if (prefix.length === CHILD_BYTES && suffix.length === 0) sides.push('right');
      else return undefined;
    }
    return sides;
  },
};

function hasLeafOps(leaf: LeafOp): boolean {
  return (
    leaf.hash === leafSpec.hash &&
    leaf.prehashKey === leafSpec.prehashKey &&
    leaf.prehashValue === leafSpec.prehashValue &&
    leaf.length === leafSpec.length
  );
}

/** Behind the head come both children, each behind its length byte; one of them is cut out. */
function iavlSide({ prefix, suffix }: InnerOp, headEnd: number): Side | undefined {
  if (prefix[headEnd] !== LENGTH_BYTE) return undefined;
  const rest = prefix.length - headEnd;
  if (rest === 1) {
    return suffix.length === CHILD_BYTES && suffix[0] === LENGTH_BYTE ? 'left' : undefined;
  }
  const isRight = rest === 1 + CHILD_BYTES && prefix[headEnd + CHILD_BYTES] === LENGTH_BYTE;
  return isRight && suffix.length === 0 ? 'right' : undefined;
}

type Head = { readonly height: number; readonly size: number; readonly end: number };

/** Height, size and version at the start of an IAVL node; undefined unless all are whole and >= 0. */
function readHead(prefix: Uint8Array): Head | undefined {
  const height = readZigzag(prefix, 0);
  const size = height && readZigzag(prefix, height.end);
  const version = size && readZigzag(prefix, size.end);
  return version && { height: height.value, size: size.value, end: version.end };
}
