/**
 * A verifiable random function: ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381, 5.5). The holder of an
 * ed25519 key turns any input into 64 bytes that nobody else can foretell, and that everybody can
 * check to be the only ones this key and this input give. An ed25519 signature is no such thing: a
 * signer can make many for one message.
 *
 * Nothing secret depends on the input, so that finding its point (5.4.1.1) may take varying time;
 * what depends on the key is multiplied in constant time.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concat, equalBytes } from '../bytes.ts';
import { isSoundPoint } from './ed25519-encoding.ts';
import type { Ecvrf } from './types.ts';

const { Point } = ed25519;
type Point = InstanceType<typeof Point>;
const L = Point.Fn.ORDER;

const SUITE = 0x03;
/** What a hash is for; a zero byte ends each (5.4.1.1, 5.4.3, 5.2). */
const TO_CURVE = Uint8Array.of(SUITE, 0x01);
const CHALLENGE = Uint8Array.of(SUITE, 0x02);
const OUTPUT = Uint8Array.of(SUITE, 0x03);
const END = Uint8Array.of(0x00);

const POINT_BYTES = 32;
const CHALLENGE_BYTES = 16;
/** Bytes of a proof: a point, a challenge, a scalar. */
const PROOF_BYTES = POINT_BYTES + CHALLENGE_BYTES + 32;
/** Attempts to find a point: each succeeds every other time, so that all fail never happens. */
const MAX_ATTEMPTS = 256;

function readLittleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

function littleEndian(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let rest = value;
  for (let i = 0; i < length; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

/** The point that 32 bytes encode, in the one canonical way; undefined for others. */
function decodePoint(bytes: Uint8Array): Point | undefined {
  try {
    return Point.fromBytes(bytes, false);
  } catch {
    return undefined;
  }
}

function encodeToCurve(publicKey: Uint8Array, alpha: Uint8Array): Point {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const hash = sha512(concat(TO_CURVE, publicKey, alpha, Uint8Array.of(attempt), END));
    const point = decodePoint(hash.subarray(0, POINT_BYTES))?.clearCofactor();
    if (point && !point.is0()) return point;
  }
  throw new Error('ecvrf: no attempt gave a point');
}

function challengeOf(publicKey: Uint8Array, points: readonly Point[]): bigint {
  const parts = points.map((point) => point.toBytes());
  const hash = sha512(concat(CHALLENGE, publicKey, ...parts, END));
  return readLittleEndian(hash.subarray(0, CHALLENGE_BYTES));
}

function outputOf(gamma: Point): Uint8Array {
  return sha512(concat(OUTPUT, gamma.clearCofactor().toBytes(), END));
}

/** a * P - b * Q, of public numbers. */
function difference(a: bigint, p: Point, b: bigint, q: Point): Point {
  return p.multiplyUnsafe(a).subtract(q.multiplyUnsafe(b));
}

export const ecvrf: Ecvrf = {
  prove(secret, alpha) {
    const { scalar, prefix, pointBytes } = ed25519.utils.getExtendedPublicKey(secret);
    const h = encodeToCurve(pointBytes, alpha);
    const gamma = h.multiply(scalar);
    // The nonce of RFC 8032: of the secret's other half and of what is proven.
    const k = readLittleEndian(sha512(concat(prefix, h.toBytes()))) % L;
    const points = [h, gamma, Point.BASE.multiply(k), h.multiply(k)];
    const c = challengeOf(pointBytes, points);
    const s = (k + c * scalar) % L;
    return concat(gamma.toBytes(), littleEndian(c, CHALLENGE_BYTES), littleEndian(s, 32));
  },
  verify(publicKey, alpha, proof) {
    if (publicKey.length !== POINT_BYTES || proof.length !== PROOF_BYTES) return undefined;
    // A key of small order would make the output the same for all inputs (5.4.5).
    if (!isSoundPoint(publicKey)) return undefined;
    const y = decodePoint(publicKey);
    const gamma = decodePoint(proof.subarray(0, POINT_BYTES));
    const challenge = proof.subarray(POINT_BYTES, POINT_BYTES + CHALLENGE_BYTES);
    const s = readLittleEndian(proof.subarray(POINT_BYTES + CHALLENGE_BYTES));
    if (!y || !gamma || s >= L) return undefined;
    const c = readLittleEndian(challenge);
    const h = encodeToCurve(publicKey, alpha);
    const points = [h, gamma, difference(s, Point.BASE, c, y), difference(s, h, c, gamma)];
    const found = littleEndian(challengeOf(publicKey, points), CHALLENGE_BYTES);
    return equalBytes(found, challenge) ? outputOf(gamma) : undefined;
  },
};
