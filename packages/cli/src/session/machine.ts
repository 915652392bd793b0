/** Keys of machines from the keystore: a validator's own, and the one that a root chain knows it by. */
import { accountSigner, nodeSigner, PalisadeError, type Signer } from '@palisade/core';
import { openKeystore } from '@palisade/daemon';
import { passphraseFor } from './account.ts';
import type { Session } from './session.ts';

/**
 * Unlocks a key of a kind by its name.
 * @throws PalisadeError `cli/other-kind`, `keystore/wrong-passphrase`
 */
export async function unlockKey(
  { world, home, config }: Session,
  name: string,
  kind: 'account' | 'node',
): Promise<Signer> {
  const store = await openKeystore(home.keys);
  const passphrase = await passphraseFor(world, config, `Passphrase of key '${name}': `);
  const unlocked = await store.unlock(name, passphrase);
  if (unlocked.kind === kind)
    return kind === 'node' ? nodeSigner(unlocked.secret) : accountSigner(unlocked.secret);
  throw new PalisadeError({
    code: 'cli/other-kind',
    message: `'${name}' is the key of ${kind === 'node' ? 'an account' : 'a machine'}; the other kind is needed here.`,
    next: kind === 'node' ? 'palisade keys new NAME --node' : 'palisade keys new NAME',
  });
}
