/**
 * Keys at rest: one encrypted file for each key, `<name>.json`, in a folder that only its owner
 * may enter. Who reads the folder learns names and public keys, and no secret.
 *
 *   const keys = await openKeystore('/var/lib/palisade/keys');
 *   await keys.create({ name: 'validator', kind: 'node', passphrase });
 *   const { secret } = await keys.unlock('validator', passphrase);
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes, fromHex, PalisadeError, toHex } from '@palisade/core';
import { atomicWrite } from '../files/atomicWrite.ts';
import { ensureDir } from '../files/folders.ts';
import { decryptSecret, encryptSecret, type KeystoreFile, parseKeystore } from './eip2335.ts';
import { addressOfPublicKey, type KeyKind, publicKeyOf, randomSecret } from './keys.ts';

/** What a key's file tells without a passphrase. */
export type KeyInfo = {
  readonly name: string;
  readonly kind: KeyKind;
  /** `0x` hex: 33 bytes for an account, 32 for a node. */
  readonly publicKey: string;
  /** The Ethereum address of an account; undefined for a node key. */
  readonly address: string | undefined;
  readonly description: string;
};

/** `secret` is not enumerable: printing, logging or serialising the object does not show it. */
export type UnlockedKey = KeyInfo & { readonly secret: Uint8Array };

export type NewKey = {
  /** Lower-case letters, digits, `-` and `_`; at most 64. */
  readonly name: string;
  readonly kind: KeyKind;
  /** At least 8 characters. */
  readonly passphrase: string;
  readonly description?: string;
  /** scrypt's n; `STANDARD_COST` unless the key is worth nothing. */
  readonly cost?: number;
};

export type Keystore = {
  /** Makes and stores a key. Never replaces one. */
  create(key: NewKey): Promise<KeyInfo>;
  /** Stores a secret that exists already: 32 bytes, or their hex. Never replaces a key. */
  import(key: NewKey & { readonly secret: Uint8Array | string }): Promise<KeyInfo>;
  /** A key without its secret; `keystore/no-such-key` where there is none. */
  info(name: string): Promise<KeyInfo>;
  /** All keys by name, without any passphrase; files that cannot be read are told apart. */
  list(): Promise<{
    readonly keys: readonly KeyInfo[];
    readonly damaged: readonly { readonly file: string; readonly why: string }[];
  }>;
  /** Opens a key; `keystore/wrong-passphrase` and `keystore/tampered` say why not. */
  unlock(name: string, passphrase: string): Promise<UnlockedKey>;
  /** The encrypted file as text, to be kept or opened elsewhere with the same passphrase. */
  export(name: string): Promise<string>;
};

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Against a slip, not against an attacker: what is shorter is a typing error or a placeholder. */
const MIN_PASSPHRASE_CHARS = 8;
/** Ours take 800 bytes; no keystore of any tool comes near. */
const MAX_FILE_BYTES = 65_536;

/**
 * Opens the folder, making it when there is none.
 * @throws PalisadeError `files/too-open` when others may enter it.
 */
