import { hexToBytes } from '@noble/hashes/utils.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../bytes.ts';
import * as node from './node/index.ts';
import { ecvrf, ed25519 } from './pure.ts';

/** RFC 9381, Appendix B.3, examples 16 to 18. */
const PUBLISHED = [
  {
    secret: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    alpha: '',
    proof:
      '8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805',
    beta: '90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae',
  },
  {
    secret: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    alpha: '72',
    proof:
      'f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02',
    beta: 'eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031',
  },
  {
    secret: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    alpha: 'af82',
    proof:
      '9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e',
    beta: '645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c452118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f',
  },
].map((example) => ({
  secret: hexToBytes(example.secret),
  alpha: hexToBytes(example.alpha),
  proof: hexToBytes(example.proof),
  beta: hexToBytes(example.beta),
}));

const [first] = PUBLISHED;
const key = ed25519.publicKey(first!.secret);
/** The order of the group, little-endian. */
const L = hexToBytes('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/** s + L: another number for the same point. */
function plusOrder(scalar: Uint8Array): Uint8Array {
  let carry = 0;
  return scalar.map((byte, i) => {
    const sum = byte + L[i]! + carry;
    carry = sum >> 8;
    return sum & 0xff;
  });
}

describe('the verifiable random function', () => {
  it('[P8] reproduces the published examples, proof and output', () => {
    for (const { secret, alpha, proof, beta } of PUBLISHED) {
      expect(toHex(ecvrf.prove(secret, alpha))).toBe(toHex(proof));
      expect(toHex(ecvrf.verify(ed25519.publicKey(secret), alpha, proof)!)).toBe(toHex(beta));
      expect(node.ecvrf).toBe(ecvrf);
    }
  });

  it('[P8] what one key proves, everybody can check, and under no other key or input', () => {
    const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes32, fc.uint8Array({ maxLength: 70 }), (secret, alpha) => {
        const proof = ecvrf.prove(secret, alpha);
        expect(ecvrf.verify(ed25519.publicKey(secret), alpha, proof)).toHaveLength(64);
        expect(ecvrf.verify(key, alpha, proof)).toBeUndefined();
        expect(
          ecvrf.verify(ed25519.publicKey(secret), Uint8Array.of(...alpha, 0), proof),
        ).toBeUndefined();
      }),
      { numRuns: 5 },
    );
  });

  it('[P8] a flipped bit anywhere in a proof makes it worthless', () => {
    const { alpha, proof } = first!;
    for (let at = 0; at < proof.length; at += 3) {
      const bent = proof.slice();
      bent[at]! ^= 1 << (at % 8);
      expect(ecvrf.verify(key, alpha, bent)).toBeUndefined();
    }
  });

  it('[P8] a scalar not below the order of the group is a second form of a proof, and refused', () => {
    const { alpha, proof } = first!;
    const second = new Uint8Array([...proof.subarray(0, 48), ...plusOrder(proof.subarray(48))]);
    expect(ecvrf.verify(key, alpha, second)).toBeUndefined();
  });

  it('[P8] keys of small order and points beyond the prime prove nothing', () => {
    const { alpha, proof } = first!;
    const identity = new Uint8Array(32);
    identity[0] = 1;
    const smallOrder = hexToBytes(
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    );
    const beyond = new Uint8Array(32).fill(0xff);
    beyond[31] = 0x7f;
    for (const bad of [identity, smallOrder, beyond, new Uint8Array(32), new Uint8Array(31)]) {
      expect(ecvrf.verify(bad, alpha, proof)).toBeUndefined();
      const withGamma = new Uint8Array([...bad, ...proof.subarray(32)]);
      expect(ecvrf.verify(key, alpha, withGamma)).toBeUndefined();
    }
    expect(ecvrf.verify(key, alpha, proof.subarray(1))).toBeUndefined();
  });
});
