/**
 * By whom outputs were spent, for as long as they can exit, which on the root chain is until an exit of
 * theirs is paid: a challenge names the transaction. 28 bytes a position, and its place in the index.
 */
import { type Position, TX_OFFSET } from '../format/position.ts';
import { KEY_WORDS, PositionTable } from './position-table.ts';

/** Words of a row behind its key: both halves of the spender's block number, its place and input. */
const HIGH = KEY_WORDS;
const LOW = KEY_WORDS + 1;
const PLACE = KEY_WORDS + 2;
const HALF = 2 ** 32;

/** The transaction that spent an output, and the input of it that did. */
export type Spender = { readonly blknum: number; readonly txindex: number; readonly input: number };

export class SpentOutputs {
  private readonly table = new PositionTable(3);

  get size(): number {
    return this.table.size;
  }

  get bytes(): number {
    return this.table.bytes;
  }

  /** Notes a spend; the first one of a position counts. */
  note(position: Position, { blknum, txindex, input }: Spender): void {
    const row = this.table.add(position);
    if (row < 0) return;
    const { words, width } = this.table.rows;
    words[row * width + HIGH] = Math.floor(blknum / HALF);
    words[row * width + LOW] = blknum >>> 0;
    words[row * width + PLACE] = txindex * TX_OFFSET + input;
  }

  spenderOf(position: Position): Spender | undefined {
    const row = this.table.find(position);
    if (row < 0) return undefined;
    const { words, width } = this.table.rows;
    const place = words[row * width + PLACE]!;
    return {
      blknum: words[row * width + HIGH]! * HALF + words[row * width + LOW]!,
      txindex: Math.floor(place / TX_OFFSET),
      input: place % TX_OFFSET,
    };
  }

  /** Its exit was paid: nothing can be challenged any more. */
  forget(position: Position): void {
    const row = this.table.find(position);
    if (row >= 0) this.table.remove(row);
  }
}