export async function openKeystore(dir: string): Promise<Keystore> {
  await ensureDir(dir, FOLDER_MODE);
  const pathOf = (name: string) => join(dir, `${checkedName(name)}.json`);

  const info = async (name: string): Promise<KeyInfo> =>
    infoOf(name, parseKeystore(await readText(pathOf(name))));

  const store = async (key: NewKey, secret: Uint8Array): Promise<KeyInfo> => {
    const path = pathOf(key.name);
    checkPassphrase(key.passphrase);
    const publicKey = publicKeyOf(key.kind, secret);
    const file = await encryptSecret(secret, key.passphrase, key);
    const whole = { ...file, pubkey: toHex(publicKey).slice(2), kind: key.kind };
    const text = `${JSON.stringify(whole, null, 2)}\n`;
    await atomicWrite(path, text, { mode: FILE_MODE, overwrite: false });
    return infoOf(key.name, whole);
  };

  return {
    create: async (key) => {
      const secret = randomSecret(key.kind);
      return store(key, secret).finally(() => secret.fill(0));
    },
    import: async (key) =>
      store(key, typeof key.secret === 'string' ? ofHex(key.secret) : key.secret),
    export: async (name) => readText(pathOf(name)),
    info,
    list: async () => {
      const keys: KeyInfo[] = [];
      const damaged: { file: string; why: string }[] = [];
      for (const file of (await readdir(dir)).filter((f) => f.endsWith('.json')).sort()) {
        try {
          keys.push(await info(file.slice(0, -'.json'.length)));
        } catch (error) {
          damaged.push({ file, why: (error as Error).message });
        }
      }
      return { keys, damaged };
    },
    unlock: async (name, passphrase) => {
      const file = parseKeystore(await readText(pathOf(name)));
      const info = infoOf(name, file);
      const secret = await decryptSecret(file, passphrase);
      // The file's checksum covers neither iv nor public key; this comparison does.
      if (!belongs(info, secret)) throw tampered(name);
      return Object.defineProperty({ ...info } as UnlockedKey, 'secret', { value: secret });
    },
  };
}

function infoOf(name: string, file: KeystoreFile): KeyInfo {
  const { kind, pubkey } = file;
  const bytes = kind === 'account' ? 33 : 32;
  if ((kind !== 'account' && kind !== 'node') || pubkey?.length !== bytes * 2) {
    throw new PalisadeError({
      code: 'keystore/bad-file',
      message: `The key '${name}' does not say what kind of key it is, or its public key has another size.`,
      next: 'Decrypt it with the tool that made it, and import the secret.',
    });
  }
  const publicKey = fromHex(pubkey);
  return {
    name,
    kind,
    publicKey: toHex(publicKey),
    address: kind === 'account' ? addressOf(name, publicKey) : undefined,
    description: file.description ?? '',
  };
}

function addressOf(name: string, publicKey: Uint8Array): string {
  try {
    return addressOfPublicKey(publicKey);
  } catch {
    throw tampered(name); // not a point of the curve
  }
}

function belongs(info: KeyInfo, secret: Uint8Array): boolean {
  try {
    return equalBytes(publicKeyOf(info.kind, secret), fromHex(info.publicKey));
  } catch {
    return false; // not a secret of that kind at all
  }
}

function tampered(name: string): PalisadeError {
  return new PalisadeError({
    code: 'keystore/tampered',
    message: `The file of key '${name}' was changed: its secret and its public key do not belong together.`,
    next: 'Do not use it. Restore the file from a copy, and find out who changed it.',
  });
}

function checkedName(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) return name;
  throw new PalisadeError({
    code: 'keystore/bad-name',
    message:
      'A key is named by 1 to 64 lower-case letters, digits, - and _, not beginning with a sign.',
  });
}

function checkPassphrase(passphrase: string): void {
  if (passphrase.length >= MIN_PASSPHRASE_CHARS) return;
  throw new PalisadeError({
    code: 'keystore/short-passphrase',
    message: `A passphrase has at least ${MIN_PASSPHRASE_CHARS} characters.`,
  });
}

/** Bytes of a secret in hex. The error of `fromHex` would quote a part of it. */
function ofHex(text: string): Uint8Array {
  try {
    return fromHex(text.trim());
  } catch {
    throw new PalisadeError({
      code: 'keystore/bad-secret',
      message: 'The secret to import is not hex.',
      next: 'Give 64 digits 0-9 and a-f, with or without 0x.',
    });
  }
}

async function readText(path: string): Promise<string> {
  try {
    if ((await stat(path)).size <= MAX_FILE_BYTES) return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new PalisadeError({
      code: 'keystore/no-such-key',
      message: `There is no key file ${path}.`,
      next: 'palisade keys list',
    });
  }
  throw new PalisadeError({
    code: 'keystore/bad-file',
    message: `${path} is larger than ${MAX_FILE_BYTES} bytes: that is no key.`,
  });
}
