/**
 * By whom outputs were spent, for as long as they can exit, which on the root chain is until an exit of
 * theirs is paid: a challenge names the transaction. 24 bytes a position, and its place in the index.
 */
import { type Position, TX_OFFSET } from '../format/position.ts';
import { grown } from './columns.ts';
import { PositionTable } from './position-table.ts';

/** The transaction that spent an output, and the input of it that did. */
export type Spender = { readonly blknum: number; readonly txindex: number; readonly input: number };

export class SpentOutputs {
  private blocks = new Float64Array(0);
  private places = new Uint32Array(0);
  private readonly table = new PositionTable((capacity) => {
    this.blocks = grown(this.blocks, capacity);
    this.places = grown(this.places, capacity);
  });

  get size(): number {
    return this.table.size;
  }

  get bytes(): number {
    return this.blocks.byteLength + this.places.byteLength + this.table.bytes;
  }

  /** Notes a spend; the first one of a position counts. */
  note(position: Position, { blknum, txindex, input }: Spender): void {
    const slot = this.table.add(position);
    if (slot < 0) return;
    this.blocks[slot] = blknum;
    this.places[slot] = txindex * TX_OFFSET + input;
  }

  spenderOf(position: Position): Spender | undefined {
    const slot = this.table.find(position);
    if (slot < 0) return undefined;
    const place = this.places[slot]!;
    return {
      blknum: this.blocks[slot]!,
      txindex: Math.floor(place / TX_OFFSET),
      input: place % TX_OFFSET,
    };
  }

  /** Its exit was paid: nothing can be challenged any more. */
  forget(position: Position): void {
    const slot = this.table.find(position);
    if (slot >= 0) this.table.remove(slot);
  }
}
