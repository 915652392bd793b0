/**
 * Cryptography for Node: the native secp256k1 (14 000 recoveries a second and core, against 380
 * of the pure one) and OpenSSL for SHA-256 and ed25519. Where no native build fits the machine,
 * secp256k1 falls back to the pure implementation, never to the package's own slow one.
 */

import type { KeyObject } from 'node:crypto';
import {
  createPrivateKey,
  createPublicKey,
  hash,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { createRequire } from 'node:module';
import { ecvrf } from './ecvrf.ts';
import { isCanonicalEd25519 } from './ed25519-encoding.ts';
import * as pure from './pure.ts';
import { isCanonicalSignature } from './secp256k1-order.ts';
import type { Crypto } from './types.ts';
import { blake3, keccak256 } from './wasm-hashes.ts';

export { blake3, ecvrf, keccak256 };

/** By way of a binary string: the library is four times as fast with it as with a new buffer. */
export function sha256(data: Uint8Array): Uint8Array {
  const digest = hash('sha256', data, 'binary');
  const bytes = new Uint8Array(32);
  for (let i = 0; i < 32; i++) bytes[i] = digest.charCodeAt(i);
  return bytes;
}

export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

type NativeSecp256k1 = {
  privateKeyVerify(secret: Uint8Array): boolean;
  publicKeyCreate(secret: Uint8Array, compressed: boolean): Uint8Array;
  ecdsaSign(digest: Uint8Array, secret: Uint8Array): { signature: Uint8Array; recid: number };
  ecdsaRecover(
    signature: Uint8Array,
    recid: number,
    digest: Uint8Array,
    compressed: boolean,
    output: Uint8Array,
  ): Uint8Array;
};

function loadNative(): NativeSecp256k1 | undefined {
  try {
    return createRequire(import.meta.url)('secp256k1/bindings') as NativeSecp256k1;
  } catch {
    return undefined;
  }
}

function nativeSecp256k1(native: NativeSecp256k1): Crypto['secp256k1'] {
  /** What native code is given lies outside the heap: made once, not moved there at every call. */
  const place = {
    digest: new Uint8Array(new ArrayBuffer(32)),
    signature: new Uint8Array(new ArrayBuffer(64)),
    point: new Uint8Array(new ArrayBuffer(65)),
  };
  const addressOfPoint = (uncompressed: Uint8Array) =>
    keccak256(uncompressed.subarray(1)).slice(12);
  return {
    isSecret: (secret) => secret.length === 32 && native.privateKeyVerify(secret),
    addressOf: (secret) => addressOfPoint(native.publicKeyCreate(secret, false)),
    sign(digest, secret) {
      const signed = native.ecdsaSign(digest, secret);
      const bytes = new Uint8Array(65);
      bytes.set(signed.signature);
      bytes[64] = 27 + signed.recid;
      return bytes;
    },
    recover(digest, signature) {
      if (!isCanonicalSignature(signature) || digest.length !== 32) return undefined;
      place.digest.set(digest);
      place.signature.set(signature.subarray(0, 64));
      const recid = signature[64]! - 27;
      try {
        native.ecdsaRecover(place.signature, recid, place.digest, false, place.point);
        return addressOfPoint(place.point);
      } catch {
        return undefined;
      }
    },
  };
}

const native = loadNative();
export const secp256k1: Crypto['secp256k1'] = native ? nativeSecp256k1(native) : pure.secp256k1;

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
