/** Positions by slots: the key columns that ledger and spent memory have in common. */
import { BLOCK_OFFSET, type Position } from '../format/position.ts';
import { grown, Slots } from './columns.ts';
import { mix, OpenIndex } from './open-index.ts';

const BLOCK = BigInt(BLOCK_OFFSET);
/** In the block column of a slot that holds nothing. */
const FREE = -1;

export class PositionTable {
  private blocks = new Float64Array(0);
  private places = new Uint32Array(0);
  private readonly slots: Slots;
  private readonly index = new OpenIndex((slot) => hash(this.blocks[slot]!, this.places[slot]!));
  private block = 0;
  private place = 0;
  private readonly isSought = (slot: number): boolean =>
    this.places[slot] === this.place && this.blocks[slot] === this.block;

  /** @param grow gives the owner's columns room for that many slots */
  constructor(grow: (capacity: number) => void) {
    this.slots = new Slots((capacity) => {
      this.blocks = grown(this.blocks, capacity);
      this.places = grown(this.places, capacity);
      grow(capacity);
    });
  }

  get size(): number {
    return this.slots.used;
  }

  get bytes(): number {
    return this.blocks.byteLength + this.places.byteLength + this.index.bytes;
  }

  reserve(count: number): void {
    this.slots.reserve(count);
    this.index.reserve(count);
  }

  private seek(position: Position): void {
    this.block = Number(position / BLOCK);
    this.place = Number(position % BLOCK);
  }

  /** The slot of a position, or -1. */
  find(position: Position): number {
    this.seek(position);
    return this.index.find(hash(this.block, this.place), this.isSought);
  }

  /** A slot for a position, or -1 when it has one. */
  add(position: Position): number {
    this.seek(position);
    return this.addParts(this.block, this.place);
  }

  /** As `add`, of a position that was never one number. */
  addParts(block: number, place: number): number {
    this.block = block;
    this.place = place;
    const key = hash(block, place);
    if (this.index.find(key, this.isSought) >= 0) return -1;
    const slot = this.slots.take();
    this.blocks[slot] = block;
    this.places[slot] = place;
    this.index.add(key, slot);
    return slot;
  }

  remove(slot: number): void {
    this.index.remove(slot);
    this.blocks[slot] = FREE;
    this.slots.give(slot);
  }

  position(slot: number): Position {
    return BigInt(this.blocks[slot]!) * BLOCK + BigInt(this.places[slot]!);
  }

  /** All slots that hold something, in no order that means anything. */
  *occupied(): Generator<number> {
    for (let slot = 0; slot < this.slots.end; slot++) if (this.blocks[slot] !== FREE) yield slot;
  }
}

function hash(block: number, place: number): number {
  const high = Math.floor(block / 2 ** 32);
  return mix(mix(block >>> 0) ^ mix(place) ^ high);
}
