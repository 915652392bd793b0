/**
 * Verifying ICS-23 proofs (spec/proven-store.md, "Verifying"). Every check comes as a pair: `check…`
 * answers with a refusal that says what is wrong, or undefined; `verify…` is the same as a boolean.
 * Nothing here throws for what a stranger sent.
 */
import { compareBytes, concat, equalBytes, type Refusal, refuse } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import type { CommitmentProof, ExistenceProof, NonExistenceProof } from './messages.ts';
import { MAX_PATH_STEPS } from './messages.ts';
import { HASH_BYTES } from './node.ts';
import type { ProofFormat, Side } from './proof-format.ts';
import { writeVarint } from './varint.ts';

/** True when the proof shows that the tree with this root has `value` under `key`. */
export function verifyExistence(
  format: ProofFormat,
  proof: ExistenceProof,
  root: Uint8Array,
  key: Uint8Array,
  value: Uint8Array,
): boolean {
  return checkExistence(format, proof, root, key, value) === undefined;
}

/** As `verifyExistence`, with the reason of a refusal. */
export function checkExistence(
  format: ProofFormat,
  proof: ExistenceProof,
  root: Uint8Array,
  key: Uint8Array,
  value: Uint8Array,
): Refusal | undefined {
  if (!equalBytes(proof.key, key)) return no('key', 'it is about another key');
  if (!equalBytes(proof.value, value)) return no('value', 'it is about another value');
  return checkTowardsRoot(format, proof, root);
}

/** True when the proof shows that the tree with this root has nothing under `key`. */
export function verifyNonExistence(
  format: ProofFormat,
  proof: NonExistenceProof,
  root: Uint8Array,
  key: Uint8Array,
): boolean {
  return checkNonExistence(format, proof, root, key) === undefined;
}

/** As `verifyNonExistence`, with the reason of a refusal. */
export function checkNonExistence(
  format: ProofFormat,
  proof: NonExistenceProof,
  root: Uint8Array,
  key: Uint8Array,
): Refusal | undefined {
  const { left, right } = proof;
  if (key.length === 0) return no('key', 'no tree can hold an empty key');
  if (!equalBytes(proof.key, key)) return no('key', 'it is about another key');
  if (!left && !right) return no('neighbours', 'it names no neighbour of the absent key');
  if (left && compareBytes(left.key, key) >= 0) {
    return no('neighbours', 'its left neighbour is not below the key');
  }
  if (right && compareBytes(right.key, key) <= 0) {
    return no('neighbours', 'its right neighbour is not above the key');
  }
  for (const neighbour of [left, right]) {
    const refusal = neighbour && checkTowardsRoot(format, neighbour, root);
    if (refusal) return refusal;
  }
  return areNeighbours(format, left, right)
    ? undefined
    : no('neighbours', 'another key may lie between its neighbours');
}

/** The root that a well-formed existence proof leads to. */
export function existenceRoot(proof: ExistenceProof): Uint8Array {
  const { key, value, leaf, path } = proof;
  const length = new Uint8Array(4);
  const keyLength = length.subarray(0, writeVarint(length, 0, key.length));
  let hash = sha256(concat(leaf.prefix, keyLength, key, Uint8Array.of(HASH_BYTES), sha256(value)));
  for (const { prefix, suffix } of path) hash = sha256(concat(prefix, hash, suffix));
  return hash;
}

/** What a chain of proofs is checked against: trees inside one another, as in IBC's MerklePath. */
export type ProvenPath = {
  /** Root of the outermost tree: the app hash of a header. */
  readonly root: Uint8Array;
  /** Keys from the outermost tree inwards: store name, then key in the store. */
  readonly path: readonly Uint8Array[];
  /** Format of each proof, innermost first: `[iavlFormat, tendermintFormat]` for a Cosmos chain. */
  readonly formats: readonly ProofFormat[];
  /** Proofs, innermost first. */
  readonly proofs: readonly CommitmentProof[];
};

/** True when the proofs show `value` at the end of the path. */
export function verifyMembership(claim: ProvenPath, value: Uint8Array): boolean {
  return checkMembership(claim, value) === undefined;
}

