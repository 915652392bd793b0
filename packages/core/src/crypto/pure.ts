/** Cryptography for browsers and other runtimes: noble for signatures and SHA-256, WebAssembly for the rest. */
import { ed25519 as nobleEd25519 } from '@noble/curves/ed25519.js';
import { secp256k1 as nobleSecp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { concat } from '../bytes.ts';
import { ecvrf } from './ecvrf.ts';
import { isCanonicalEd25519 } from './ed25519-encoding.ts';
import { isCanonicalSignature } from './secp256k1-order.ts';
import type { Crypto } from './types.ts';
import { blake3, keccak256 } from './wasm-hashes.ts';

export { blake3, ecvrf, keccak256 };

export function sha256(data: Uint8Array): Uint8Array {
  return nobleSha256(data);
}

export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

function addressOfPoint(uncompressed: Uint8Array): Uint8Array {
  return keccak256(uncompressed.subarray(1)).slice(12);
}

export const secp256k1: Crypto['secp256k1'] = {
  isSecret: (secret) => nobleSecp256k1.utils.isValidSecretKey(secret),
  addressOf: (secret) => addressOfPoint(nobleSecp256k1.getPublicKey(secret, false)),
  sign(digest, secret) {
    const signed = nobleSecp256k1.sign(digest, secret, {
      prehash: false,
      lowS: true,
      format: 'recovered',
    });
    return concat(signed.subarray(1), Uint8Array.of(27 + signed[0]!));
  },
  recover(digest, signature) {
    if (!isCanonicalSignature(signature)) return undefined;
    try {
      const tagged = concat(Uint8Array.of(signature[64]! - 27), signature.subarray(0, 64));
      const point = nobleSecp256k1.recoverPublicKey(tagged, digest, { prehash: false });
      return addressOfPoint(nobleSecp256k1.Point.fromBytes(point).toBytes(false));
    } catch {
      return undefined;
    }
  },
};

export const ed25519: Crypto['ed25519'] = {
  publicKey: (secret) => nobleEd25519.getPublicKey(secret),
  sign: (message, secret) => nobleEd25519.sign(message, secret),
  verify(signature, message, publicKey) {
    if (!isCanonicalEd25519(signature, publicKey)) return false;
    try {
      return nobleEd25519.verify(signature, message, publicKey, { zip215: false });
    } catch {
      return false;
    }
  },
};
