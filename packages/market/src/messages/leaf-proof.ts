import { byteList, bytes32, LEAF_BYTES, list, record, u64 } from '@palisade/core';

/** Depth of the tree over the largest content: 2^28 leaves. */
const MAX_PATH = 28;

/** A leaf of a content with what proves it against the content's id. */
export const leafProof = record('LeafProof', {
  leafIndex: u64,
  leaf: byteList(LEAF_BYTES),
  path: list(bytes32, MAX_PATH).is('Siblings from the leaf to the root'),
});
