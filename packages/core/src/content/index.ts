/**
 * How bytes are named and proven: one BLAKE3 hash names a content, checks it while it streams, and
 * audits who holds it (spec/content.md).
 */
export { type AuditProof, createProver, type GroupProver, proveLeaf, verifyLeaf } from './audit.ts';
export { detectionPpm, windowsToDetect } from './detection.ts';
export { climb, hashAt, levelsOf, pathIn } from './levels.ts';
export {
  type ContentDescription,
  contentIdOfOutline,
  DescriptionBuilder,
  describeContent,
  groupRoot,
  type Outline,
  openOutline,
  verifyGroup,
} from './outline.ts';
export { MAX_SAMPLES, sampleIndices, sampleLeaves } from './sampling.ts';
export {
  GROUP_BYTES,
  GROUP_LEAVES,
  groupCount,
  groupLength,
  isContentSize,
  LEAF_BYTES,
  leafCount,
  leafLength,
  MAX_CONTENT_BYTES,
} from './sizes.ts';
export { type ContentSummary, type GroupSink, TreeBuilder } from './tree.ts';
