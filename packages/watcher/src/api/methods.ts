/** The watcher's HTTP-RPC (X16). */
import { isRefusal, toHex } from '@palisade/core';
import { RpcFailure, type RpcMethod, RpcPage, rpcMethod } from '@palisade/daemon';
import {
  BlockTree,
  decodeSigned,
  encodeTransaction,
  type Output,
  placeOf,
} from '@palisade/payments';
import { z } from 'zod';
import { collectEvidence } from '../evidence/collect.ts';
import type { FactOf } from '../root/facts.ts';
import type { Watch } from '../watch/watch.ts';
import { exitListMethods } from './exit-list.ts';
import { exitMethods } from './exit-methods.ts';
import { paymentMethods } from './payment-methods.ts';
import { address, hash, none, outputOf, PAGE_LIMIT, paging, txBytes, utxoOf } from './shapes.ts';

/** Versions of the contracts, as clients know them. */
const CONTRACTS = { v1: '1.0.5', v2: '2.0.0' } as const;
/** A whole block in hex, as `block.validate` takes it. */
const BLOCK_BYTES = 140 * 1024 * 1024;

export function watcherMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return {
    'status.get': rpcMethod(none, () => statusGet(watch)),
    'alarm.get': rpcMethod(none, () => alarms(watch), { byGet: true }),
    'configuration.get': rpcMethod(none, () => configuration(watch), { byGet: true }),
    'evidence.all': rpcMethod(none, () => collectEvidence(watch), { byGet: true }),
    ...accountMethods(watch),
    ...blockMethods(watch),
    ...exitMethods(watch),
    ...exitListMethods(watch),
    ...paymentMethods(watch),
  };
}

/** Where the last child block that the root chain has is, and the last one that was judged. */
function statusGet(watch: Watch) {
  const { findings, books, follower, table, parts } = watch;
  const { head, events } = findings;
  const mined = watch.lastMined();
  const validated = watch.blockTimes.get(books.blknum);
  const height = head?.height ?? 0;
  return {
    last_validated_child_block_number: books.blknum,
    last_validated_child_block_timestamp: validated ?? 0,
    last_mined_child_block_number: mined?.blknum ?? 0,
    last_mined_child_block_timestamp: mined?.seconds ?? 0,
    last_seen_eth_block_number: height,
    last_seen_eth_block_timestamp: head?.seconds ?? 0,
    contract_addr: {
      plasma_framework: parts.root.contracts.framework,
      eth_vault: parts.root.contracts.ethVault,
      erc20_vault: parts.root.contracts.erc20Vault,
      payment_exit_game: parts.root.contracts.exitGame,
    },
    eth_syncing: !findings.synced,
    byzantine_events: events,
    in_flight_txs: [],
    in_flight_exits: [...table.inFlight.values()]
      .filter(({ status }) => status === 'open')
      .map((exit) => ({
        txhash: toHex(exit.txHash),
        txbytes: toHex(exit.raw),
        eth_height: exit.startedAt,
        piggybacked_inputs: [...exit.piggybackedInputs.keys()],
        piggybacked_outputs: [...exit.piggybackedOutputs.keys()],
      })),
    services_synced_heights: [
      { service: 'root_chain_follower', height: watch.readHeight },
      {
        service: 'block_getter',
        height: follower.waiting > 0 ? books.applied.height : watch.readHeight,
      },
    ],
    danger: findings.danger,
  };
}

function alarms(watch: Watch) {
  const { findings } = watch;
  if (!findings.head) return [{ boot_in_progress: {} }];
  return watch.isFresh() ? [] : [{ ethereum_connection_error: {} }];
}

function configuration({ parts }: Watch) {
  const { finalityMargin, margins, dialect, root } = parts;
  return {
    deposit_finality_margin: finalityMargin,
    contract_semver: CONTRACTS[dialect.name],
    exit_processor_sla_margin: margins.slaBlocks,
    network: `${root.contracts.chainId}`,
  };
}

function accountMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  const exiting = (position: bigint) => watch.table.standardAt(position)?.status === 'open';
  const outputsOf = (owner: Uint8Array) => watch.books.ledger.outputsOf(owner);
  return {
    'account.get_exitable_utxos': rpcMethod(z.object({ address }), (params) =>
      [...outputsOf(params.address)].filter(({ position }) => !exiting(position)).map(utxoOf),
    ),
    'account.get_balance': rpcMethod(z.object({ address }), (params) => {
      const sums = new Map<string, bigint>();
      for (const { output } of outputsOf(params.address)) {
        const token = toHex(output.token);
        sums.set(token, (sums.get(token) ?? 0n) + output.amount);
      }
      return [...sums].map(([currency, amount]) => ({ currency, amount }));
    }),
    'account.get_utxos': rpcMethod(
      z.object({ address, ...paging(PAGE_LIMIT.transactions) }),
      ({ address: owner, page, limit }) => {
        const items: unknown[] = [];
        let seen = 0;
        for (const placed of outputsOf(owner)) {
          if (seen++ < (page - 1) * limit) continue;
          if (items.length === limit) break;
          items.push(utxoOf(placed));
        }
        return new RpcPage(items, page, limit);
      },
    ),
  };
}

function blockMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  const { blocks, transactions, parts } = watch;
  return {
    'block.validate': rpcMethod(
      z.object({ hash, transactions: z.array(txBytes).max(65_536), number: z.bigint() }),
      (block) => {
        const raws = block.transactions.map((bytes) => {
          const decoded = decodeSigned(parts.dialect, bytes);
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
      z.object({
        blknum: z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number),
      }),
      ({ blknum }) => {
        const block = blocks.block(blknum);
        if (!block || blknum > watch.books.blknum)
          return new RpcFailure('get_block:block_not_found', 'There is no such block here.');
        return {
          blknum,
          hash: toHex(block.hash),
          eth_height: watch.table.blockHeights.get(blknum),
          timestamp: watch.blockTimes.get(blknum),
          tx_count: block.transactions.length,
        };
      },
    ),
    'transaction.get': rpcMethod(z.object({ id: hash }), ({ id }) => {
      const place = transactions.placeOf(id);
      const signed = place && transactions.signedAt(place);
      if (!place || !signed)
        return new RpcFailure('transaction:not_found', 'There is no such transaction here.');
      const { transaction } = signed;
      return {
        txhash: toHex(id),
        txindex: place.txindex,
        txtype: transaction.type,
        txbytes: toHex(signed.raw),
        block: { blknum: place.blknum, timestamp: watch.blockTimes.get(place.blknum) },
        inputs: 'inputs' in transaction ? transaction.inputs.map(inputOf) : [],
        outputs: transaction.outputs.map((output: Output, oindex) => ({
          ...{ ...place, oindex, otype: output.type },
          ...outputOf(output),
        })),
        metadata: 'metadata' in transaction ? toHex(transaction.metadata) : null,
      };
    }),
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

function inputOf(position: bigint) {
  return { ...placeOf(position), utxo_pos: position };
}

function depositOf({ event, height, index, txHash }: FactOf<'DepositCreated'>) {
  const { blknum, depositor, token, amount } = event;
  return {
    eth_height: height,
    log_index: index,
    root_chain_txhash: toHex(txHash),
    event_type: 'deposit',
    deposit_outputs: [
      { blknum, txindex: 0, oindex: 0, owner: toHex(depositor), currency: toHex(token), amount },
    ],
  };
}
