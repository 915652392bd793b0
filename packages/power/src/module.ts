/** Power's table. */
import type { Module } from '@palisade/chain';
import type { Domain } from '@palisade/core';
import { totals } from './claims/claim.ts';
import { createMinerHandler } from './claims/create-miner.ts';
import { deregisterMinerHandler, type SectorCheck } from './claims/deregister-miner.ts';
import { type MinerPower, minerPower } from './claims/update-power.ts';
import { forgetPastClaims } from './claims/write-claim.ts';
import { claimEvents } from './events.ts';
import { checkedParams, params, powerParams } from './params.ts';

/** What power needs of the rest of the chain. */
export type PowerOptions = {
  readonly domain: Domain;
  /** Why a miner cannot leave because of its sectors; nothing keeps it where left out. */
  readonly cannotLeave?: SectorCheck;
};

/** The module, and the capability that only the part which checks proofs of storage is given (P3). */
export type Power = { readonly module: Module; readonly minerPower: MinerPower };

/**
 * Power: claims, lending, collators, the draw.
 *
 * @example
 * const power = powerModule({ domain });
 * const modules = [accounts, power.module, sectorsModule({ domain, minerPower: power.minerPower })];
 */
export function powerModule(options: PowerOptions): Power {
  const module: Module = {
    name: 'power',
    commands: [
      createMinerHandler,
      deregisterMinerHandler(options.cannotLeave ?? (() => undefined)),
    ],
    events: claimEvents,
    hooks: {
      genesis({ state }, json) {
        params.set(state, [], checkedParams(powerParams.fromJson(json ?? null, 'power')));
        totals.set(state, [], { raw: 0n, miners: 0n });
      },
      blockEnd: forgetPastClaims,
    },
  };
  return { module, minerPower };
}
