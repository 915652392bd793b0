/**
 * The graph that a label's message is made from: two fixed sets of parents for every node, the same
 * for all sectors of a size (spec/sectors.md, section 1).
 *
 * Within a layer: a depth-robust graph of in-degree 6. One parent is the node before, so that labels
 * come in one order only. The others are drawn as in DRSample (J. Alwen, J. Blocki, B. Harsha,
 * "Practical Graphs for Optimal Side-Channel Resistant Memory-Hard Functions", CCS 2017, ePrint
 * 2017/443), reduced to a small in-degree by bucket sampling: a graph of 5 small nodes for each node
 * is drawn and folded together, as B. Fisch analyses it ("Tight Proofs of Space and Replication",
 * EUROCRYPT 2019, ePrint 2018/702). A distance is drawn in two steps: its power of two evenly, then
 * the distance evenly within it, so that all scales of distance are equally frequent.
 *
 * Between layers: a bipartite expander of degree 8 after Chung: 8 slots for each node, all slots
 * permuted. The permutation is a Feistel network, so that nothing has to be kept.
 *
 * The draws are those of a fixed integer mixer, not of a secret: the graph is public, nobody chooses
 * it, and all it must lack is structure.
 */

/** Parents within a layer: the degree for which the analysis above and its deployments are stated. */
export const DRG_DEGREE = 6;
/** Parents in the layer before: the same. */
export const EXPANDER_DEGREE = 8;
export const PARENTS = DRG_DEGREE + EXPANDER_DEGREE;

/** Small nodes of each node in the graph that is folded together. */
const FOLDED = DRG_DEGREE - 1;
const SLOT_BITS = Math.log2(EXPANDER_DEGREE);

/** Rounds of the Feistel network: four make a permutation that looks random (Luby and Rackoff). */
const ROUND_KEYS = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a] as const;

/** 2^32 over the golden ratio: the usual step between draws of such a mixer. */
const GOLDEN = 0x9e3779b9;

/** Mixes all bits of a 32-bit number: the final step of MurmurHash3 (A. Appleby, public domain). */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * Writes the parents of node `index` in its own layer into `into`, from `at` on. Node 0 has none, and
 * gets itself. Distances are of small nodes, from 2 on: 2 to 3, 4 to 7, and so on up to the beginning.
 */
export function drgParents(index: number, into: Uint32Array, at = 0): void {
  into[at] = index === 0 ? 0 : index - 1;
  const node = index * FOLDED;
  const scales = 31 - Math.clz32(node);
  let draw = mix(index ^ GOLDEN);
  for (let i = 1; i < DRG_DEGREE; i++) {
    draw = mix(draw + GOLDEN);
    const least = 1 << (1 + (((draw >>> 16) * scales) >>> 16));
    draw = mix(draw + GOLDEN);
    // Only the widest scale is cut off by the beginning.
    const wide = 2 * least > node ? draw % (node - least + 1) : draw & (least - 1);
    const parent = ((node - least - wide) / FOLDED) | 0;
    into[at + i] = parent < index || index === 0 ? parent : index - 1;
  }
}

/** Writes the parents of node `index` in the layer before. `nodes` is a power of two. */
export function expanderParents(nodes: number, index: number, into: Uint32Array, at = 0): void {
  const bits = 31 - Math.clz32(nodes) + SLOT_BITS;
  const lowBits = bits >>> 1;
  const lowMask = 2 ** lowBits - 1;
  const highMask = 2 ** (bits - lowBits) - 1;
  for (let i = 0; i < EXPANDER_DEGREE; i++) {
    const slot = index * EXPANDER_DEGREE + i;
    let low = slot & lowMask;
    let high = slot >>> lowBits;
    // The halves may differ by a bit, so they take turns instead of changing places.
    high ^= mix(low ^ ROUND_KEYS[0]) & highMask;
    low ^= mix(high ^ ROUND_KEYS[1]) & lowMask;
    high ^= mix(low ^ ROUND_KEYS[2]) & highMask;
    low ^= mix(high ^ ROUND_KEYS[3]) & lowMask;
    into[at + i] = ((high << lowBits) | low) >>> SLOT_BITS;
  }
}

/**
 * Writes the parents of all nodes, 14 numbers each: 56 bytes a node. Whoever labels layer after layer
 * works them out once; a checker of few places asks for `parentsOf`.
 */
export function writeParents(nodes: number, table: Uint32Array): void {
  for (let index = 0; index < nodes; index++) {
    drgParents(index, table, index * PARENTS);
    expanderParents(nodes, index, table, index * PARENTS + DRG_DEGREE);
  }
}

/** All parents of a node as a seal proof opens them: 6 of its own layer, 8 of the one before. */
export function parentsOf(nodes: number, index: number): Uint32Array {
  const parents = new Uint32Array(PARENTS);
  drgParents(index, parents);
  expanderParents(nodes, index, parents, DRG_DEGREE);
  return parents;
}
