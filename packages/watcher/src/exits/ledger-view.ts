/** The child chain as exits are judged against it: the ledger, stored blocks, and a block that was refused. */
import { isRefusal } from '@palisade/core';
import {
  type Dialect,
  decodeSigned,
  hashOf,
  type Position,
  type ReceivedBlock,
  TX_TYPE,
} from '@palisade/payments';
import type { BlockStore } from '../blocks/block-store.ts';
import type { Transactions } from '../blocks/transactions.ts';
import type { Books } from '../ledger/books.ts';
import type { ChainView } from './chain-view.ts';
import type { Spend } from './records.ts';

type Included = Omit<Spend, 'visibleAt'>;

/** A block that was refused: its number on the root chain, and what was handed out. */
type RefusedBlock = {
  readonly block: { readonly blknum: number };
  readonly body: ReceivedBlock;
};

/** Spends that were looked up before: each open exit is judged after every block. */
const KEPT_SPENDS = 10_000;

export class LedgerView implements ChainView {
  private readonly books: () => Books;
  private readonly blocks: BlockStore;
  private readonly transactions: Transactions;
  private readonly dialect: Dialect;
  private readonly known = new Map<Position, Included>();
  /** Spends of a block that was refused: its transactions are signed all the same. */
  private refused:
    | { readonly body: ReceivedBlock; readonly spends: Map<Position, Included> }
    | undefined;

  constructor(
    books: () => Books,
    blocks: BlockStore,
    transactions: Transactions,
    dialect: Dialect,
  ) {
    this.books = books;
    this.blocks = blocks;
    this.transactions = transactions;
    this.dialect = dialect;
  }

  /** Forgets spends that were looked up: the root chain may have taken back their blocks. */
  clear(): void {
    this.known.clear();
  }

  get blknum(): number {
    return this.books().blknum;
  }

  has(position: Position): boolean {
    return this.books().ledger.has(position);
  }

  placeOf(txHash: Uint8Array) {
    return this.blocks.placeOfTx(txHash);
  }

  spenderOf(position: Position): Included | undefined {
    // What is unspent, no applied block spends: most exits are right, and need no look at the disk.
    if (this.has(position)) return this.refused?.spends.get(position);
    const known = this.known.get(position);
    if (known) return known;
    const spender = this.blocks.spenderOf(position);
    if (!spender) return this.refused?.spends.get(position);
    const { input, ...place } = spender;
    const signed = this.transactions.signedAt(place);
    const signature = signed?.signatures[input];
    if (!signed || !signature) return undefined;
    const { raw } = signed;
    const found = { txHash: hashOf(raw), raw, input, signature, place };
    if (this.known.size >= KEPT_SPENDS) this.known.clear();
    this.known.set(position, found);
    return found;
  }

  /** Tells of the block at which the ledger stands still, undefined when it does not; whether that is news. */
  setRefused(refused: RefusedBlock | undefined): boolean {
    if (this.refused?.body === refused?.body) return false;
    this.refused = refused && { body: refused.body, spends: this.spendsOf(refused) };
    return true;
  }

  private spendsOf({ block: { blknum }, body }: RefusedBlock): Map<Position, Included> {
    const spends = new Map<Position, Included>();
    for (const [txindex, bytes] of body.transactions.entries()) {
      const signed = decodeSigned(this.dialect, bytes);
      if (isRefusal(signed) || signed.transaction.type !== TX_TYPE.payment) continue;
      const { raw, signatures } = signed;
      for (const [input, position] of signed.transaction.inputs.entries()) {
        const signature = signatures[input];
        if (!signature || spends.has(position)) continue;
        spends.set(position, {
          txHash: hashOf(raw),
          raw,
          input,
          signature,
          place: { blknum, txindex },
        });
      }
    }
    return spends;
  }
}
