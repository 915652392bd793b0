/**
 * The encrypted form of a key, exactly as ERC-2335 (version 4) describes it, so that the tools of
 * Ethereum's validators can open our files and we theirs:
 *
 *   derived = scrypt or pbkdf2 (passphrase)                            32 bytes
 *   message = AES-128-CTR (derived[0..16], iv, secret)
 *   checksum = SHA-256 (derived[16..32] || message)
 *
 * Pitfall: the checksum covers neither the iv nor the public key. Whoever opens a file must derive
 * the public key from the secret and compare; `keystore.ts` does.
 */
import {
  createCipheriv,
  createDecipheriv,
  pbkdf2,
  randomBytes,
  randomUUID,
  scrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { concat, fromHex, PalisadeError, toHex, utf8 } from '@palisade/core';
import { constantTimeEqual, sha256 } from '@palisade/core/crypto';
import * as z from 'zod';

/** scrypt's n for real keys: the figure of ERC-2335; 256 MB and about a second for each guess. */
export const STANDARD_COST = 2 ** 18;
/** For keys of test networks, whose passphrase protects nothing: 4 MB, a few milliseconds. */
export const LIGHT_COST = 2 ** 12;

const SCRYPT_R = 8;
const SCRYPT_P = 1;
const DERIVED_BYTES = 32;
const SALT_BYTES = 32;
const IV_BYTES = 16;
/** A foreign file chooses the work that we do for it: at most 1 GiB of memory, some 10 s of time. */
const MAX_SCRYPT_BYTES = 2 ** 30;
const MAX_PBKDF2_ROUNDS = 10_000_000;

const hex = z
  .string()
  .regex(/^([0-9a-f]{2})*$/i)
  .max(2048);
const scryptParams = z.object({
  dklen: z.literal(DERIVED_BYTES),
  n: z
    .int()
    .min(2)
    .refine((n) => Number.isInteger(Math.log2(n)), 'n must be a power of two'),
  r: z.int().min(1),
  p: z.int().min(1).max(16),
  salt: hex,
});
const kdf = z.discriminatedUnion('function', [
  z.object({
    function: z.literal('scrypt'),
    params: scryptParams.refine((p) => 128 * p.n * p.r <= MAX_SCRYPT_BYTES, 'needs over 1 GiB'),
    message: z.literal(''),
  }),
  z.object({
    function: z.literal('pbkdf2'),
    params: z.object({
      dklen: z.literal(DERIVED_BYTES),
      c: z.int().min(1).max(MAX_PBKDF2_ROUNDS),
      prf: z.literal('hmac-sha256'),
      salt: hex,
    }),
    message: z.literal(''),
  }),
]);

/** A version 4 keystore; unknown fields are kept, as the standard allows more of them. */
export const keystoreFile = z.looseObject({
  version: z.literal(4),
  uuid: z.uuid(),
  path: z.string().max(256),
  pubkey: hex.optional(),
  description: z.string().max(1024).optional(),
  crypto: z.object({
    kdf,
    checksum: z.object({ function: z.literal('sha256'), params: z.object({}), message: hex }),
    cipher: z.object({
      function: z.literal('aes-128-ctr'),
      params: z.object({ iv: hex.length(IV_BYTES * 2) }),
      message: hex,
    }),
  }),
});
export type KeystoreFile = z.output<typeof keystoreFile>;
type Kdf = z.output<typeof kdf>;

/**
 * Encrypts a secret. `cost` is scrypt's n, a power of two.
 * The result lacks only what says whose key it is: `pubkey` and fields of our own.
 */
export async function encryptSecret(
  secret: Uint8Array,
  passphrase: string,
  { cost = STANDARD_COST, description = '' }: { cost?: number; description?: string } = {},
): Promise<KeystoreFile> {
  const salt = bareHex(randomBytes(SALT_BYTES));
  const params = { dklen: DERIVED_BYTES, n: cost, r: SCRYPT_R, p: SCRYPT_P, salt } as const;
  const chosen = kdf.parse({ function: 'scrypt', params, message: '' });
  const derived = await derive(chosen, passphrase);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-128-ctr', derived.subarray(0, 16), iv);
  const message = concat(cipher.update(secret), cipher.final());
  const checksum = sha256(concat(derived.subarray(16), message));
  derived.fill(0);
  return {
    version: 4,
    uuid: randomUUID(),
    path: '', // our keys are not derived from a tree of keys
    description,
    crypto: {
      kdf: chosen,
      checksum: { function: 'sha256', params: {}, message: bareHex(checksum) },
      cipher: { function: 'aes-128-ctr', params: { iv: bareHex(iv) }, message: bareHex(message) },
    },
  };
}

/**
 * The secret inside a keystore.
 * @throws PalisadeError `keystore/wrong-passphrase`.
 */
export async function decryptSecret(file: KeystoreFile, passphrase: string): Promise<Uint8Array> {
  const { cipher, checksum, kdf: chosen } = file.crypto;
  const derived = await derive(chosen, passphrase);
  const message = fromHex(cipher.message);
  const expected = sha256(concat(derived.subarray(16), message));
  if (!constantTimeEqual(expected, fromHex(checksum.message))) {
    throw new PalisadeError({
      code: 'keystore/wrong-passphrase',
      message:
        'The passphrase does not open this key, or the encrypted part of its file is damaged.',
      next: 'Try again; if you are sure of the passphrase, restore the file from a copy.',
    });
  }
  const iv = fromHex(cipher.params.iv);
  const decipher = createDecipheriv('aes-128-ctr', derived.subarray(0, 16), iv);
  const secret = concat(decipher.update(message), decipher.final());
  derived.fill(0);
  return secret;
}

/**
 * Parses the text of a keystore.
 * @throws PalisadeError `keystore/bad-file` naming what does not fit.
 */
export function parseKeystore(text: string): KeystoreFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw badFile('it is not JSON');
  }
  const parsed = keystoreFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badFile(`${issue!.path.join('.') || 'the whole'}: ${issue!.message}`);
}

function badFile(why: string): PalisadeError {
  return new PalisadeError({
    code: 'keystore/bad-file',
    message: `This is no keystore of version 4: ${why}.`,
    next: 'Restore the file from a copy.',
  });
}

const scryptAsync = promisify<string | Uint8Array, Uint8Array, number, object, Buffer>(scrypt);
const pbkdf2Async = promisify(pbkdf2);

function derive({ function: name, params }: Kdf, passphrase: string): Promise<Uint8Array> {
  const password = passphraseBytes(passphrase);
  const salt = fromHex(params.salt);
  if (name === 'pbkdf2') return pbkdf2Async(password, salt, params.c, params.dklen, 'sha256');
  const { n: N, r, p } = params;
  // OpenSSL refuses beyond `maxmem`; what it needs is the table of n and the p working blocks.
  return scryptAsync(password, salt, params.dklen, { N, r, p, maxmem: 128 * r * (N + p + 4) });
}

/** ERC-2335: NFKD, without the control codes C0, C1 and delete, in UTF-8. */
export function passphraseBytes(passphrase: string): Uint8Array {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
  return utf8(passphrase.normalize('NFKD').replace(/[\u0000-\u001f\u007f-\u009f]/g, ''));
}

function bareHex(bytes: Uint8Array): string {
  return toHex(bytes).slice(2);
}
