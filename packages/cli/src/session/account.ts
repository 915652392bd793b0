/** Whose account: the funded one of a development network, or a key of the keystore. */
import { readFile } from 'node:fs/promises';
import type { Account } from '@palisade/client';
import { accountSigner, PalisadeError, toHex } from '@palisade/core';
import { type KeyInfo, openKeystore, randomSecret } from '@palisade/daemon/base';
import { usageError } from '../terminal/print-error.ts';
import type { World } from '../terminal/world.ts';
import type { CliConfig } from './config.ts';
import type { Home } from './home.ts';

export type NamedAccount = Account & {
  /** What it is called here. */
  readonly name: string;
  /** `0x` hex. */
  readonly address: string;
};

export function accountOf(name: string, secret: Uint8Array): NamedAccount {
  const signer = accountSigner(secret);
  return { name, signer, ownerSecret: secret, address: toHex(signer.id) };
}

/** Nobody in particular: enough to read what is public or shared. */
export function anonymous(): NamedAccount {
  return accountOf('nobody', randomSecret('account'));
}

/** Account keys of the keystore. */
export async function accountKeys({ keys }: Home): Promise<readonly KeyInfo[]> {
  const store = await openKeystore(keys);
  return (await store.list()).keys.filter(({ kind }) => kind === 'account');
}

/**
 * Opens the account key that is meant.
 * @throws PalisadeError `cli/no-key`, `cli/which-key`, `keystore/wrong-passphrase`
 */
export async function unlockAccount(
  world: World,
  home: Home,
  config: CliConfig,
): Promise<NamedAccount> {
  const name = config.key ?? onlyOne(await accountKeys(home));
  return accountOf(name, await unlockSecret(world, home, config, name, 'account'));
}

/**
 * The secret of a key of a kind; nobody is asked for the passphrase of one that is not there.
 * @throws PalisadeError `cli/other-kind`, `keystore/no-such-key`, `keystore/wrong-passphrase`
 */
export async function unlockSecret(
  world: World,
  { keys }: Home,
  config: CliConfig,
  name: string,
  wanted: 'account' | 'node',
): Promise<Uint8Array> {
  const store = await openKeystore(keys);
  const { kind } = await store.info(name);
  if (kind !== wanted)
    throw new PalisadeError({
      code: 'cli/other-kind',
      message: `'${name}' is the key of ${wanted === 'node' ? 'an account' : 'a machine'}; the other kind is needed here.`,
      next: `palisade keys list shows those that there are; palisade keys new NAME${wanted === 'node' ? ' --node' : ''} makes one.`,
    });
  const passphrase = await passphraseFor(world, config, `Passphrase of key '${name}': `);
  return (await store.unlock(name, passphrase)).secret;
}

function onlyOne(keys: readonly KeyInfo[]): string {
  if (keys.length === 1) return keys[0]!.name;
  if (keys.length === 0)
    throw new PalisadeError({
      code: 'cli/no-key',
      message: 'There is no account key here yet.',
      next: 'palisade keys new NAME',
    });
  throw new PalisadeError({
    code: 'cli/which-key',
    message: `There are several keys: ${keys.map(({ name }) => name).join(', ')}.`,
    next: 'Say which with --key NAME, or set `key` in the settings.',
  });
}

/** From the variable, a file, or a person who is asked. @throws PalisadeError `cli/usage` */
export async function passphraseFor(
  world: World,
  { passphrase, passphraseFile }: Pick<CliConfig, 'passphrase' | 'passphraseFile'>,
  question: string,
): Promise<string> {
  // A file that was named on purpose counts more than a variable that happens to be there.
  if (passphraseFile !== undefined) {
    const [line = ''] = (await readFile(passphraseFile, 'utf8')).split('\n');
    return line.replace(/\r$/, '');
  }
  if (passphrase !== undefined) return passphrase;
  if (world.isTerminal) return world.ask(question, true);
  throw usageError(
    'A passphrase is needed, and there is no terminal to ask for it.',
    'Set PALISADE_PASSPHRASE, or give --passphrase-file PATH.',
  );
}

/** A new passphrase: a person types it twice. */
export async function newPassphrase(
  world: World,
  config: Pick<CliConfig, 'passphrase' | 'passphraseFile'>,
): Promise<string> {
  const isAsked = config.passphrase === undefined && config.passphraseFile === undefined;
  const first = await passphraseFor(world, config, 'New passphrase: ');
  if (isAsked && (await world.ask('The same again: ', true)) !== first)
    throw usageError('The two passphrases differ.');
  return first;
}
