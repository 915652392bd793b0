/** Ids of transactions that were acknowledged and wait for a block, so that `pending` means something. */
import { toBinaryString } from '@palisade/core';

/** Ids remembered at most: a full mempool of 5 000 and two job files of 4 000, rounded up. */
const MAX_REMEMBERED = 16_384;

export class Acknowledged {
  private readonly ids = new Set<string>();

  add(id: Uint8Array): void {
    for (const oldest of this.ids) {
      if (this.ids.size < MAX_REMEMBERED) break;
      this.ids.delete(oldest);
    }
    this.ids.add(toBinaryString(id));
  }

  has(id: Uint8Array): boolean {
    return this.ids.has(toBinaryString(id));
  }
}
