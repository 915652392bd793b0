/** What both implementations of core/crypto offer; `pure.ts` and `node/` are checked against it. */
export type Crypto = {
  /** SHA-256 (FIPS 180-4): 32 bytes. */
  sha256(data: Uint8Array): Uint8Array;
  /** Keccak-256 with Ethereum's padding: 32 bytes. */
  keccak256(data: Uint8Array): Uint8Array;
  /** BLAKE3 with its default output of 32 bytes. */
  blake3(data: Uint8Array): Uint8Array;
  /** Comparison whose time does not depend on where two secrets of equal length differ. */
  constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean;
  secp256k1: Secp256k1;
  ed25519: Ed25519;
  ecvrf: Ecvrf;
};

export type Secp256k1 = {
  /** Whether 32 bytes are a usable secret: between 1 and the group order. */
  isSecret(secret: Uint8Array): boolean;
  /** Ethereum address (20 bytes) of a secret key. */
  addressOf(secret: Uint8Array): Uint8Array;
  /** Signature of a 32-byte digest: r || s || v, 65 bytes, low s, v of 27 or 28. */
  sign(digest: Uint8Array, secret: Uint8Array): Uint8Array;
  /** Address of whoever signed the digest, or undefined when the signature is not canonical or void. */
  recover(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined;
};

export type Ed25519 = {
  /** Public key (32 bytes) of a 32-byte seed (RFC 8032). */
  publicKey(secret: Uint8Array): Uint8Array;
  sign(message: Uint8Array, secret: Uint8Array): Uint8Array;
  /** False, never a throw, for anything malformed or encoded in a second way. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
};

/** ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381, 5.5) with ed25519 keys. */
export type Ecvrf = {
  /** The proof (80 bytes) of what a 32-byte secret makes of an input. */
  prove(secret: Uint8Array, alpha: Uint8Array): Uint8Array;
  /** The output (64 bytes) that a proof shows; undefined, never a throw, where it shows nothing. */
  verify(publicKey: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array | undefined;
};
