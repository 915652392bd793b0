/**
 * Child blocks on disk, with what a challenge has to find in them: who spent an output, and where a transaction
 * is. A block is stored before it is judged, also one that turns out invalid: its transactions can challenge
 * exits all the same.
 */
import {
  concat,
  equalBytes,
  fromBinaryString,
  isRefusal,
  type KeyValueStore,
  PalisadeError,
  readU64be,
  toBinaryString,
  u64be,
  type Write,
} from '@palisade/core';
import {
  CHILD_BLOCK_INTERVAL,
  type ChildBlock,
  type Judging,
  type Opened,
  openTransaction,
  type Position,
  placeOf,
  type ReceivedBlock,
  type Spender,
  spendsOf,
} from '@palisade/payments';

const BLOCK = 'b';
const SPEND = 's';
const TRANSACTION = 't';
/** Transactions that made or spent outputs of an owner, the newest first. */
const OWNER = 'o';
/** How many transactions there are up to a block and in it. */
const COUNT = 'n';
/** Keys of what is newer are smaller: block and place count down from here. */
const LAST = 2n ** 64n - 1n;
const TXS = 65_536n;
const HASH_BYTES = 32;
const TX_OFFSET = 10_000;
const NOTHING = new Uint8Array(0);

/** What of a block is indexed. */
type Indexed = Pick<ChildBlock, 'blknum' | 'transactions'>;

export type TxPlace = { readonly blknum: number; readonly txindex: number };

export class BlockStore {
  private readonly store: KeyValueStore;

  constructor(store: KeyValueStore) {
    this.store = store;
  }

  /** The block as it was received. @throws PalisadeError `watcher/damaged-store` */
  block(blknum: number): ReceivedBlock | undefined {
    const bytes = this.store.get(blockKey(blknum));
    return bytes && decodeBlock(blknum, bytes);
  }

  /** Whether a body is stored. */
  has(blknum: number): boolean {
    return this.store.get(blockKey(blknum)) !== undefined;
  }

  /** One signed transaction of a block, without reading the others. */
  transaction({ blknum, txindex }: TxPlace): Uint8Array | undefined {
    const bytes = this.store.get(blockKey(blknum));
    if (!bytes) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = HASH_BYTES;
    for (let i = 0; i < txindex && at + 2 <= bytes.length; i++) at += 2 + view.getUint16(at);
    if (at + 2 > bytes.length) return undefined;
    return bytes.slice(at + 2, at + 2 + view.getUint16(at));
  }

  /** Stores a body, in place of an earlier one that was wrong. Durable when it resolves. */
  async put(block: ReceivedBlock): Promise<void> {
    await this.store.commit([[blockKey(block.number), encodeBlock(block)]]);
  }

  /** What to write once a block was judged valid. */
  *indexOf(block: Indexed): Generator<Write> {
    for (const { position, spender } of spendsOf(block))
      yield [spendKey(position), encodeSpender(spender)];
    for (const [txindex, opened] of block.transactions.entries()) {
      const place = { blknum: block.blknum, txindex };
      yield [TRANSACTION + toBinaryString(opened.hash), encodePlace(place)];
      for (const owner of ownersOf(opened)) yield [ownerKey(owner, place), NOTHING];
    }
    const before = this.transactionsUpTo(block.blknum - CHILD_BLOCK_INTERVAL);
    const count = BigInt(before + block.transactions.length);
    yield [countKey(block.blknum), u64be(count)];
  }

  /** What to write when the root chain has taken back a block: nothing is found in it any more. */
  *unindexOf(blknum: number, { domain, recover }: Judging): Generator<Write> {
    // A block that was never judged valid has no index, and what it spends an older one may have spent.
    if (this.store.get(countKey(blknum)) === undefined) return;
    const transactions = this.block(blknum)!.transactions.map((bytes) => {
      const opened = openTransaction(domain, bytes, recover);
      if (isRefusal(opened)) throw damaged(blknum);
      return opened;
    });
    for (const [key] of this.indexOf({ blknum, transactions })) yield [key, undefined];
  }

