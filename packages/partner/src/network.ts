/** What a partner needs of the client SDK, and no more. */
import type { ChainClient, ChainEvent, Environment, Included, Posted } from '@palisade/client';

/** The part of `ChainClient` that a partner uses. */
export type Network = Pick<
  ChainClient,
  | 'directory'
  | 'domain'
  | 'status'
  | 'params'
  | 'session'
  | 'find'
  | 'post'
  | 'submit'
  | 'waitFor'
  | 'events'
  | 'block'
  | 'payoutFile'
>;

/** Waits for a transaction's block, handing it over again should its validator be gone. */
export function untilIncluded(
  network: Network,
  posted: Posted,
  signal: AbortSignal,
): Promise<Included> {
  const resend = () => network.submit(posted.envelope);
  return network.waitFor(posted.id, { resend, signal });
}

export type { ChainEvent, Environment };

/** A validator whose key is known: only such can be held to its word. */
export type ValidatorEntry = {
  /** ed25519 key, 32 bytes. */
  readonly nodeKey: Uint8Array;
  /** Base URL of its API, without a slash at the end. */
  readonly url: string;
};

/** Validators that give work now, as far as is known; passive ones would only name these. */
export function workingValidators({ directory }: Pick<Network, 'directory'>): ValidatorEntry[] {
  return directory
    .list()
    .flatMap(({ nodeKey, url, seat }) =>
      nodeKey === undefined || seat === 'excluded' || seat === 'passive' ? [] : [{ nodeKey, url }],
    );
}
