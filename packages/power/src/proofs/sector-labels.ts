/** The labels of a sector while they are made: layer after layer, in one memory with their graph. */
import { PalisadeError } from '@palisade/core';
import { PARENTS, writeParents } from './graph.ts';
import { type LabelKernel, labelKernel, MESSAGES_BYTES, writeHeads } from './label-kernel.ts';
import { checkShape, NODE_BYTES, nodesOf, type SectorShape } from './shape.ts';
import { type Memory, PAGE_BYTES, wasm } from './webassembly.ts';

/** The memory: messages, parents, layers, one after another. */
const MESSAGES = 0;
const PARENTS_AT = MESSAGES + MESSAGES_BYTES;

/**
 * Labels of one call of the kernel, which takes a third of a millisecond: an engine begins with code
 * that is some five times as slow, and changes to a better one between two calls only.
 */
const LABELS_A_CALL = 512;

/**
 * All layers of a sector and 56 bytes a node for its parents; of layers that are not made yet the
 * machine keeps nothing.
 */
export class SectorLabels {
  readonly layers: readonly Uint8Array[];
  readonly #replica: Uint8Array;
  readonly #nodes: number;
  readonly #memory: Memory;
  readonly #kernel: LabelKernel;
  readonly #firstLayer: number;
  #hasParents = false;

  /** @throws PalisadeError `power/bad-shape`, `power/too-little-memory` */
  constructor(shape: SectorShape, replica: Uint8Array) {
    checkShape(shape);
    this.#replica = replica;
    this.#nodes = nodesOf(shape);
    this.#firstLayer = PARENTS_AT + this.#nodes * PARENTS * 4;
    this.#memory = memoryOf(this.#firstLayer + shape.layers * shape.sectorBytes);
    this.#kernel = labelKernel(this.#memory);
    this.layers = Array.from(
      { length: shape.layers },
      (_, i) => new Uint8Array(this.#memory.buffer, this.#layerAt(i + 1), shape.sectorBytes),
    );
  }

  /**
   * Makes labels `from` up to (not including) `to` of a layer, counted from 1. Those before them are
   * there, and so is the whole layer before.
   *
   * @throws PalisadeError `power/bad-labels` for a layer or labels that the sector does not have
   */
  make(number: number, from: number, to: number): void {
    const layer = this.layers[number - 1];
    if (!layer || from < 0 || from >= to || to > this.#nodes)
      throw new PalisadeError({
        code: 'power/bad-labels',
        message: `A sector of ${this.layers.length} layers of ${this.#nodes} nodes has no labels ${from} to ${to} of layer ${number}.`,
      });
    this.#writeParents();
    const messages = new Uint8Array(this.#memory.buffer, MESSAGES, MESSAGES_BYTES);
    writeHeads(messages, this.#replica, number);
    // Node 0 is its own parent by the table, and stands for zeros there.
    if (from === 0) layer.fill(0, 0, NODE_BYTES);
    const before = number === 1 ? 0 : this.#layerAt(number - 1);
    for (let next = from; next < to; next += LABELS_A_CALL) {
      const end = Math.min(to, next + LABELS_A_CALL);
      this.#kernel.run(MESSAGES, PARENTS_AT, before, this.#layerAt(number), next, end);
    }
  }

  #layerAt(number: number): number {
    return this.#firstLayer + (number - 1) * this.#nodes * NODE_BYTES;
  }

  #writeParents(): void {
    if (this.#hasParents) return;
    const count = this.#nodes * PARENTS;
    writeParents(this.#nodes, new Uint32Array(this.#memory.buffer, PARENTS_AT, count));
    this.#hasParents = true;
  }
}

function memoryOf(bytes: number): Memory {
  try {
    return new wasm.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
  } catch (cause) {
    throw new PalisadeError({
      code: 'power/too-little-memory',
      message: `Labels of a sector need ${Math.ceil(bytes / 2 ** 20)} MiB of memory in one piece, which this machine does not give.`,
      retry: 'later',
      next: 'Free memory or add some, or raise what a process may have.',
      cause,
    });
  }
}
