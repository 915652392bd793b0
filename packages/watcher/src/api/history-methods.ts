/** Blocks, transactions and deposits, the newest first. */
import { equalBytes, isRefusal, toHex } from '@palisade/core';
import { RpcFailure, type RpcMethod, RpcPage, rpcMethod } from '@palisade/daemon';
import {
  BlockTree,
  CHILD_BLOCK_INTERVAL,
  decodeSigned,
  encodeTransaction,
  hashOf,
  type Output,
  placeOf,
  type Signed,
} from '@palisade/payments';
import * as z from 'zod';
import type { TxPlace } from '../blocks/block-store.ts';
import type { FactOf } from '../root/facts.ts';
import type { Watch } from '../watch/watch.ts';
import { address, hash, none, outputOf, PAGE_LIMIT, paging, seconds, txBytes } from './shapes.ts';

/** A whole block in hex, as `block.validate` takes it. */
const BLOCK_BYTES = 140 * 1024 * 1024;
/** Transactions that one question looks at: as many as a block can have. */
const MAX_WALK = 65_536;
/** As the reference has them. */
const MAX_TX_TYPES = 16;
const DAY_SECONDS = 86_400;

const blknum = z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number);

export function historyMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return { ...blockMethods(watch), ...transactionMethods(watch), ...depositMethods(watch) };
}

function blockMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return {
    'block.validate': rpcMethod(
      z.object({ hash, transactions: z.array(txBytes).max(65_536), number: z.bigint() }),
      (block) => {
        const raws = block.transactions.map((bytes) => {
          const decoded = decodeSigned(watch.parts.dialect, bytes);
          return isRefusal(decoded) ? undefined : encodeTransaction(decoded.transaction);
        });
        if (raws.some((raw) => raw === undefined))
          return new RpcFailure('block.validate:malformed_transaction', 'One cannot be read.');
        const { root } = BlockTree.of(raws.filter((raw) => raw !== undefined));
        if (toHex(root) === toHex(block.hash)) return { valid: true };
        return new RpcFailure('block.validate:invalid_merkle_root', 'The root is another one.');
      },
      { maxBytes: BLOCK_BYTES },
    ),
    'block.get': rpcMethod(
      z.object({ blknum }),
      (params) =>
        blockOf(watch, params.blknum) ??
        new RpcFailure('get_block:block_not_found', 'There is no such block here.'),
    ),
    'block.all': rpcMethod(z.object(paging(PAGE_LIMIT.blocks)), ({ page, limit }) => {
      const newest = watch.books.blknum - (page - 1) * limit * CHILD_BLOCK_INTERVAL;
      const items = Array.from({ length: limit }, (_, i) =>
        blockOf(watch, newest - i * CHILD_BLOCK_INTERVAL),
      );
      return new RpcPage(items.filter(Boolean), page, limit);
    }),
    'stats.get': rpcMethod(none, () => stats(watch)),
  };
}

/** A block that was judged. */
function blockOf(watch: Watch, number: number) {
  const mined = watch.mined.get(number);
  if (!mined || number > watch.books.blknum) return undefined;
  const { blocks, table } = watch;
  const before = blocks.transactionsUpTo(number - CHILD_BLOCK_INTERVAL);
  return {
    blknum: number,
    hash: toHex(mined.root),
    eth_height: table.blockHeights.get(number),
    timestamp: mined.seconds,
    tx_count: blocks.transactionsUpTo(number) - before,
  };
}

/** Figures of all blocks and of the last day, as the reference's info service has them. */
function stats({ blocks, books, mined, findings }: Watch) {
  const [oldest, newest] = [CHILD_BLOCK_INTERVAL, books.blknum];
  const yesterday = (findings.head?.seconds ?? 0) - DAY_SECONDS;
  let first = newest + CHILD_BLOCK_INTERVAL;
  while (first > oldest && (mined.get(first - CHILD_BLOCK_INTERVAL)?.seconds ?? 0) >= yesterday)
    first -= CHILD_BLOCK_INTERVAL;
  const since = (from: number) => {
    const span = (mined.get(newest)?.seconds ?? 0) - (mined.get(from)?.seconds ?? 0);
    const count = (newest - from) / CHILD_BLOCK_INTERVAL + 1;
    const before = blocks.transactionsUpTo(from - CHILD_BLOCK_INTERVAL);
    return {
      blocks: count,
      transactions: blocks.transactionsUpTo(newest) - before,
      interval: count > 1 ? Math.round(span / (count - 1)) : null,
    };
  };
  const [all, day] = [since(oldest), since(first)];
  const both = (name: keyof typeof all) => ({ all_time: all[name], last_24_hours: day[name] });
  return {
    block_count: both('blocks'),
    transaction_count: both('transactions'),
    average_block_interval_seconds: both('interval'),
  };
}

const filters = z.object({
  address: address.optional(),
  blknum: blknum.optional(),
  metadata: hash.optional(),
  txtypes: z.array(z.bigint().min(0n).max(255n).transform(Number)).max(MAX_TX_TYPES).optional(),
  end_datetime: seconds.optional(),
  ...paging(PAGE_LIMIT.transactions),
});
type Filters = z.output<typeof filters>;

function transactionMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  const list = (wanted: Filters) => new RpcPage(pageOf(watch, wanted), wanted.page, wanted.limit);
  return {
    'transaction.all': rpcMethod(filters, list),
    'account.get_transactions': rpcMethod(filters.extend({ address }), list),
    'transaction.get': rpcMethod(z.object({ id: hash }), ({ id }) => {
      const place = watch.transactions.placeOf(id);
      const signed = place && watch.transactions.signedAt(place);
      if (place && signed) return transactionOf(watch, place, signed);
      return new RpcFailure('transaction:not_found', 'There is no such transaction here.');
    }),
  };
}

/** One page of what the filters take, as far as one question may look. */
function pageOf(watch: Watch, { page, limit, ...wanted }: Filters): readonly unknown[] {
  const items: unknown[] = [];
  let [seen, skipped] = [0, 0];
  for (const place of placesOf(watch, wanted)) {
    if (items.length === limit || ++seen > MAX_WALK) break;
    if (!isInTime(watch, place, wanted)) continue;
    const skips = skipped < (page - 1) * limit;
    // What is skipped is only read where its contents decide.
    if (skips && !wanted.metadata && !wanted.txtypes) skipped++;
    else {
      const signed = watch.transactions.signedAt(place);
      if (!signed || !isWanted(signed, wanted)) continue;
      if (skips) skipped++;
      else items.push(transactionOf(watch, place, signed));
    }
  }
  return items;
}

/** Places of transactions in blocks that were judged. */
function* placesOf(
  { blocks, books }: Watch,
  wanted: Pick<Filters, 'address' | 'blknum'>,
): Generator<TxPlace> {
  if (wanted.address) {
    yield* blocks.historyOf(wanted.address);
    return;
  }
  const newest = Math.min(wanted.blknum ?? books.blknum, books.blknum);
  const oldest = wanted.blknum ?? CHILD_BLOCK_INTERVAL;
  for (let at = newest; at >= oldest; at -= CHILD_BLOCK_INTERVAL) {
    const before = blocks.transactionsUpTo(at - CHILD_BLOCK_INTERVAL);
    for (let txindex = blocks.transactionsUpTo(at) - before - 1; txindex >= 0; txindex--)
      yield { blknum: at, txindex };
  }
}

function isInTime(
  { mined, books }: Watch,
  { blknum: at }: TxPlace,
  wanted: Pick<Filters, 'blknum' | 'end_datetime'>,
): boolean {
  const block = mined.get(at);
  // The index is ahead of the books for a while after a start.
  if (!block || at > books.blknum || at !== (wanted.blknum ?? at)) return false;
  return block.seconds <= (wanted.end_datetime ?? block.seconds);
}

function isWanted({ transaction }: Signed, { metadata, txtypes }: Partial<Filters>): boolean {
  if (txtypes && !txtypes.includes(transaction.type)) return false;
  if (!metadata) return true;
  return 'metadata' in transaction && equalBytes(transaction.metadata, metadata);
}

function transactionOf(watch: Watch, place: TxPlace, { transaction, raw }: Signed) {
  const id = toHex(hashOf(raw));
  return {
    txhash: id,
    txindex: place.txindex,
    txtype: transaction.type,
    txbytes: toHex(raw),
    block: blockOf(watch, place.blknum),
    inputs: 'inputs' in transaction ? transaction.inputs.map(inputOf(watch)) : [],
    outputs: transaction.outputs.map((output: Output, oindex) => ({
      ...{ ...place, oindex, otype: output.type },
      ...outputOf(output),
      creating_txhash: id,
    })),
    metadata: 'metadata' in transaction ? toHex(transaction.metadata) : null,
  };
}

/** An input with the output that it spends. */
function inputOf({ transactions }: Watch) {
  return (position: bigint) => {
    const output = transactions.outputAt(position);
    return {
      ...{ ...placeOf(position), utxo_pos: position },
      ...(output ? { otype: output.type, ...outputOf(output) } : {}),
    };
  };
}

function depositMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return {
    'deposit.all': rpcMethod(
      z.object({ address: address.optional(), ...paging(PAGE_LIMIT.blocks) }),
      ({ address: owner, page, limit }) => {
        const wanted = owner && toHex(owner);
        const deposits = watch.deposits
          .filter(({ event }) => !wanted || toHex(event.depositor) === wanted)
          .reverse();
        const items = deposits.slice((page - 1) * limit, page * limit).map(depositOf);
        return new RpcPage(items, page, limit);
      },
    ),
  };
}

function depositOf({ event, height, index, txHash }: FactOf<'DepositCreated'>) {
  const { blknum: number, depositor, token, amount } = event;
  const place = { blknum: number, txindex: 0, oindex: 0 };
  return {
    eth_height: height,
    log_index: index,
    root_chain_txhash: toHex(txHash),
    event_type: 'deposit',
    deposit_outputs: [{ ...place, owner: toHex(depositor), currency: toHex(token), amount }],
  };
}
