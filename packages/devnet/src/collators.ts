/**
 * The validators of a development network register as collators by themselves, each with a bond and
 * the consent of its key on the root chain: who is drawn is up to the power that partners lend.
 */
import { connect } from '@palisade/client';
import { accountSigner, digestOf, PalisadeError } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import type { DaemonContext } from '@palisade/daemon';
import { collatorQuery, powerParamsQuery, registerCollator, rootKeyConsent } from '@palisade/power';
import { collatorsOf, type Network, type NodeIdentity } from './network.ts';

/** Share of its rewards that a collator here keeps: 10 %, parts per million. */
const COMMISSION_PPM = 100_000;

/** Sees to it in the background: nothing waits for it, and the first block least of all. */
export function registerCollators(
  { signal, log, onStop }: DaemonContext,
  network: Network,
  urls: readonly string[],
): void {
  const chain = connect({ urls });
  const register = async (validator: NodeIdentity) => {
    const nodeKey = ed25519.publicKey(validator.nodeSecret);
    const known = await chain.find(collatorQuery, { nodeKey });
    if (known?.collator.registered === 1 || signal.aborted) return;
    const [{ candidacyBond }, domain] = await Promise.all([
      chain.query(powerParamsQuery, {}),
      chain.domain(),
    ]);
    const rootKey = accountSigner(validator.rootSecret);
    const consent = await rootKey.sign(digestOf(rootKeyConsent, { nodeKey }, domain));
    await chain.send(
      registerCollator,
      {
        ...{ nodeKey, rootKey: rootKey.id, consent, name: validator.name },
        ...{ bond: candidacyBond, commissionPpm: COMMISSION_PPM },
      },
      accountSigner(validator.accountSecret),
      { signal },
    );
  };
  const all = collatorsOf(network).map((validator) =>
    register(validator).catch((error: unknown) => {
      const isKnown = error instanceof PalisadeError && error.code === 'power/collator-known';
      if (!signal.aborted && !isKnown)
        log.warn('a validator did not become a collator', { name: validator.name, err: error });
    }),
  );
  onStop('collators', async () => void (await Promise.all(all)));
}
