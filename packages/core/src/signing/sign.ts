/** Signing and checking envelopes with the two kinds of keys. */
import { ed25519, secp256k1 } from '@palisade/core/crypto';
import { equalBytes } from '../bytes.ts';
import { type Refusal, refuse } from '../errors.ts';
import type { Declaration, SignerKind } from './declaration.ts';
import { type Opened, seal } from './envelope.ts';
import { type Domain, digestOf } from './typed-data.ts';

/** Somebody who can sign: a key in memory, a keystore, a wallet, a remote signer. */
export type Signer = {
  readonly kind: SignerKind;
  /** Address (20 bytes) of an account, public key (32 bytes) of a node. */
  readonly id: Uint8Array;
  /** 65 bytes r || s || v of an account, 64 bytes of a node, over a 32-byte digest. */
  sign(digest: Uint8Array): Promise<Uint8Array>;
};

/** Signs with a secp256k1 secret (32 bytes) held in memory. */
export function accountSigner(secret: Uint8Array): Signer {
  return {
    kind: 'account',
    id: secp256k1.addressOf(secret),
    sign: async (digest) => secp256k1.sign(digest, secret),
  };
}

/** Signs with an ed25519 secret (32 bytes) held in memory. */
export function nodeSigner(secret: Uint8Array): Signer {
  return {
    kind: 'node',
    id: ed25519.publicKey(secret),
    sign: async (digest) => ed25519.sign(digest, secret),
  };
}

/** An envelope signed by `signer`. */
export async function signEnvelope<T>(
  declaration: Declaration<T>,
  value: T,
  domain: Domain,
  signer: Signer,
): Promise<Uint8Array> {
  const signature = await signer.sign(digestOf(declaration, value, domain));
  return seal(declaration, value, domain, signer.id, signature);
}

/** Whether `signature` over `digest` is by `sender`: an address or a node key, told by length. */
export function isSignedBy(digest: Uint8Array, signature: Uint8Array, sender: Uint8Array): boolean {
  if (sender.length === 32) return ed25519.verify(signature, digest, sender);
  const signer = secp256k1.recover(digest, signature);
  return signer !== undefined && equalBytes(signer, sender);
}

/** Checks an opened envelope's signature. */
export function verifyOpened(opened: Opened): Refusal | undefined {
  if (isSignedBy(opened.digest, opened.signature, opened.sender)) return undefined;
  return refuse(
    'envelope/bad-signature',
    `The signature is not that of the stated sender over this ${opened.declaration.name}.`,
    { next: 'Sign the typed data again with the key of the stated sender; s must be low.' },
  );
}
