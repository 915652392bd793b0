/** Power's table. */
import type { CommandHandler, Module, Offence, RewardSink } from '@palisade/chain';
import type { Domain } from '@palisade/core';
import { cancelSlashHandler } from './backing/cancel-slash.ts';
import { payBacker, payRest, shareWithBackers } from './backing/rewards.ts';
import { type Collateral, carryOutSlashes, noteOffence, slashBacker } from './backing/slash.ts';
import { WALK, walkOn } from './backing/walk.ts';
import { totals } from './claims/claim.ts';
import { createMinerHandler } from './claims/create-miner.ts';
import { delegateHandler } from './claims/delegate.ts';
import { deregisterMinerHandler, type SectorCheck } from './claims/deregister-miner.ts';
import { undelegateHandler } from './claims/undelegate.ts';
import { type MinerPower, minerPower } from './claims/update-power.ts';
import { forgetPastClaims } from './claims/write-claim.ts';
import { addBondHandler } from './collators/add-bond.ts';
import { freeBonds, type VirtualStake } from './collators/bond.ts';
import { leaveCollatorsHandler } from './collators/leave-collators.ts';
import { registerCollatorHandler } from './collators/register-collator.ts';
import { forgetBackers } from './collators/remove-collator.ts';
import { drawWhenDue, forgetDraws } from './draw/draws.ts';
import { forgetPastLines, type ScoreGate, takeSnapshot } from './draw/snapshot.ts';
import { backingEvents, claimEvents, collatorEvents, seatEvents } from './events.ts';
import { powerInvariants } from './invariants.ts';
import { checkedParams, params, powerParams } from './params.ts';
import { powerQueries } from './queries.ts';
import { judgeAttendance } from './seats/attendance.ts';
import { callReserve, replaceSilent } from './seats/reserve.ts';
import { removeRevoked, rotate } from './seats/rotation.ts';

/** What power needs of the rest of the chain. */
export type PowerOptions = {
  readonly domain: Domain;
  /** What answers for miners beside their power; nothing does where left out. */
  readonly collateral?: Collateral;
  /** Why a miner cannot leave because of its sectors; nothing keeps it where left out. */
  readonly cannotLeave?: SectorCheck;
  /** Whether a validator is trusted enough to be drawn; all are where left out. */
  readonly scoreGate?: ScoreGate;
  /** What may stand in for a collator's bond; nothing where left out. */
  readonly virtualStake?: VirtualStake;
};

/**
 * The module; the capability that only the part which checks proofs of storage is given (P3); and
 * the sink through which the session's rewards reach backers.
 */
export type Power = {
  readonly module: Module;
  readonly minerPower: MinerPower;
  readonly rewardSink: RewardSink;
};

const NO_COLLATERAL: Collateral = { amount: () => 0n, slash: () => 0n };

function commandsOf(options: PowerOptions): readonly CommandHandler[] {
  return [
    createMinerHandler,
    deregisterMinerHandler(options.cannotLeave ?? (() => undefined)),
    delegateHandler,
    undelegateHandler,
    registerCollatorHandler(options.domain, options.virtualStake ?? (() => 0n)),
    addBondHandler,
    leaveCollatorsHandler,
    cancelSlashHandler,
  ];
}

/**
 * Power: claims, lending, collators, the draw. It stands behind `rewards` in the composition, which
 * pays by the seats of the session that ends, and before `validators`, which forgets who attended.
 *
 * @example
 * const power = powerModule({ domain, collateral });
 * const modules = [accounts, sectorsModule({ domain, minerPower: power.minerPower }),
 *   rewardsModule(power.rewardSink), bonds, power.module, validatorsModule];
 */
export function powerModule(options: PowerOptions): Power {
  const ports = {
    scoreGate: options.scoreGate ?? (() => true),
    virtualStake: options.virtualStake ?? (() => 0n),
  };
  const visitSlashed = slashBacker(options.collateral ?? NO_COLLATERAL);
  const module: Module = {
    name: 'power',
    provenStores: ['snapshot'],
    commands: commandsOf(options),
    queries: powerQueries,
    events: [...claimEvents, ...collatorEvents, ...seatEvents, ...backingEvents],
    invariants: powerInvariants,
    hooks: {
      genesis(ctx, json) {
        params.set(ctx.state, [], checkedParams(powerParams.fromJson(json ?? null, 'power')));
        totals.set(ctx.state, [], {
          raw: 0n,
          miners: 0n,
          collators: 0n,
          registrations: 0n,
          removals: 0n,
        });
      },
      blockStart(ctx) {
        drawWhenDue(ctx, options.domain);
        replaceSilent(ctx);
      },
      blockEnd(ctx) {
        walkOn(
          ctx,
          ({ kind }) => (kind === WALK.slash ? visitSlashed : payBacker),
          (_, walk) => (walk.kind === WALK.reward ? payRest(ctx, walk) : undefined),
        );
        forgetPastClaims(ctx);
        forgetBackers(ctx);
      },
      sessionEnd(ctx) {
        judgeAttendance(ctx);
        carryOutSlashes(ctx);
        freeBonds(ctx);
        removeRevoked(ctx);
        takeSnapshot(ctx, ports);
        rotate(ctx);
        forgetPastLines(ctx);
        forgetDraws(ctx);
      },
      offence(ctx, offence: Offence) {
        // Badly attended sessions are judged when they end.
        if (offence.fractionPpm === 0) return;
        noteOffence(ctx, offence);
        callReserve(ctx, offence.validator);
      },
    },
  };
  return { module, minerPower, rewardSink: shareWithBackers };
}
