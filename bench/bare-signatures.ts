/** Bare signature checks on this thread: what nobody who verifies can do without. */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { ed25519 } from '@palisade/core/crypto';

type Native = {
  ecdsaSign(digest: Uint8Array, secret: Uint8Array): { signature: Uint8Array; recid: number };
  ecdsaRecover(sig: Uint8Array, recid: number, digest: Uint8Array, compressed: boolean): Uint8Array;
};

/** Different signatures that are checked in turn. */
const CASES = 256;

/** Recovers `count` keys from secp256k1 signatures, by the native library. */
export function bareRecoveries(): (count: number) => void {
  const native = createRequire(import.meta.url)('secp256k1/bindings') as Native;
  const secret = new Uint8Array(32).fill(7);
  const cases = Array.from({ length: CASES }, () => {
    const digest = new Uint8Array(randomBytes(32));
    return { digest, ...native.ecdsaSign(digest, secret) };
  });
  return (count) => {
    for (let i = 0; i < count; i++) {
      const { digest, signature, recid } = cases[i % cases.length]!;
      native.ecdsaRecover(signature, recid, digest, false);
    }
  };
}

/** Verifies `count` ed25519 signatures. */
export function bareVerifications(): (count: number) => void {
  const secret = new Uint8Array(32).fill(7);
  const publicKey = ed25519.publicKey(secret);
  const cases = Array.from({ length: CASES }, () => {
    const digest = new Uint8Array(randomBytes(32));
    return { digest, signature: ed25519.sign(digest, secret) };
  });
  return (count) => {
    for (let i = 0; i < count; i++) {
      const { digest, signature } = cases[i % cases.length]!;
      ed25519.verify(signature, digest, publicKey);
    }
  };
}
