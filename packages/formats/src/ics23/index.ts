/** The proven store's tree, the map of named stores, and ICS-23 proofs of both (spec/proven-store.md). */
export {
  type CommitmentProof,
  commitmentProof,
  type ExistenceProof,
  type InnerOp,
  type LeafOp,
  type MerkleProofChain,
  merkleProofChain,
  type NonExistenceProof,
  type ProofSpec,
  proofSpec,
} from './messages.ts';
export { iavlFormat, type ProofFormat, type Side, tendermintFormat } from './proof-format.ts';
export { proveStore, type StoreRoots, storesRoot } from './stores.ts';
export { type ProvenEntry, type ProvenRange, ProvenTree } from './tree.ts';
export {
  checkExistence,
  checkMembership,
  checkNonExistence,
  checkNonMembership,
  existenceRoot,
  type ProvenPath,
  verifyExistence,
  verifyMembership,
  verifyNonExistence,
  verifyNonMembership,
} from './verify.ts';
