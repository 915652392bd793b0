/** Transactions out of stored blocks, with proofs that they are in them. */
import { equalBytes, isRefusal, PalisadeError } from '@palisade/core';
import {
  BlockTree,
  type Dialect,
  decodeSigned,
  decodeTransaction,
  MAX_BLOCK_TXS,
  type Output,
  type Position,
  placeOf,
  type ReceivedBlock,
  type Signed,
  UNUSED_LEAF,
} from '@palisade/payments';
import { depositTx } from '../ledger/books.ts';
import type { FactOf } from '../root/facts.ts';
import type { BlockStore, TxPlace } from './block-store.ts';

/** Trees that are kept: each takes 4 MB when its block is full; exits come in bunches out of few blocks. */
const KEPT_TREES = 8;

/** A transaction that is in a block, with its proof. */
export type Proven = {
  readonly raw: Uint8Array;
  readonly proof: Uint8Array;
  /** Of its block. */
  readonly root: Uint8Array;
};

export class Transactions {
  private readonly blocks: BlockStore;
  private readonly dialect: Dialect;
  /** The raw transaction of each deposit block. */
  private readonly deposits = new Map<number, Uint8Array>();
  private readonly trees = new Map<number, BlockTree>();

  constructor(blocks: BlockStore, dialect: Dialect) {
    this.blocks = blocks;
    this.dialect = dialect;
  }

  /** Forgets deposits and trees: the root chain may have others under the same numbers. */
  clear(): void {
    this.deposits.clear();
    this.trees.clear();
  }

  noteDeposit({ event }: FactOf<'DepositCreated'>): void {
    const { blknum, depositor, token, amount } = event;
    this.deposits.set(blknum, depositTx(depositor, token, amount));
  }

  /** Where a transaction is included. */
  placeOf(txHash: Uint8Array): TxPlace | undefined {
    return this.blocks.placeOfTx(txHash);
  }

  /** The signed transaction at a place; undefined when it is not there, or a deposit. */
  signedAt(place: TxPlace): Signed | undefined {
    const bytes = this.blocks.transaction(place);
    if (!bytes) return undefined;
    const decoded = decodeSigned(this.dialect, bytes);
    if (isRefusal(decoded)) throw damaged(place.blknum);
    return decoded;
  }

  /** An output that a transaction made, spent or not. */
  outputAt(position: Position): Output | undefined {
    const { blknum, txindex, oindex } = placeOf(position);
    const deposit = this.deposits.get(blknum);
    const decoded = deposit
      ? decodeTransaction(this.dialect, deposit)
      : this.signedAt({ blknum, txindex })?.transaction;
    return decoded === undefined || isRefusal(decoded) ? undefined : decoded.outputs[oindex];
  }

  /** The transaction that made an output, with the proof of its inclusion. */
  proven(position: Position): Proven | undefined {
    const proven = this.at(position);
    return proven?.raw === UNUSED_LEAF ? undefined : proven;
  }

  /** As `proven`; of a place that a block does not use, what its tree has there. */
  at(position: Position): Proven | undefined {
    const { blknum, txindex } = placeOf(position);
    const tree = txindex < MAX_BLOCK_TXS ? this.tree(blknum) : undefined;
    if (!tree) return undefined;
    const deposit = this.deposits.get(blknum);
    const used = deposit && txindex === 0 ? deposit : this.signedAt({ blknum, txindex })?.raw;
    return { raw: used ?? UNUSED_LEAF, proof: tree.proof(txindex), root: tree.root };
  }

  /** Undefined also for a block that was refused because a transaction cannot be read. */
  private tree(blknum: number): BlockTree | undefined {
    const kept = this.trees.get(blknum);
    if (kept) return kept;
    const deposit = this.deposits.get(blknum);
    const block = deposit ? undefined : this.blocks.block(blknum);
    const raws = deposit ? [deposit] : block && this.rawsOf(block);
    if (!raws) return undefined;
    const tree = BlockTree.of(raws);
    // What is not under its root yet may be replaced.
    if (!block || equalBytes(tree.root, block.hash)) this.keep(blknum, tree);
    return tree;
  }

  private rawsOf({ transactions }: ReceivedBlock): readonly Uint8Array[] | undefined {
    const raws: Uint8Array[] = [];
    for (const bytes of transactions) {
      const decoded = decodeSigned(this.dialect, bytes);
      if (isRefusal(decoded)) return undefined;
      raws.push(decoded.raw);
    }
    return raws;
  }

  private keep(blknum: number, tree: BlockTree): void {
    this.trees.set(blknum, tree);
    const [oldest] = this.trees.keys();
    if (this.trees.size > KEPT_TREES) this.trees.delete(oldest!);
  }
}

function damaged(blknum: number): PalisadeError {
  return new PalisadeError({
    code: 'watcher/damaged-store',
    message: `A transaction of block ${blknum} cannot be read.`,
    next: 'Delete the data folder and let the watcher sync again.',
  });
}
