// The rules around the formats: what is refused, and why.
import { fromHex, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verifyMerkleProof } from '../merkle.ts';
import { duplicateVoteEvidence, evidenceFault, isEvidenceExpired } from './evidence.ts';
import { dataHash, headerAppHashProof, headerHash, txHash, txProof } from './hashes.ts';
import type { BlockId, Header, Vote } from './messages.ts';
import { blockMessage, headerMessage, NIL_BLOCK_ID } from './messages.ts';
import {
  consensusParamsFault,
  DEFAULT_CONSENSUS_PARAMS,
  maxDataBytes,
  txBytes,
  updateConsensusParams,
} from './params.ts';
import { validatorAddress, verifyConsensusSignature, voteSignBytes } from './sign-bytes.ts';
import {
  MAX_TOTAL_POWER,
  newValidatorSet,
  rotateProposer,
  updateValidatorSet,
} from './validator-set.ts';

const secretOf = (index: number) => new Uint8Array(32).fill(index + 1);
const keyOf = (index: number) => ed25519.publicKey(secretOf(index));
const setOfPowers = (...powers: bigint[]) =>
  newValidatorSet(powers.map((power, index) => ({ publicKey: keyOf(index), power })));

describe('validator sets', () => {
  const set = setOfPowers(5n, 7n, 7n);

  it.each([
    [
      'the same key twice',
      [
        { publicKey: keyOf(0), power: 1n },
        { publicKey: keyOf(0), power: 2n },
      ],
      /twice/,
    ],
    ['a removal of a stranger', [{ publicKey: keyOf(8), power: 0n }], /not in the set/],
    ['negative power', [{ publicKey: keyOf(0), power: -1n }], /negative/],
    ['a key of the wrong length', [{ publicKey: new Uint8Array(31), power: 1n }], /32 bytes/],
    ['power beyond int64 / 8', [{ publicKey: keyOf(0), power: MAX_TOTAL_POWER + 1n }], /too much/],
    [
      'a total beyond int64 / 8',
      [{ publicKey: keyOf(0), power: MAX_TOTAL_POWER - 3n }],
      /total power/,
    ],
    ['an empty set', [0, 1, 2].map((i) => ({ publicKey: keyOf(i), power: 0n })), /no validator/],
  ])('refuse %s', (_, updates, reason) => {
    expect(() => updateValidatorSet(set, updates)).toThrow(reason);
  });

  it('may swap all members at once', () => {
    const next = updateValidatorSet(set, [
      ...[0, 1, 2].map((index) => ({ publicKey: keyOf(index), power: 0n })),
      { publicKey: keyOf(9), power: 3n },
    ]);
    expect(next.validators.map(({ publicKey }) => toHex(publicKey))).toEqual([toHex(keyOf(9))]);
  });

  it('give turns in proportion to power: in as many turns as there is power, each its share', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(1n, 30n), { minLength: 1, maxLength: 6 }), (powers) => {
        let turning = setOfPowers(...powers);
        const total = Number(turning.totalPower);
        // The first full cycle begins with everyone at zero, so it comes out exact.
        const turns = new Map<string, bigint>();
        for (let turn = 0; turn < total; turn++) {
          const key = toHex(turning.proposer.publicKey);
          turns.set(key, (turns.get(key) ?? 0n) + 1n);
          turning = rotateProposer(turning, 1);
        }
        for (const { publicKey, power } of turning.validators) {
          const had = turns.get(toHex(publicKey)) ?? 0n;
          expect(had >= power - 1n && had <= power + 1n).toBe(true);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('consensus parameters', () => {
  const params = DEFAULT_CONSENSUS_PARAMS;

  it('stay as they are without an update, and change by whole sections', () => {
    expect(updateConsensusParams(params, undefined, 3n)).toBe(params);
    const next = updateConsensusParams(params, { version: { app: 2n } }, 3n);
    expect(next).toEqual({ ...params, version: { app: 2n } });
  });

  it('refuse what CometBFT refuses', () => {
    const refused = (update: Parameters<typeof updateConsensusParams>[1], reason: RegExp) =>
      expect(() => updateConsensusParams(params, update, 3n)).toThrow(reason);
    refused({ block: { maxBytes: 0n, maxGas: -1n } }, /maxBytes/);
    refused({ block: { maxBytes: 1000n, maxGas: -2n } }, /maxGas/);
    refused({ block: { maxBytes: 1000n, maxGas: -1n } }, /evidence.maxBytes/);
    refused({ evidence: { ...params.evidence, maxAgeNumBlocks: 0n } }, /maxAgeNumBlocks/);
    refused({ evidence: { ...params.evidence, maxAgeDurationNs: 0n } }, /maxAgeDurationNs/);
    refused({ validator: { pubKeyTypes: ['secp256k1'] } }, /ed25519/);
    refused({ abci: { voteExtensionsEnableHeight: -1n } }, /negative/);
    refused({ abci: { voteExtensionsEnableHeight: 0n } }, /stay on/);
    refused({ abci: { voteExtensionsEnableHeight: 9n } }, /stay on/);
    const off = { ...params, abci: { voteExtensionsEnableHeight: 0n } };
    const on = (height: bigint) =>
      updateConsensusParams(off, { abci: { voteExtensionsEnableHeight: height } }, 3n);
    expect(() => on(3n)).toThrow(/later height/);
    expect(consensusParamsFault(on(4n))).toBeUndefined();
  });

  it('leave a block room for exactly what its encoding takes', () => {
    const txs = [0, 1, 127, 128, 16_383, 16_384].map((length) => new Uint8Array(length).fill(7));
    const empty = blockMessage.decode(new Uint8Array());
    const bare = blockMessage.encode(empty).length;
    const full = blockMessage.encode({ ...empty, txs }).length;
    // The data message's own length prefix grows from one byte to three.
    expect(full - bare - 2).toBe(txs.reduce((sum, tx) => sum + txBytes(tx), 0));
    const tiny = { ...params, block: { maxBytes: 800n, maxGas: -1n } };
    expect(() => maxDataBytes(tiny, 0, 4)).toThrow(/no room/);
  });
});

describe('signatures and proofs', () => {
  it('follow ZIP-215 where strict ed25519 refuses: a key and R of small order, S of zero', () => {
    // ZIP-215, "Specification": any A and R that decode are allowed, and 8 S B = 8 R + 8 k A holds here.
    const identity = fromHex(`0x01${'00'.repeat(31)}`);
    const signature = new Uint8Array(64);
    signature[0] = 1;
    const message = new Uint8Array([1, 2, 3]);
    expect(ed25519.verify(signature, message, identity)).toBe(false);
    expect(verifyConsensusSignature(signature, message, identity)).toBe(true);
    const plain = ed25519.sign(message, secretOf(0));
    expect(verifyConsensusSignature(plain, message, keyOf(0))).toBe(true);
    expect(verifyConsensusSignature(plain, new Uint8Array([1]), keyOf(0))).toBe(false);
    expect(verifyConsensusSignature(plain.slice(1), message, keyOf(0))).toBe(false);
  });

  it('prove the app hash of a header', () => {
    const header: Header = {
      ...headerMessage.decode(new Uint8Array()),
      appHash: new Uint8Array(32).fill(9),
      validatorsHash: new Uint8Array(32),
    };
    const leaf = new Uint8Array([0x0a, 32, ...header.appHash]);
    const proof = headerAppHashProof(header);
    expect(verifyMerkleProof(headerHash(header), leaf, proof)).toBe(true);
    const other = { ...header, appHash: new Uint8Array(32).fill(8) };
    expect(verifyMerkleProof(headerHash(other), leaf, proof)).toBe(false);
  });

  it('prove a transaction of a block', () => {
    const txs = [1, 2, 3].map((value) => new Uint8Array([value]));
    const proof = txProof(txs, 1);
    expect(verifyMerkleProof(dataHash(txs), txHash(txs[1]!), proof)).toBe(true);
    expect(verifyMerkleProof(dataHash(txs), txHash(txs[2]!), proof)).toBe(false);
  });
});

describe('evidence of a duplicate vote', () => {
  const set = setOfPowers(5n, 7n);
  const blockId = (fill: number): BlockId => ({
    hash: new Uint8Array(32).fill(fill),
    partSetHeader: { total: 1, hash: new Uint8Array(32).fill(fill) },
  });
  const vote = (id: BlockId): Vote => {
    const unsigned: Vote = {
      type: 'precommit',
      height: 4n,
      round: 0,
      blockId: id,
      timeNs: 1_000n,
      validatorAddress: validatorAddress(keyOf(0)),
      validatorIndex: 1,
      signature: new Uint8Array(),
      extension: new Uint8Array(),
      extensionSignature: new Uint8Array(),
    };
    return { ...unsigned, signature: ed25519.sign(voteSignBytes('c', unsigned), secretOf(0)) };
  };

  it('holds whichever vote is named first, a vote for nil included', () => {
    for (const other of [blockId(2), NIL_BLOCK_ID]) {
      const forth = duplicateVoteEvidence(vote(blockId(1)), vote(other), 50n, set);
      expect(duplicateVoteEvidence(vote(other), vote(blockId(1)), 50n, set)).toEqual(forth);
      expect(evidenceFault('c', forth, set, 50n)).toBeUndefined();
      expect(evidenceFault('d', forth, set, 50n)).toMatch(/signature/);
    }
  });

  it('is too old only when old in blocks and in time', () => {
    const params = { maxAgeNumBlocks: 10n, maxAgeDurationNs: 100n, maxBytes: 1n };
    const old = (height: bigint, timeNs: bigint) =>
      isEvidenceExpired({ height: 1n, timeNs: 0n }, { height, timeNs }, params);
    expect(old(12n, 101n)).toBe(true);
    expect(old(11n, 101n)).toBe(false);
    expect(old(12n, 100n)).toBe(false);
  });
});
