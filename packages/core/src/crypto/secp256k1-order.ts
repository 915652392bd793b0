/** Half the order of secp256k1, big-endian: a signature whose s is above it is malleable (EIP-2). */
export const HALF_ORDER = Uint8Array.of(
  0x7f,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0xff,
  0x5d,
  0x57,
  0x6e,
  0x73,
  0x57,
  0xa4,
  0x50,
  0x1d,
  0xdf,
  0xe9,
  0x2f,
  0x46,
  0x68,
  0x1b,
  0x20,
  0xa0,
);

/** Whether a 65-byte signature r || s || v has a low s and a v of 27 or 28. */
export function isCanonicalSignature(signature: Uint8Array): boolean {
  if (signature.length !== 65) return false;
  const v = signature[64]!;
  if (v !== 27 && v !== 28) return false;
  for (let i = 0; i < 32; i++) {
    const difference = signature[32 + i]! - HALF_ORDER[i]!;
    if (difference !== 0) return difference < 0;
  }
  return true;
}
