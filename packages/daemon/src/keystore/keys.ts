/** The two kinds of keys: people sign with accounts, machines with node keys. */
import { createECDH, ECDH, randomBytes } from 'node:crypto';
import { PalisadeError, toHex } from '@palisade/core';
import { ed25519, keccak256, secp256k1 } from '@palisade/core/crypto';

/** `account`: secp256k1 with an Ethereum address; `node`: ed25519. */
export type KeyKind = 'account' | 'node';

const SECRET_BYTES = 32;

/** A fresh secret of 32 bytes from the system's random numbers. */
export function randomSecret(kind: KeyKind): Uint8Array {
  for (;;) {
    const secret = new Uint8Array(randomBytes(SECRET_BYTES));
    if (kind === 'node' || secp256k1.isSecret(secret)) return secret; // fails once in 2^128
  }
}

/**
 * The public key: 33 compressed bytes for an account (SEC 1), 32 for a node (RFC 8032).
 * @throws PalisadeError `keystore/bad-secret`, without saying what the bytes were.
 */
export function publicKeyOf(kind: KeyKind, secret: Uint8Array): Uint8Array {
  const fits = secret.length === SECRET_BYTES && (kind === 'node' || secp256k1.isSecret(secret));
  if (!fits) {
    throw new PalisadeError({
      code: 'keystore/bad-secret',
      message: `These bytes are no secret key of kind '${kind}': it takes 32 bytes, and for an account a number between 1 and the order of secp256k1.`,
    });
  }
  if (kind === 'node') return ed25519.publicKey(secret);
  const curve = createECDH('secp256k1');
  curve.setPrivateKey(secret);
  return new Uint8Array(curve.getPublicKey(null, 'compressed'));
}

/** The Ethereum address of an account's public key, `0x` and 40 lower-case digits. */
export function addressOfPublicKey(publicKey: Uint8Array): string {
  const point = ECDH.convertKey(publicKey, 'secp256k1', undefined, undefined, 'uncompressed');
  return toHex(keccak256(new Uint8Array(point as Buffer).subarray(1)).slice(12));
}
