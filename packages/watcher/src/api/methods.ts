/** The watcher's HTTP-RPC (X16). */
import { toHex } from '@palisade/core';
import { type RpcMethod, RpcPage, rpcMethod } from '@palisade/daemon';
import * as z from 'zod';
import { collectEvidence } from '../evidence/collect.ts';
import type { Watch } from '../watch/watch.ts';
import { createMethods } from './create-methods.ts';
import { exitListMethods } from './exit-list.ts';
import { exitMethods } from './exit-methods.ts';
import { historyMethods } from './history-methods.ts';
import { paymentMethods } from './payment-methods.ts';
import { address, none, PAGE_LIMIT, paging, utxoOf } from './shapes.ts';

/** Versions of the contracts, as clients know them. */
const CONTRACTS = { v1: '1.0.5', v2: '2.0.0' } as const;

export function watcherMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return {
    'status.get': rpcMethod(none, () => statusGet(watch)),
    'alarm.get': rpcMethod(none, () => alarms(watch), { byGet: true }),
    'configuration.get': rpcMethod(none, () => configuration(watch), { byGet: true }),
    'evidence.all': rpcMethod(none, () => collectEvidence(watch), { byGet: true }),
    ...accountMethods(watch),
    ...historyMethods(watch),
    ...createMethods(watch),
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
  const validated = watch.mined.get(books.blknum);
  const height = head?.height ?? 0;
  return {
    last_validated_child_block_number: books.blknum,
    last_validated_child_block_timestamp: validated?.seconds ?? 0,
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
  const unwitnessed = watch.unwitnessed();
  return [
    ...(watch.isFresh() ? [] : [{ ethereum_connection_error: {} }]),
    ...(unwitnessed ? [{ unwitnessed }] : []),
  ];
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
