/**
 * The storage provider part: sectors from announcement to end (spec/sectors.md). It alone is given the
 * capability to change power.
 */
import type { Module } from '@palisade/chain';
import { type Domain, type KeyValueReader, type Refusal, refuse } from '@palisade/core';
import type { MinerPower } from '../claims/update-power.ts';
import { beginBlock } from './block.ts';
import { pledges, returnLaterPledges } from './collateral.ts';
import {
  declareFaultsHandler,
  declareRecoveriesHandler,
  terminateHandler,
} from './commands/declare.ts';
import { disputeSealHandler, reportWithheldSealHandler } from './commands/dispute-seal.ts';
import { disputeWindowHandler, reportWithheldHandler } from './commands/dispute-window.ts';
import { preCommitHandler } from './commands/pre-commit.ts';
import { proveCommitHandler } from './commands/prove-commit.ts';
import { proveWindowHandler } from './commands/prove-window.ts';
import { sectorEvents } from './events.ts';
import { sectorsInvariants } from './invariants.ts';
import { checkedParams, params, sectorsParams } from './params.ts';
import { sectorQueries } from './queries.ts';
import { miners, sectors } from './state.ts';

export type SectorsOptions = { readonly domain: Domain; readonly minerPower: MinerPower };

/** Why a miner cannot leave: it has sectors, or pledges that are held still. */
export function sectorsKeep(state: KeyValueReader, miner: Uint8Array): Refusal | undefined {
  const record = miners.get(state, miner);
  if (!record) return undefined;
  const ended = sectors.list(state, miner).next().done === false;
  if (record.live === 0 && !ended && pledges.amount(state, miner) === 0n) return undefined;
  return refuse(
    'sectors/not-empty',
    `${record.live} sectors of this miner, or their pledges, stand.`,
    {
      retry: 'later',
      next: 'Terminate them, or wait until their pledges are free.',
    },
  );
}

export function sectorsModule({ domain, minerPower }: SectorsOptions): Module {
  return {
    name: 'sectors',
    commands: [
      preCommitHandler(minerPower),
      proveCommitHandler(domain, minerPower),
      proveWindowHandler(minerPower),
      declareFaultsHandler(minerPower),
      declareRecoveriesHandler(minerPower),
      terminateHandler(minerPower),
      disputeWindowHandler(minerPower),
      disputeSealHandler(minerPower),
      reportWithheldHandler(domain, minerPower),
      reportWithheldSealHandler(domain, minerPower),
    ],
    queries: sectorQueries,
    events: sectorEvents,
    invariants: sectorsInvariants(minerPower),
    hooks: {
      genesis({ state }, json) {
        params.set(state, [], checkedParams(sectorsParams.fromJson(json ?? null, 'sectors')));
      },
      blockStart: (ctx) => beginBlock(ctx, minerPower),
      sessionEnd: (ctx) => returnLaterPledges(ctx, ctx.session.number + 1n),
    },
  };
}
