/**
 * Cryptography for Node: native secp256k1, OpenSSL for SHA-256 and ed25519, WebAssembly for the rest.
 * Each has a file of its own, so that a thread that only hashes loads no signatures.
 */
export { ecvrf } from '../ecvrf.ts';
export { blake3, keccak256 } from '../wasm-hashes.ts';
export { ed25519 } from './ed25519.ts';
export { constantTimeEqual, sha256 } from './hash.ts';
export { secp256k1 } from './secp256k1.ts';
