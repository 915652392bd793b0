/**
 * Encodings of ed25519 that implementations disagree about are refused before any of them is
 * asked, so that a transaction is valid on every machine or on none: S not below the group order,
 * y coordinates not below the field prime, and points of small order (RFC 8032, 5.1.7; the list
 * of small-order encodings follows from the curve's torsion subgroup of order 8).
 */
const ORDER_LE = littleEndian(0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn);
const PRIME_LE = littleEndian(0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffedn);
/** y of the eight torsion points; the sign bit of x is masked before comparing. */
const SMALL_ORDER_Y = [
  0n,
  1n,
  0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffecn,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd83d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
].map(littleEndian);

function littleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  let rest = value;
  for (let i = 0; i < 32; i++) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function below(bytes: Uint8Array, bound: Uint8Array, topMask: number): boolean {
  for (let i = 31; i >= 0; i--) {
    const byte = i === 31 ? bytes[i]! & topMask : bytes[i]!;
    if (byte !== bound[i]) return byte < bound[i]!;
  }
  return false;
}

function isSmallOrder(point: Uint8Array): boolean {
  return SMALL_ORDER_Y.some((y) =>
    y.every((byte, i) => byte === (i === 31 ? point[i]! & 0x7f : point[i])),
  );
}

/** Whether 32 bytes are below the prime and encode no point of small order. */
export function isSoundPoint(point: Uint8Array): boolean {
  return below(point, PRIME_LE, 0x7f) && !isSmallOrder(point);
}

/** Whether signature (64 bytes) and key (32 bytes) are encoded in the one accepted way. */
export function isCanonicalEd25519(signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false;
  return (
    below(signature.subarray(32), ORDER_LE, 0xff) &&
    isSoundPoint(signature.subarray(0, 32)) &&
    isSoundPoint(publicKey)
  );
}