/** As `verifyMembership`, with the reason of a refusal. */
export function checkMembership(claim: ProvenPath, value: Uint8Array): Refusal | undefined {
  return checkChain(claim, (format, proof, root, key) =>
    proof.exist
      ? checkExistence(format, proof.exist, root, key, value)
      : no('kind', 'it proves an absence where a presence was asked for'),
  );
}

/** True when the proofs show that the innermost tree of the path has nothing at its end. */
export function verifyNonMembership(claim: ProvenPath): boolean {
  return checkNonMembership(claim) === undefined;
}

/** As `verifyNonMembership`, with the reason of a refusal. */
export function checkNonMembership(claim: ProvenPath): Refusal | undefined {
  return checkChain(claim, (format, proof, root, key) =>
    proof.nonexist
      ? checkNonExistence(format, proof.nonexist, root, key)
      : no('kind', 'it proves a presence where an absence was asked for'),
  );
}

type InnermostCheck = (
  format: ProofFormat,
  proof: CommitmentProof,
  root: Uint8Array,
  key: Uint8Array,
) => Refusal | undefined;

/** Walks from the outermost tree inwards: the value proven in one is the root of the next. */
function checkChain(claim: ProvenPath, checkInnermost: InnermostCheck): Refusal | undefined {
  const { path, formats, proofs } = claim;
  const levels = path.length;
  if (levels === 0 || formats.length !== levels || proofs.length !== levels) {
    return no('levels', `${levels} keys need as many formats and proofs`);
  }
  let root = claim.root;
  for (let level = levels - 1; level > 0; level--) {
    const exist = proofs[level]!.exist;
    if (!exist) return no('kind', 'an outer tree must prove the root of the next one');
    const key = path[levels - 1 - level]!;
    const refusal = checkExistence(formats[level]!, exist, root, key, exist.value);
    if (refusal) return refusal;
    root = exist.value;
  }
  return checkInnermost(formats[0]!, proofs[0]!, root, path[levels - 1]!);
}

function checkTowardsRoot(
  format: ProofFormat,
  proof: ExistenceProof,
  root: Uint8Array,
): Refusal | undefined {
  // ICS-23: an empty value cannot be told from an absent one, nor an empty key from none.
  if (proof.key.length === 0 || proof.value.length === 0) {
    return no('empty', 'neither key nor value may be empty');
  }
  if (!format.isLeaf(proof.leaf)) return no('leaf', 'its leaf is not one of this kind of tree');
  if (proof.path.length > MAX_PATH_STEPS) return no('path', 'its path is too long');
  if (!format.sidesOf(proof.path)) return no('path', 'a step is not one of this kind of tree');
  if (!equalBytes(existenceRoot(proof), root)) return no('root', 'it leads to another root');
  return undefined;
}

/** Whether no leaf fits between the two; a missing one stands for the end of the tree. */
function areNeighbours(
  format: ProofFormat,
  left: ExistenceProof | undefined,
  right: ExistenceProof | undefined,
): boolean {
  // Both paths have passed sidesOf before; an empty list only stands for a missing neighbour.
  const leftSides = (left && format.sidesOf(left.path)) ?? [];
  const rightSides = (right && format.sidesOf(right.path)) ?? [];
  if (!left) return areAll(rightSides, 'left');
  if (!right) return areAll(leftSides, 'right');
  let i = left.path.length - 1;
  let j = right.path.length - 1;
  while (i >= 0 && j >= 0 && isSameStep(left, i, right, j)) {
    i--;
    j--;
  }
  return (
    leftSides[i] === 'left' &&
    rightSides[j] === 'right' &&
    areAll(leftSides.slice(0, i), 'right') &&
    areAll(rightSides.slice(0, j), 'left')
  );
}

function isSameStep(a: ExistenceProof, i: number, b: ExistenceProof, j: number): boolean {
  const one = a.path[i]!;
  const other = b.path[j]!;
  return equalBytes(one.prefix, other.prefix) && equalBytes(one.suffix, other.suffix);
}

function areAll(sides: readonly Side[], side: Side): boolean {
  return sides.every((each) => each === side);
}

function no(what: string, why: string): Refusal {
  return refuse(`formats/proof-${what}`, `The proof does not hold: ${why}.`);
}
