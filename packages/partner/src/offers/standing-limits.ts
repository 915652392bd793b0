/** Whether the chain would let this partner start another job: asked before anything is promised. */
import { PalisadeError, type Signer } from '@palisade/core';
import { mayTakeQuery } from '@palisade/market/schema';
import type { Network } from '../network.ts';
import type { AgreementBook } from '../records/agreement-book.ts';

export type StandingLimits = (value: bigint) => Promise<string | undefined>;

/**
 * Answers why a job that may earn `value` would be refused, or undefined. What is being uploaded
 * counts as well, because the chain does not know of it yet; open offers do not: most come to nothing.
 */
export function standingLimits({
  network,
  signer,
  book,
}: {
  readonly network: Pick<Network, 'find'>;
  readonly signer: Signer;
  readonly book: AgreementBook;
}): StandingLimits {
  return async (value) => {
    let load = { agreements: 1, value };
    for (const { state, rate, sessions } of book.all())
      if (state === 'upload' || state === 'starting')
        load = {
          agreements: load.agreements + 1,
          value: load.value + rate * BigInt(sessions),
        };
    try {
      const told = await network.find(mayTakeQuery, { partner: signer.id, ...load });
      return told && told.code !== '' ? `${told.message} ${told.next}` : undefined;
    } catch (error) {
      if (!(error instanceof PalisadeError)) throw error;
      return `No validator could be asked: ${error.message}`;
    }
  };
}
