/** Keys of machines from the keystore: a validator's own, and the one that a root chain knows it by. */
import { accountSigner, nodeSigner, type Signer } from '@palisade/core';
import { unlockSecret } from './account.ts';
import type { Session } from './session.ts';

/**
 * Unlocks a key of a kind by its name.
 * @throws PalisadeError `cli/other-kind`, `keystore/no-such-key`, `keystore/wrong-passphrase`
 */
export async function unlockKey(
  { world, home, config }: Session,
  name: string,
  kind: 'account' | 'node',
): Promise<Signer> {
  const secret = await unlockSecret(world, home, config, name, kind);
  return kind === 'node' ? nodeSigner(secret) : accountSigner(secret);
}