  /** Places of the transactions that made or spent outputs of an owner, the newest first. */
  *historyOf(owner: Uint8Array): Generator<TxPlace> {
    const prefix = OWNER + toBinaryString(owner);
    const first = prefix + toBinaryString(u64be(0n));
    for (const [key] of this.store.range(first, prefix + toBinaryString(u64be(LAST)))) {
      const order = LAST - readU64be(fromBinaryString(key, prefix.length), 0);
      yield { blknum: Number(order / TXS), txindex: Number(order % TXS) };
    }
  }

  /** How many transactions all judged blocks have, up to one and with it. */
  transactionsUpTo(blknum: number): number {
    const bytes = this.store.get(countKey(blknum));
    return bytes ? Number(readU64be(bytes, 0)) : 0;
  }

  spenderOf(position: Position): Spender | undefined {
    const bytes = this.store.get(spendKey(position));
    if (!bytes) return undefined;
    const { blknum, txindex: place } = decodePlace(bytes);
    return { blknum, txindex: Math.floor(place / TX_OFFSET), input: place % TX_OFFSET };
  }

  /** Where a transaction is, by its hash. */
  placeOfTx(hash: Uint8Array): TxPlace | undefined {
    const bytes = this.store.get(TRANSACTION + toBinaryString(hash));
    return bytes && decodePlace(bytes);
  }
}

function blockKey(blknum: number): string {
  return BLOCK + toBinaryString(u64be(BigInt(blknum)));
}

function spendKey(position: Position): string {
  const { blknum, txindex, oindex } = placeOf(position);
  const place = u64be(BigInt(txindex * TX_OFFSET + oindex));
  return SPEND + toBinaryString(concat(u64be(BigInt(blknum)), place));
}

function countKey(blknum: number): string {
  return COUNT + toBinaryString(u64be(BigInt(blknum)));
}

function ownerKey(owner: Uint8Array, { blknum, txindex }: TxPlace): string {
  const order = LAST - (BigInt(blknum) * TXS + BigInt(txindex));
  return OWNER + toBinaryString(concat(owner, u64be(order)));
}

/** Whose outputs a transaction spends or makes, each once. */
function ownersOf({ signers, transaction }: Opened): Iterable<Uint8Array> {
  const owners = [...signers, ...transaction.outputs.map(({ owner }) => owner)];
  return new Map(owners.map((owner) => [toBinaryString(owner), owner])).values();
}

function encodeSpender({ blknum, txindex, input }: Spender): Uint8Array {
  return encodePlace({ blknum, txindex: txindex * TX_OFFSET + input });
}

function encodePlace({ blknum, txindex }: TxPlace): Uint8Array {
  return concat(u64be(BigInt(blknum)), u64be(BigInt(txindex)));
}

function decodePlace(bytes: Uint8Array): TxPlace {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { blknum: Number(view.getBigUint64(0)), txindex: Number(view.getBigUint64(8)) };
}

/** Hash, then each transaction behind its length in two bytes. */
function encodeBlock({ hash, transactions }: ReceivedBlock): Uint8Array {
  const size = transactions.reduce((sum, { length }) => sum + 2 + length, HASH_BYTES);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(hash.subarray(0, HASH_BYTES));
  let at = HASH_BYTES;
  for (const transaction of transactions) {
    view.setUint16(at, transaction.length);
    bytes.set(transaction, at + 2);
    at += 2 + transaction.length;
  }
  return bytes;
}

function decodeBlock(number: number, bytes: Uint8Array): ReceivedBlock {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const transactions: Uint8Array[] = [];
  let at = HASH_BYTES;
  while (at + 2 <= bytes.length) {
    const length = view.getUint16(at);
    transactions.push(bytes.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  if (at !== bytes.length) throw damaged(number);
  return { number, hash: bytes.slice(0, HASH_BYTES), transactions };
}

/** Whether two bodies are the same: one that was judged wrong is not judged again. */
export function isSameBlock(a: ReceivedBlock, b: ReceivedBlock): boolean {
  return (
    a.number === b.number &&
    equalBytes(a.hash, b.hash) &&
    a.transactions.length === b.transactions.length &&
    a.transactions.every((transaction, i) => equalBytes(transaction, b.transactions[i]!))
  );
}

function damaged(blknum: number): PalisadeError {
  return new PalisadeError({
    code: 'watcher/damaged-store',
    message: `Block ${blknum} cannot be read from the data folder.`,
    next: 'Delete the data folder and let the watcher sync again.',
  });
}
