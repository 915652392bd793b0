/**
 * BLAKE3 and Keccak-256 by hash-wasm: 417 and 184 MB/s at 1 KiB where the pure implementation
 * reaches 15. One reused instance each: hashing is synchronous and never nested.
 */
import { createBLAKE3, createKeccak } from 'hash-wasm';

const blake3Hasher = await createBLAKE3();
const keccakHasher = await createKeccak(256);

export function blake3(data: Uint8Array): Uint8Array {
  return blake3Hasher.init().update(data).digest('binary');
}

export function keccak256(data: Uint8Array): Uint8Array {
  return keccakHasher.init().update(data).digest('binary');
}
