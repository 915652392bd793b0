/** Whether the chain would let this partner start another job: asked before anything is promised or sent. */
import { PalisadeError, type Refusal, refuse, type Signer } from '@palisade/core';
import { mayTakeQuery } from '@palisade/market/schema';
import type { Network } from '../network.ts';

export type StandingLimits = (value: bigint) => Promise<Refusal | undefined>;

/** What of an agreement counts against a limit. */
type AgreedTerms = {
  readonly state: string;
  readonly rate: bigint;
  readonly sessions: number;
};

/**
 * Answers why a job that may earn `value` would be refused, in the chain's words, or undefined. What is being uploaded
 * counts as well, because the chain does not know of it yet; open offers do not: most come to nothing.
 */
export function standingLimits({
  network,
  signer,
  agreements,
}: {
  readonly network: Pick<Network, 'find'>;
  readonly signer: Signer;
  readonly agreements: () => Iterable<AgreedTerms>;
}): StandingLimits {
  return async (value) => {
    let load = { agreements: 1, value };
    for (const { state, rate, sessions } of agreements())
      if (state === 'upload' || state === 'starting')
        load = {
          agreements: load.agreements + 1,
          value: load.value + rate * BigInt(sessions),
        };
    try {
      const told = await network.find(mayTakeQuery, { partner: signer.id, ...load });
      if (!told || told.code === '') return undefined;
      return refuse(told.code, told.message, { next: told.next });
    } catch (error) {
      if (!(error instanceof PalisadeError)) throw error;
      const why = `No validator could be asked for this partner's standing: ${error.message}`;
      return refuse('partner/no-validator', why, { retry: 'later' });
    }
  };
}
