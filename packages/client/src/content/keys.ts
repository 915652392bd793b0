/**
 * Keys of a sealed file, by HKDF-SHA256 (RFC 5869) through WebCrypto:
 *
 *   content key         = HKDF(owner's secret, salt, "palisade/content-key/1"), 32 bytes
 *   file key, key check = HKDF(content key, salt, "palisade/sealed-file/1" || first 8 header bytes), 32 + 32 bytes
 *
 * The owner needs nothing but the account key to open any own file. A share hands on one content
 * key, which opens one file. The key check tells a wrong key from a damaged file, and it commits
 * to the key: AES-GCM alone would let one ciphertext be made that opens under two keys.
 */
import { concat, utf8 } from '@palisade/core';
import { constantTimeEqual } from '@palisade/core/crypto';
import { formatError } from './errors.ts';
import { KEY_CHECK_BYTES } from './format.ts';

/** What seals and opens a file: the owner's secret (derives a key per file) or one file's content key. */
export type FileKey = { readonly ownerSecret: Uint8Array } | { readonly contentKey: Uint8Array };

export const KEY_BYTES = 32;
const CONTENT_KEY_INFO = utf8('palisade/content-key/1');
const FILE_KEY_INFO = utf8('palisade/sealed-file/1');

/** The keys of one file. */
export type FileKeys = {
  readonly contentKey: Uint8Array;
  readonly aes: CryptoKey;
  readonly keyCheck: Uint8Array;
};

/** @throws PalisadeError `content/no-webcrypto` on pages that are not in a secure context */
export function subtle(): SubtleCrypto {
  const found = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (found) return found;
  throw formatError(
    'content/no-webcrypto',
    'This page has no WebCrypto, because browsers offer it in secure contexts only.',
    { next: 'Open the page through https:// or on localhost.' },
  );
}

/** @throws PalisadeError `content/bad-key` when the secret is not 32 bytes */
export async function deriveFileKeys(
  key: FileKey,
  salt: Uint8Array,
  prefix: Uint8Array,
): Promise<FileKeys> {
  const contentKey = await contentKeyOf(key, salt);
  const info = concat(FILE_KEY_INFO, prefix);
  const derived = await hkdf(contentKey, salt, info, KEY_BYTES + KEY_CHECK_BYTES);
  const raw = derived.slice(0, KEY_BYTES);
  const aes = await subtle().importKey('raw', raw, 'AES-GCM', false, ['encrypt', 'decrypt']);
  return { contentKey, aes, keyCheck: derived.slice(KEY_BYTES) };
}

/** @throws PalisadeError `content/wrong-key` */
export function checkKey(keys: FileKeys, expected: Uint8Array): void {
  if (constantTimeEqual(keys.keyCheck, expected)) return;
  throw formatError('content/wrong-key', 'This file was sealed with another key.', {
    next: 'Use the account that stored it, or the share string for exactly this file.',
  });
}

async function contentKeyOf(key: FileKey, salt: Uint8Array): Promise<Uint8Array> {
  if ('contentKey' in key) return checkLength(key.contentKey);
  return hkdf(checkLength(key.ownerSecret), salt, CONTENT_KEY_INFO, KEY_BYTES);
}

function checkLength(secret: Uint8Array): Uint8Array {
  if (secret.length === KEY_BYTES) return secret;
  throw formatError('content/bad-key', `A key has ${KEY_BYTES} bytes, not ${secret.length}.`);
}

async function hkdf(
  secret: Uint8Array,
  salt: Uint8Array,
  info: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  const base = await subtle().importKey('raw', owned(secret), 'HKDF', false, ['deriveBits']);
  const how = { name: 'HKDF', hash: 'SHA-256', salt: owned(salt), info: owned(info) };
  return new Uint8Array(await subtle().deriveBits(how, base, length * 8));
}

/** A copy on memory of its own, which is what WebCrypto's types ask for. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}
