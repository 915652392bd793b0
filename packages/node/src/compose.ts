/**
 * The one place where modules are plugged together: whoever wants to know what happens in a block,
 * and in which order, reads this file. Hooks run in the order of this list.
 */
import {
  accountsModule,
  bondsModule,
  type Genesis,
  genesisHash,
  type JobFileRule,
  type Module,
  ownBond,
  rewardsModule,
  sessionsModule,
  validatorsModule,
} from '@palisade/chain';
import { type Catalogue, catalogue, type Domain, signingDomain } from '@palisade/core';
import { jobs, marketModule, mayBeDrawn, request } from '@palisade/market';
import { paymentsModule } from '@palisade/payments';
import { pledges, powerModule, sectorsKeep, sectorsModule } from '@palisade/power';

export function composeModules(domain: Domain): readonly Module[] {
  const accounts = accountsModule(domain);
  const power = powerModule({
    domain,
    // What a miner has pledged for its sectors answers for whom it lends power to.
    collateral: pledges,
    cannotLeave: sectorsKeep,
    // A gate to the draw, never a weight in it.
    scoreGate: mayBeDrawn,
  });
  // Nobody else is given the capability to change power (P3).
  const sectors = sectorsModule({ domain, minerPower: power.minerPower });
  return [
    accounts,
    sessionsModule,
    // A session's jobs are paid before its fees are shared out.
    marketModule(domain, [
      ...(accounts.commands ?? []),
      ...(power.module.commands ?? []),
      ...(sectors.commands ?? []),
    ]),
    sectors,
    // Outputs are a ledger of their own: no unit moves between them and accounts.
    paymentsModule,
    // Shares out by attendance, which `validators` forgets at the end of the session.
    rewardsModule(power.rewardSink),
    bondsModule([ownBond]),
    // Gives seats away when the fees of the old ones are paid; their holders are told to the engine.
    power.module,
    validatorsModule,
  ];
}

/** Requests make up the job file, which stands first in a block. */
export const jobFileRule: JobFileRule = {
  command: request.name,
  isOnChain: (state, id) => jobs.has(state, id),
};

/** The signing domain of the chain that a genesis document begins. */
export function domainOf(genesis: Genesis): Domain {
  return signingDomain(genesisHash(genesis));
}

/** All commands, for those who only read transactions. */
export function commandCatalogue(domain: Domain): Catalogue {
  const handlers = composeModules(domain).flatMap((module) => module.commands ?? []);
  return catalogue(handlers.map(({ declaration }) => declaration));
}
