/** ed25519 by OpenSSL. */
import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { isCanonicalEd25519 } from '../ed25519-encoding.ts';
import type { Crypto } from '../types.ts';
import { constantTimeEqual } from './hash.ts';

/** Parsed keys kept: the active validators and the partners of a busy session, about 1 KB each. */
const KEY_CACHE_SIZE = 4096;
const parsedKeys = new Map<string, KeyObject>();

function parsedPublicKey(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey).toString('base64url');
  const known = parsedKeys.get(x);
  if (known) return known;
  const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
  if (parsedKeys.size >= KEY_CACHE_SIZE) parsedKeys.delete(parsedKeys.keys().next().value!);
  parsedKeys.set(x, key);
  return key;
}

/** DER head of a PKCS#8 ed25519 key (RFC 8410); the 32-byte seed follows it. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * Parsed secrets, by the array that holds them and as long as somebody holds it: to parse one costs
 * ten times what a signature costs, and a validator signs with one key all day.
 */
const parsedSecrets = new WeakMap<
  Uint8Array,
  { readonly copy: Uint8Array; readonly key: KeyObject }
>();

function parsedSecret(secret: Uint8Array): KeyObject {
  const known = parsedSecrets.get(secret);
  // Whoever wipes the array or writes another secret into it must not sign with the old one.
  if (known && constantTimeEqual(known.copy, secret)) return known.key;
  const der = Buffer.concat([PKCS8_HEAD, secret]);
  const key = createPrivateKey({ format: 'der', type: 'pkcs8', key: der });
  parsedSecrets.set(secret, { copy: secret.slice(), key });
  return key;
}

export const ed25519: Crypto['ed25519'] = {
  publicKey(secret) {
    const jwk = createPublicKey(parsedSecret(secret)).export({ format: 'jwk' });
    return new Uint8Array(Buffer.from(jwk.x!, 'base64url'));
  },
  sign: (message, secret) => new Uint8Array(sign(null, message, parsedSecret(secret))),
  verify(signature, message, publicKey) {
    if (!isCanonicalEd25519(signature, publicKey)) return false;
    try {
      return verify(null, message, parsedPublicKey(publicKey), signature);
    } catch {
      return false;
    }
  },
};
