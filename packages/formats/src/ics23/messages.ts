/**
 * The messages of ICS-23 (cosmos/ics23, proofs.proto) that one entry of one tree needs, and IBC's
 * list of them (ibc.core.commitment.v1.MerkleProof). Batched and compressed proofs are refused as
 * unknown fields: nothing here writes them, and a light client has no need of them.
 */
import {
  bool,
  bytes,
  embedded,
  enumeration,
  int32,
  list,
  type Message,
  malformed,
  maybe,
  message,
  type TypeOf,
} from '../comet/wire.ts';
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from './node.ts';

/**
 * Steps in one proof. A tree of ten million keys is about 65 deep; the rest is for keys mined to
 * lie deep (spec/proven-store.md, "Limits"). A step takes at most 90 bytes.
 */
export const MAX_PATH_STEPS = 1024;
/** Trees inside one another: IBC uses two, and a prefix store of another chain may add some. */
export const MAX_PROOF_LEVELS = 4;

const MAX_STEP_BYTES = 128;
const MAX_EXISTENCE_BYTES =
  MAX_KEY_BYTES + MAX_VALUE_BYTES + MAX_PATH_STEPS * (MAX_STEP_BYTES + 3) + 128;
const MAX_COMMITMENT_BYTES = 2 * MAX_EXISTENCE_BYTES + MAX_KEY_BYTES + 128;

const hashOp = (field: number) =>
  enumeration(field, {
    none: 0,
    sha256: 1,
    sha512: 2,
    keccak: 3,
    ripemd160: 4,
    bitcoin: 5,
    sha512_256: 6,
  });
const lengthOp = (field: number) =>
  enumeration(field, {
    none: 0,
    varProto: 1,
    varRlp: 2,
    fixed32Big: 3,
    fixed32Little: 4,
    fixed64Big: 5,
    fixed64Little: 6,
    require32Bytes: 7,
    require64Bytes: 8,
  });

const leafOp = message('ics23.LeafOp', {
  hash: hashOp(1),
  prehashKey: hashOp(2),
  prehashValue: hashOp(3),
  length: lengthOp(4),
  prefix: bytes(5, MAX_STEP_BYTES),
});

const innerOp = message('ics23.InnerOp', {
  hash: hashOp(1),
  prefix: bytes(2, MAX_STEP_BYTES),
  suffix: bytes(3, MAX_STEP_BYTES),
});

const existenceProof = message('ics23.ExistenceProof', {
  key: bytes(1, MAX_KEY_BYTES),
  value: bytes(2, MAX_VALUE_BYTES),
  leaf: embedded(3, leafOp, 2 * MAX_STEP_BYTES),
  path: list(4, innerOp, { maxItems: MAX_PATH_STEPS, maxBytes: 2 * MAX_STEP_BYTES }),
});

const nonExistenceProof = message('ics23.NonExistenceProof', {
  key: bytes(1, MAX_KEY_BYTES),
  left: maybe(2, existenceProof, MAX_EXISTENCE_BYTES),
  right: maybe(3, existenceProof, MAX_EXISTENCE_BYTES),
});

const commitmentTable = message('ics23.CommitmentProof', {
  exist: maybe(1, existenceProof, MAX_EXISTENCE_BYTES),
  nonexist: maybe(2, nonExistenceProof, MAX_COMMITMENT_BYTES),
});

const innerSpec = message('ics23.InnerSpec', {
  // A packed list of varints; every order we know has entries below 128, so each is one byte.
  childOrder: bytes(1),
  childSize: int32(2),
  minPrefixLength: int32(3),
  maxPrefixLength: int32(4),
  emptyChild: bytes(5),
  hash: hashOp(6),
});

/** How a key and its value become a leaf's hash. */
export type LeafOp = TypeOf<typeof leafOp>;
/** One step towards the root: hash(prefix || child || suffix). */
export type InnerOp = TypeOf<typeof innerOp>;
/** A key, its value, and the steps from its leaf (first) to the root (last). */
export type ExistenceProof = TypeOf<typeof existenceProof>;
/** Proofs of the neighbours between which `key` would be; one is missing at an end of the tree. */
export type NonExistenceProof = TypeOf<typeof nonExistenceProof>;
/** Exactly one of the two. */
export type CommitmentProof =
  | { readonly exist: ExistenceProof; readonly nonexist?: undefined }
  | { readonly exist?: undefined; readonly nonexist: NonExistenceProof };

/** ics23.CommitmentProof; decoding refuses a message that holds none or both of its two kinds. */
export const commitmentProof: Message<CommitmentProof> = {
  name: commitmentTable.name,
  encode: (proof) => commitmentTable.encode({ exist: undefined, nonexist: undefined, ...proof }),
  encodeDelimited: (proof) =>
    commitmentTable.encodeDelimited({ exist: undefined, nonexist: undefined, ...proof }),
  decode(encoded) {
    const { exist, nonexist } = commitmentTable.decode(encoded);
    if (exist !== undefined && nonexist === undefined) return { exist };
    if (nonexist !== undefined && exist === undefined) return { nonexist };
    throw malformed(`${commitmentTable.name} needs exactly one of exist and nonexist`);
  },
};

/** ibc.core.commitment.v1.MerkleProof: one proof for each tree, the innermost tree's first. */
export const merkleProofChain = message('ibc.core.commitment.v1.MerkleProof', {
  proofs: list(1, commitmentProof, {
    maxItems: MAX_PROOF_LEVELS,
    maxBytes: MAX_COMMITMENT_BYTES,
  }),
});
/** Proofs of trees inside one another, innermost first. */
export type MerkleProofChain = TypeOf<typeof merkleProofChain>;

/** ics23.ProofSpec, as an IBC client state carries it. */
export const proofSpec = message('ics23.ProofSpec', {
  leafSpec: embedded(1, leafOp, 2 * MAX_STEP_BYTES),
  innerSpec: embedded(2, innerSpec, 2 * MAX_STEP_BYTES),
  maxDepth: int32(3),
  minDepth: int32(4),
  prehashKeyBeforeComparison: bool(5),
});
/** What proofs of a kind of tree must look like. */
export type ProofSpec = TypeOf<typeof proofSpec>;
