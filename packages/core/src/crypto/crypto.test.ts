import { hexToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../bytes.ts';
import * as node from './node/index.ts';
import * as pure from './pure.ts';

const secret = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .filter((s) => pure.secp256k1.isSecret(s));
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('hashes', () => {
  it('[ENG] reproduce the published digests of the empty string', () => {
    const empty = new Uint8Array();
    expect(toHex(node.sha256(empty))).toBe(
      '0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(toHex(node.keccak256(empty))).toBe(
      '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
    );
    expect(toHex(node.blake3(empty))).toBe(
      '0xaf1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
    );
  });

  it('[ENG] native and pure SHA-256 agree', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        expect(toHex(node.sha256(data))).toBe(toHex(pure.sha256(data)));
      }),
    );
  });
});

describe('account keys', () => {
  it('[P1] native and pure secp256k1 sign alike and recover each other', () => {
    fc.assert(
      fc.property(secret, digest, (key, message) => {
        const signed = node.secp256k1.sign(message, key);
        expect(toHex(signed)).toBe(toHex(pure.secp256k1.sign(message, key)));
        const address = toHex(node.secp256k1.addressOf(key));
        expect(toHex(pure.secp256k1.addressOf(key))).toBe(address);
        expect(toHex(node.secp256k1.recover(message, signed)!)).toBe(address);
        expect(toHex(pure.secp256k1.recover(message, signed)!)).toBe(address);
      }),
      { numRuns: 20 },
    );
  });

  it('[P1] a signature with a high s is refused', () => {
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    fc.assert(
      fc.property(secret, digest, (key, message) => {
        const signed = node.secp256k1.sign(message, key);
        const s = BigInt(toHex(signed.subarray(32, 64)));
        const twin = signed.slice();
        twin.set(hexToBytes((order - s).toString(16).padStart(64, '0')), 32);
        twin[64] = signed[64] === 27 ? 28 : 27;
        expect(node.secp256k1.recover(message, twin)).toBeUndefined();
        expect(pure.secp256k1.recover(message, twin)).toBeUndefined();
      }),
      { numRuns: 20 },
    );
  });
});

describe('node keys', () => {
  it('[ENG] reproduce the first test of RFC 8032, 7.1', () => {
    const seed = hexToBytes('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    expect(toHex(node.ed25519.publicKey(seed))).toBe(
      '0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    );
    const signed = node.ed25519.sign(new Uint8Array(), seed);
    expect(toHex(signed)).toBe(
      '0xe5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    );
    expect(toHex(pure.ed25519.sign(new Uint8Array(), seed))).toBe(toHex(signed));
  });

  it('[P1] a secret that is overwritten in place signs no more', () => {
    const held = new Uint8Array(32).fill(3);
    const before = node.ed25519.publicKey(held);
    node.ed25519.sign(new Uint8Array(), held);
    held.fill(0);
    const signed = node.ed25519.sign(new Uint8Array(), held);
    expect(node.ed25519.verify(signed, new Uint8Array(), before)).toBe(false);
    expect(node.ed25519.verify(signed, new Uint8Array(), node.ed25519.publicKey(held))).toBe(true);
  });

  it('[ENG] both implementations refuse small-order keys, S beyond the order, and foreign bytes', () => {
    const seed = new Uint8Array(32).fill(7);
    const key = node.ed25519.publicKey(seed);
    const message = new Uint8Array([1, 2, 3]);
    const signed = node.ed25519.sign(message, seed);
    const identity = new Uint8Array(32);
    identity[0] = 1;
    const order = 0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3edn;
    const highS = signed.slice();
    let s = 0n;
    for (let i = 63; i >= 32; i--) s = (s << 8n) | BigInt(signed[i]!);
    s += order;
    for (let i = 32; i < 64; i++) {
      highS[i] = Number(s & 255n);
      s >>= 8n;
    }
    for (const { ed25519 } of [node, pure]) {
      expect(ed25519.verify(signed, message, key)).toBe(true);
      expect(ed25519.verify(highS, message, key)).toBe(false);
      expect(ed25519.verify(signed, message, identity)).toBe(false);
      expect(ed25519.verify(signed, new Uint8Array([1]), key)).toBe(false);
      expect(ed25519.verify(signed.subarray(1), message, key)).toBe(false);
    }
  });
});
