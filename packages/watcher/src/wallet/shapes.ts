/** What a wallet reads of a watcher's answers. */
import { fromHex } from '@palisade/core';
import * as z from 'zod';
import { DANGER_LEVELS } from '../danger/levels.ts';

const hex = z
  .string()
  .regex(/^0x(?:[0-9a-f]{2})*$/)
  .transform((text) => text as `0x${string}`);
const address = hex.refine((text) => text.length === 42);
const uint = z.bigint().min(0n);

export const exitable = z.array(
  z.object({ utxo_pos: uint, owner: address, currency: address, amount: uint }),
);
export const contractsOf = z.object({
  contract_addr: z.object({
    plasma_framework: address,
    eth_vault: address,
    erc20_vault: address,
    payment_exit_game: address,
  }),
});
export const exitData = z.object({ utxo_pos: uint, txbytes: hex, proof: hex });
export const challengeData = z.object({
  exit_id: uint,
  exiting_tx: hex,
  txbytes: hex,
  input_index: uint,
  sig: hex,
});
export const submitted = z.object({ blknum: uint, txindex: uint, txhash: hex });
export const spending = z.object({
  allowed: z.boolean(),
  code: z.string().optional(),
  reason: z.string().optional(),
  next: z.string().optional(),
});
export const fees = z.record(
  z.string(),
  z.array(z.looseObject({ currency: address, amount: uint })),
);
export const inFlightData = z.object({
  in_flight_tx: hex,
  input_txs: z.array(hex),
  input_utxos_pos: z.array(uint),
  input_txs_inclusion_proofs: z.array(hex),
  in_flight_tx_sigs: z.array(hex),
});

const listed = z.object({
  kind: z.enum(['standard', 'in-flight']),
  exit_id: uint,
  state: z.enum(['open', 'challenged', 'omitted', 'deleted', 'finalized']),
  /** How dangerous it is, and by which events. */
  danger: z.string().max(20),
  events: z.array(z.string().max(100)).max(100),
  eth_height: uint,
  /** Unix seconds after which it can be paid. */
  scheduled_finalization_time: uint.nullable(),
  /** Of a standard exit. */
  ...{ utxo_pos: uint.optional(), owner: address.optional() },
  ...{ currency: address.optional(), amount: uint.optional() },
  /** Of an in-flight exit. */
  ...{ txhash: hex.optional(), txbytes: hex.optional(), is_canonical: z.boolean().optional() },
  piggybacked_inputs: z.array(uint).max(5).optional(),
  piggybacked_outputs: z.array(uint).max(5).optional(),
});
export const listedExits = z.array(listed).max(200);
export type ListedExit = z.output<typeof listed>;

/** What `/status` says that people are shown; what else it says is passed on. */
export const status = z.looseObject({
  danger: z.object({
    level: z.enum(DANGER_LEVELS),
    reasons: z.array(z.string().max(100)).max(100),
    advice: z.string().max(500),
  }),
  synced: z.boolean(),
  mode: z.string().max(100),
  spending,
  childBlock: uint,
  rootHeight: uint.nullable(),
  openExits: uint,
  challenger: z
    .looseObject({
      address: z.string().max(100),
      /** Wei; unknown until the root chain has been read. */
      balance: z
        .string()
        .regex(/^\d{1,78}$/)
        .optional(),
    })
    .nullable(),
});
export type WatcherStatus = z.output<typeof status>;

/** Documents as they are: who relies on one checks it (`parseEvidence`). */
export const documents = z.array(z.record(z.string(), z.unknown()));

export const bytesOf = (text: string): Uint8Array => fromHex(text);
