/** Storage proofs: sealing, what it commits to, and the two proofs (spec/sectors.md, sections 1 to 3). */
export { type ColumnTree, columnTree } from './columns.ts';
export { encodeSector } from './encoding.ts';
export { LABEL_MESSAGE_BYTES } from './label-kernel.ts';
export { type ReplicaName, replicaId } from './labels.ts';
export { entryPath, isEntryOf, MAX_ENTRIES, proofId, readEntries } from './proof-file.ts';
export {
  faultOfSealEntry,
  faultOfSealProof,
  type LeafSource,
  type ProofFault,
  proveSeal,
  type SealStatement,
  sealChallenges,
  sealEntryBytes,
  sealEntryCount,
} from './seal-proof.ts';
export { SectorLabels } from './sector-labels.ts';
export { checkShape, isShape, NODE_BYTES, nodesOf, type SectorShape } from './shape.ts';
export {
  faultOfWindowEntry,
  faultOfWindowProof,
  type SealedSector,
  type WindowChallenge,
  type WindowPlace,
  windowChallenges,
  windowEntry,
  windowEntryBytes,
  windowEntryCount,
} from './window-proof.ts';
