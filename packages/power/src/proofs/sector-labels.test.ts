import { blake3 as nobleBlake3 } from '@noble/hashes/blake3.js';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DRG_DEGREE, parentsOf, writeParents } from './graph.ts';
import { labelKernel, MESSAGES_BYTES, writeHeads } from './label-kernel.ts';
import { SectorLabels } from './sector-labels.ts';
import { PAGE_BYTES, wasm } from './webassembly.ts';

/** Every byte differs, so that none can stand for another. */
const replica = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
const shapeOf = (sectorBytes: number, layers: number) => ({
  ...{ sectorBytes, layers, sealChallenges: 1 },
});
const SHAPE = shapeOf(2 ** 14, 4);
const NODES = SHAPE.sectorBytes / 32;

/** All labels by the written formula (spec/sectors.md, section 1), with another library's hash. */
function byFormula({ sectorBytes, layers }: typeof SHAPE, id = replica): Buffer[] {
  const nodes = sectorBytes / 32;
  const made: Buffer[] = [];
  const at = (layer: number, node: number) => made[layer - 1]!.subarray(node * 32, (node + 1) * 32);
  for (let layer = 1; layer <= layers; layer++) {
    made.push(Buffer.alloc(sectorBytes));
    for (let node = 0; node < nodes; node++) {
      const head = Buffer.alloc(12);
      head.writeUInt32BE(layer, 0);
      head.writeUInt32BE(node, 8);
      const parents = [...parentsOf(nodes, node)];
      // Node 0 is its own parent by the table, whose label is zero as yet.
      const own = parents.slice(0, DRG_DEGREE).map((parent) => at(layer, parent));
      const before =
        layer === 1 ? [] : parents.slice(DRG_DEGREE).map((parent) => at(layer - 1, parent));
      at(layer, node).set(nobleBlake3(Buffer.concat([id, head, ...own, ...before])));
    }
  }
  return made;
}

/** First label that differs, as `layer:node`. */
function difference(actual: readonly Uint8Array[], expected: readonly Buffer[]) {
  for (const [i, layer] of expected.entries())
    for (let node = 0; node < layer.length / 32; node++)
      if (layer.compare(actual[i]!, node * 32, node * 32 + 32, node * 32, node * 32 + 32) !== 0)
        return `${i + 1}:${node}`;
  return 'none';
}

const expected = byFormula(SHAPE);

/** A sector's labels over whatever was in the memory before. */
function dirty(id = replica): SectorLabels {
  const labels = new SectorLabels(SHAPE, id);
  for (const layer of labels.layers) layer.fill(0xff);
  return labels;
}

function makeLayer(labels: SectorLabels, number: number, cuts: readonly number[] = []): void {
  const places = [...new Set([0, ...cuts, NODES])].sort((a, b) => a - b);
  for (const [i, from] of places.slice(0, -1).entries()) labels.make(number, from, places[i + 1]!);
}

function refuse(): never {
  throw new RangeError('WebAssembly.Memory(): could not allocate memory');
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('labels of a sector', () => {
  it.each([
    [2 ** 11, 16],
    [2 ** 14, 4],
    [2 ** 16, 2],
  ])('[P10] are the written formula at every node of %i bytes and %i layers', (bytes, layers) => {
    const shape = shapeOf(bytes, layers);
    const labels = new SectorLabels(shape, replica);
    for (let number = 1; number <= layers; number++) labels.make(number, 0, bytes / 32);
    expect(labels.layers).toHaveLength(layers);
    expect(difference(labels.layers, byFormula(shape))).toBe('none');
  });

  it('[P10] are the same in whatever slices they are made', () => {
    const borders = [[1], [31], [32], [33], [31, 32, 33], [1, 2, 34, 66], [63, 95], [NODES - 1]];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: NODES - 1 }), { maxLength: 6 }), (cuts) => {
        const labels = dirty();
        for (const number of [1, 2]) makeLayer(labels, number, cuts);
        expect(difference(labels.layers, expected.slice(0, 2))).toBe('none');
      }),
      { numRuns: 40, examples: borders.map((cuts): [number[]] => [cuts]) },
    );
  });

  it('[P10] of the first layer hang on nothing that another layer left behind', () => {
    const labels = dirty();
    for (const number of [1, 2, 1, 2]) makeLayer(labels, number);
    labels.layers[0]!.fill(0xff);
    makeLayer(labels, 1);
    expect(difference(labels.layers, expected.slice(0, 2))).toBe('none');
  });

  it('[P10] go on after a layer that was read from the disk', () => {
    const labels = dirty();
    labels.layers[2]!.set(expected[2]!);
    makeLayer(labels, 4);
    expect(difference(labels.layers.slice(3), expected.slice(3))).toBe('none');
  });

  it('[P10] of two sectors are made in turns', () => {
    const other = replica.toReversed();
    const [one, two] = [dirty(), dirty(other)];
    for (const number of [1, 2])
      for (let from = 0; from < NODES; from += 100)
        for (const labels of [one, two]) labels.make(number, from, Math.min(NODES, from + 100));
    expect(difference(one.layers, expected.slice(0, 2))).toBe('none');
    expect(difference(two.layers, byFormula(shapeOf(2 ** 14, 2), other))).toBe('none');
  });

  it('[P10] lie beyond 2 GiB as well, where the last layers of a large sector do', () => {
    const BEYOND = 2 ** 31;
    const memory = new wasm.Memory({ initial: (BEYOND + 2 ** 18) / PAGE_BYTES });
    // The first message lies across the border.
    const messages = BEYOND - 256;
    const before = BEYOND + 2 ** 15;
    const layer = BEYOND + 2 ** 16;
    const parents = BEYOND + 2 ** 17;
    const { buffer } = memory;
    writeHeads(new Uint8Array(buffer, messages, MESSAGES_BYTES), replica, 2);
    new Uint8Array(buffer, before).set(expected[0]!);
    writeParents(NODES, new Uint32Array(buffer, parents));
    labelKernel(memory).run(messages, parents, before, layer, 0, NODES);
    const made = new Uint8Array(buffer, layer, SHAPE.sectorBytes);
    expect(difference([made], expected.slice(1, 2))).toBe('none');
  });

  it('are refused where the sector has none', () => {
    const labels = new SectorLabels(SHAPE, replica);
    for (const [number, from, to] of [
      [0, 0, NODES],
      [5, 0, NODES],
      [1, 0, NODES + 1],
      [1, -1, 1],
      [1, 7, 7],
    ] as const)
      expect(() => labels.make(number, from, to)).toThrow(/has no labels/);
  });

  it('are not begun for a shape that nobody can seal, nor without the memory', () => {
    expect(() => new SectorLabels(shapeOf(3000, 4), replica)).toThrow(/No sector has 3000 bytes/);
    vi.spyOn(wasm, 'Memory').mockImplementation(refuse as never);
    expect(() => new SectorLabels(shapeOf(2 ** 27, 16), replica)).toThrow(
      /need 2273 MiB of memory in one piece/,
    );
  });
});
