/** The labels of a sector while they are made: layer after layer, in one memory with their graph. */
import { PalisadeError } from '@palisade/core';
import { PARENTS, writeParents } from './graph.ts';
import { BATCH, LAYER_OFFSET, labelKernel, MESSAGE_STRIDE } from './label-kernel.ts';
import { NODE_BYTES, nodesOf, type SectorShape } from './shape.ts';

/** Bytes of a page of WebAssembly's memory. */
const PAGE_BYTES = 65_536;
const MESSAGES_BYTES = BATCH * MESSAGE_STRIDE;

/** The part of the JavaScript API of WebAssembly that is used here; the type libraries lack it. */
type Memory = { readonly buffer: ArrayBuffer };
type Kernel = {
  run(
    messages: number,
    parents: number,
    before: number,
    layer: number,
    from: number,
    to: number,
  ): void;
};
const { WebAssembly: wasm } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Memory: new (size: { readonly initial: number }) => Memory;
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (
      module: object,
      imports: { readonly env: { readonly memory: Memory } },
    ) => { readonly exports: Kernel };
  };
};

let compiled: object | undefined;

/**
 * All layers of a sector and 56 bytes a node for its parents; of layers that are not made yet the
 * machine keeps nothing.
 */
export class SectorLabels {
  readonly layers: readonly Uint8Array[];
  readonly #replica: Uint8Array;
  readonly #nodes: number;
  readonly #memory: Memory;
  readonly #kernel: Kernel;
  readonly #firstLayer: number;
  #hasParents = false;

  constructor(shape: Pick<SectorShape, 'sectorBytes' | 'layers'>, replica: Uint8Array) {
    this.#replica = replica;
    this.#nodes = nodesOf(shape);
    this.#firstLayer = MESSAGES_BYTES + this.#nodes * PARENTS * 4;
    const bytes = this.#firstLayer + shape.layers * shape.sectorBytes;
    this.#memory = new wasm.Memory({ initial: Math.ceil(bytes / PAGE_BYTES) });
    compiled ??= new wasm.Module(labelKernel());
    this.#kernel = new wasm.Instance(compiled, { env: { memory: this.#memory } }).exports;
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
    this.#writeHeads(number);
    // Node 0 is its own parent by the table, and stands for zeros there.
    if (from === 0) layer.fill(0, 0, NODE_BYTES);
    const before = number === 1 ? 0 : this.#layerAt(number - 1);
    this.#kernel.run(0, MESSAGES_BYTES, before, this.#layerAt(number), from, to);
  }

  #layerAt(number: number): number {
    return this.#firstLayer + (number - 1) * this.#nodes * NODE_BYTES;
  }

  #writeParents(): void {
    if (this.#hasParents) return;
    writeParents(this.#nodes, new Uint32Array(this.#memory.buffer, MESSAGES_BYTES));
    this.#hasParents = true;
  }

  #writeHeads(number: number): void {
    const messages = new Uint8Array(this.#memory.buffer, 0, MESSAGES_BYTES).fill(0);
    const view = new DataView(this.#memory.buffer);
    for (let at = 0; at < MESSAGES_BYTES; at += MESSAGE_STRIDE) {
      messages.set(this.#replica, at);
      view.setUint32(at + LAYER_OFFSET, number);
    }
  }
}
