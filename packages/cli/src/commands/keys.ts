/** `palisade keys`: keys at rest, encrypted, one file each. */
import { readFile } from 'node:fs/promises';
import { fromHex } from '@palisade/core';
import { atomicWrite, decryptSecret, openKeystore, parseKeystore } from '@palisade/daemon/base';
import { branch, type Context, execute, leaf, type Report } from '../command.ts';
import { newPassphrase, passphraseFor } from '../session/account.ts';
import { type CliConfig, cliConfig } from '../session/config.ts';
import type { Session } from '../session/session.ts';
import { usageError } from '../terminal/print-error.ts';
import { facts, table } from '../terminal/table.ts';

export function keysCommand(context: Context) {
  return branch('keys', 'Make, list, import and export keys')
    .addCommand(newCommand(context))
    .addCommand(listCommand(context))
    .addCommand(importCommand(context))
    .addCommand(exportCommand(context));
}

/** Only what keys need: a settings file that is wrong elsewhere must not lock anybody out. */
function passphraseConfig(
  { world }: Session,
  passphraseFile: string | undefined,
): Pick<CliConfig, 'passphrase' | 'passphraseFile'> {
  const { PALISADE_PASSPHRASE: passphrase, PALISADE_PASSPHRASE_FILE: file } = world.env;
  return cliConfig
    .pick({ passphrase: true, passphraseFile: true })
    .parse({ passphrase, passphraseFile: passphraseFile ?? file });
}

function newCommand(context: Context) {
  return leaf('new', 'Make a key, encrypted with a passphrase', 'palisade keys new alice')
    .argument('<name>', 'lower-case letters, digits, - and _')
    .option('--node', 'a machine key (ed25519) instead of an account (secp256k1)')
    .option('--passphrase-file <path>', 'file with the passphrase (or PALISADE_PASSPHRASE)')
    .action((name, options) =>
      execute(context, options, async (session) => {
        const passphrase = await newPassphrase(
          session.world,
          passphraseConfig(session, options.passphraseFile),
        );
        const store = await openKeystore(session.home.keys);
        const kind = options.node ? 'node' : 'account';
        return made(session, await store.create({ name, kind, passphrase }));
      }),
    );
}

type Made = {
  readonly name: string;
  readonly kind: string;
  readonly publicKey: string;
  readonly address: string | undefined;
};

function made({ home }: Session, { name, kind, publicKey, address }: Made): Report {
  return {
    json: { name, kind, publicKey, ...(address ? { address } : {}) },
    lines: [
      ...facts([
        ['key', `${name} (${kind})`],
        ['address', address],
        ['public key', publicKey],
        ['file', `${home.keys}/${name}.json`],
      ]),
      'Keep a copy of the file: without it, or without its passphrase, the key is gone.',
    ],
  };
}

function listCommand(context: Context) {
  return leaf('list', 'List keys, without any passphrase', 'palisade keys list').action((options) =>
    execute(context, options, async ({ home, paint }) => {
      const store = await openKeystore(home.keys);
      const { keys, damaged } = await store.list();
      const rows = keys.map(({ name, kind, address, publicKey }) => [
        name,
        kind,
        address ?? publicKey,
      ]);
      const columns = [{ title: 'name' }, { title: 'kind' }, { title: 'address or public key' }];
      return {
        json: { keys, damaged },
        lines: [
          ...(rows.length > 0 ? table(columns, rows, paint.bold) : ['There are no keys here.']),
          ...damaged.map(({ file, why }) => `${file} cannot be read: ${why}`),
        ],
      };
    }),
  );
}

/** A secret in hex, or a keystore file: neither comes near. */
const MAX_IMPORT_BYTES = 65_536;

function importCommand(context: Context) {
  return leaf(
    'import',
    'Import a secret: 64 hex digits, or an encrypted key file',
    'palisade keys import alice --file alice.json',
  )
    .argument('<name>', 'what it is called here')
    .option(
      '--file <path>',
      'a file with the secret in hex, or a keystore file; else standard input',
    )
    .option('--node', 'a machine key (ed25519) instead of an account (secp256k1)')
    .option('--passphrase-file <path>', 'file with the passphrase (or PALISADE_PASSPHRASE)')
    .action((name, options) =>
      execute(context, options, async (session) => {
        const { world, home } = session;
        const text = options.file
          ? await readFile(options.file, 'utf8')
          : new TextDecoder().decode(await world.stdin(MAX_IMPORT_BYTES));
        const config = passphraseConfig(session, options.passphraseFile);
        const isEncrypted = text.trimStart().startsWith('{');
        const passphrase = isEncrypted
          ? await passphraseFor(world, config, 'Passphrase of the file: ')
          : await newPassphrase(world, config);
        const secret = isEncrypted
          ? await decryptSecret(parseKeystore(text), passphrase)
          : secretOf(text);
        const store = await openKeystore(home.keys);
        const kind = options.node ? 'node' : 'account';
        return made(session, await store.import({ name, kind, passphrase, secret }));
      }),
    );
}

function secretOf(text: string): Uint8Array {
  const digits = text.trim().toLowerCase().replace(/^0x/, '');
  if (/^[0-9a-f]{64}$/.test(digits)) return fromHex(digits);
  throw usageError('That is no secret.', 'Give 64 hex digits, or an encrypted key file.');
}

function exportCommand(context: Context) {
  return leaf(
    'export',
    'Print the encrypted file of a key; it opens with the same passphrase',
    'palisade keys export alice -o alice.json',
  )
    .argument('<name>', 'of the key')
    .option('-o, --output <path>', 'a file to write to; it must not exist')
    .action((name, options) =>
      execute(context, options, async ({ home }) => {
        const text = await (await openKeystore(home.keys)).export(name);
        if (options.output === undefined)
          return { json: JSON.parse(text), lines: [text.trimEnd()] };
        await atomicWrite(options.output, text, { mode: 0o600, overwrite: false });
        return { json: { name, file: options.output }, lines: [`Written to ${options.output}.`] };
      }),
    );
}
