import { describe, expect, it } from 'vitest';
import { DRG_DEGREE, drgParents, EXPANDER_DEGREE, expanderParents, parentsOf } from './graph.ts';

describe('the graph', () => {
  it('[P10] gives every node but the first the node before it and five earlier ones', () => {
    const parents = new Uint32Array(DRG_DEGREE);
    for (let index = 1; index < 5000; index++) {
      drgParents(index, parents);
      expect(parents[0]).toBe(index - 1);
      for (const parent of parents) expect(parent).toBeLessThan(index);
    }
  });

  it('[P10] draws distances of every scale about equally often, as bucket sampling wants', () => {
    const index = 2 ** 16;
    const perScale = new Array<number>(17).fill(0);
    const parents = new Uint32Array(DRG_DEGREE);
    for (let i = index; i < index + 4000; i++) {
      drgParents(i, parents);
      for (const parent of parents.subarray(1)) perScale[Math.floor(Math.log2(i - parent))]!++;
    }
    // 20 000 draws; distances below a few nodes fall together because nodes are folded.
    for (const count of perScale.slice(3, 15)) expect(count).toBeGreaterThan(700);
    expect(Math.max(...perScale.slice(3, 15))).toBeLessThan(1600);
  });

  it.each([9, 10, 15])(
    '[P10] expands by a permutation: every one of 2^%i nodes is a parent of exactly eight slots',
    (bits) => {
      const nodes = 2 ** bits;
      const children = new Uint8Array(nodes);
      const parents = new Uint32Array(EXPANDER_DEGREE);
      for (let index = 0; index < nodes; index++) {
        expanderParents(nodes, index, parents);
        for (const parent of parents) children[parent]!++;
      }
      expect(children.every((count) => count === EXPANDER_DEGREE)).toBe(true);
    },
  );

  it('[P10] stays deep when a fifth of its nodes is taken away, those with most children first', () => {
    const nodes = 4096;
    const parents = Array.from({ length: nodes }, (_, index) => {
      const row = new Uint32Array(DRG_DEGREE);
      if (index > 0) drgParents(index, row);
      return index > 0 ? row : new Uint32Array(0);
    });
    const children = new Uint32Array(nodes);
    for (const row of parents) for (const parent of row) children[parent]!++;
    const order = [...children.keys()].sort((a, b) => children[b]! - children[a]!);
    const gone = new Set(order.slice(0, nodes / 5));
    const depth = new Uint32Array(nodes);
    for (let index = 0; index < nodes; index++) {
      if (gone.has(index)) continue;
      for (const parent of parents[index]!)
        if (!gone.has(parent)) depth[index] = Math.max(depth[index]!, depth[parent]! + 1);
    }
    expect(Math.max(...depth)).toBeGreaterThan(nodes / 4);
  });

  it('[P10] makes nearly every label an ancestor of any byte of the last layer', () => {
    const nodes = 2 ** 12;
    const layers = 4;
    let wanted = new Uint8Array(nodes);
    wanted[nodes >> 1] = 1;
    let needed = 0;
    for (let layer = layers; layer >= 1; layer--) {
      const before = new Uint8Array(nodes);
      for (let index = nodes - 1; index >= 0; index--) {
        if (wanted[index] === 0) continue;
        needed++;
        const parents = parentsOf(nodes, index);
        if (index > 0) for (const parent of parents.subarray(0, DRG_DEGREE)) wanted[parent] = 1;
        for (const parent of parents.subarray(DRG_DEGREE)) before[parent] = 1;
      }
      wanted = before;
    }
    // Half of the last layer at least; from there the expander reaches nearly all of those before.
    expect(needed / (nodes * layers)).toBeGreaterThan(0.8);
  });

  it('is fixed: these parents must never change, since sealed sectors hang on them', () => {
    expect([...parentsOf(2 ** 20, 777_777)]).toMatchInlineSnapshot(`
      [
        777776,
        777776,
        777775,
        777592,
        777602,
        777734,
        195381,
        14063,
        1048166,
        584568,
        254226,
        545221,
        1025104,
        937633,
      ]
    `);
  });
});
