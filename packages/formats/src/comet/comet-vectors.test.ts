// Everything here is compared with what CometBFT v0.38.25 itself computed (spec/vectors/comet.json,
// made by packages/formats/test/comet-oracle).
import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { evidenceFault } from './evidence.ts';
import {
  blockIdOf,
  commitHash,
  consensusParamsHash,
  dataHash,
  evidenceHash,
  headerHash,
  resultsHash,
} from './hashes.ts';
import { medianTimeNs } from './median-time.ts';
import type { BlockId, Validator } from './messages.ts';
import {
  blockMessage,
  commitMessage,
  consensusParamsMessage,
  finalizeBlockResponseMessage,
  validatorSetMessage,
} from './messages.ts';
import { DEFAULT_CONSENSUS_PARAMS, maxDataBytes } from './params.ts';
import { extensionSignBytes, validatorAddress, voteSignBytes } from './sign-bytes.ts';
import type { ValidatorSet } from './validator-set.ts';
import {
  newValidatorSet,
  rotateProposer,
  updateValidatorSet,
  validatorSetHash,
} from './validator-set.ts';
import { equalBlockIds, verifyCommit, verifyCommitTrusting } from './verify-commit.ts';

type Id = { hash: string; total: number; partsHash: string };
type Update = { publicKey: string; power: string };
type Dump = {
  validators: { address: string; publicKey: string; power: string; priority: string }[];
  proposer: string;
  totalPower: string;
  hash: string;
};
type Vectors = {
  signBytes: {
    chainId: string;
    height: string;
    round: number;
    timeNs: string;
    blockId: Id;
    extension: string;
    vote: string;
    voteExtension: string;
  }[];
  blocks: {
    chainId: string;
    validatorSet: string;
    validatorsHash: string;
    blocks: {
      block: string;
      id: Id;
      commit: string;
      commitHash: string;
      dataHash: string;
      lastCommitHash: string;
      evidenceHash: string;
      medianTimeNs: string;
    }[];
  };
  validatorTraces: { steps: { updates: Update[] | null; turns: number; set: Dump }[] }[];
  consensusParams: {
    maxBytes: string;
    maxGas: string;
    hash: string;
    encoded: string;
    maxDataBytes?: string;
  }[];
  results: {
    results: { code: number; data: string; gasWanted: string; gasUsed: string }[] | null;
    hash: string;
  }[];
  finalizeBlock: { encoded: string }[];
  times: { votes: (Update & { timeNs: string })[]; medianTimeNs: string }[];
};

const file = new URL('../../../../spec/vectors/comet.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;

function nanoseconds(text: string): bigint {
  const [seconds, nanos] = text.split('.') as [string, string];
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
}
function blockId(id: Id): BlockId {
  return {
    hash: fromHex(id.hash),
    partSetHeader: { total: id.total, hash: fromHex(id.partsHash) },
  };
}
const updates = (list: Update[] | null) =>
  (list ?? []).map(({ publicKey, power }) => ({
    publicKey: fromHex(publicKey),
    power: BigInt(power),
  }));

function dump(set: ValidatorSet): Dump {
  return {
    validators: set.validators.map(({ address, publicKey, power, proposerPriority }) => ({
      address: toHex(address),
      publicKey: toHex(publicKey),
      power: String(power),
      priority: String(proposerPriority),
    })),
    proposer: toHex(set.proposer.address),
    totalPower: String(set.totalPower),
    hash: toHex(validatorSetHash(set)),
  };
}

describe('CometBFT computes the same', () => {
  it('sign bytes of votes and vote extensions, in every corner of time', () => {
    for (const vector of vectors.signBytes) {
      const vote = {
        type: 'precommit' as const,
        height: BigInt(vector.height),
        round: vector.round,
        blockId: blockId(vector.blockId),
        timeNs: nanoseconds(vector.timeNs),
        extension: fromHex(vector.extension),
      };
      expect(toHex(voteSignBytes(vector.chainId, vote))).toBe(vector.vote);
      expect(toHex(extensionSignBytes(vector.chainId, vote))).toBe(vector.voteExtension);
    }
  });

  it('validator sets after random changes and turns: order, priorities, proposer, hash', () => {
    expect(vectors.validatorTraces.length).toBeGreaterThan(5);
    for (const { steps } of vectors.validatorTraces) {
      let set = newValidatorSet(updates(steps[0]!.updates));
      expect(dump(set)).toEqual(steps[0]!.set);
      for (const step of steps.slice(1)) {
        set = rotateProposer(updateValidatorSet(set, updates(step.updates)), step.turns);
        expect(dump(set)).toEqual(step.set);
      }
    }
  });

  it('consensus parameters: hash, encoding, room for transactions', () => {
    for (const { maxBytes, maxGas, hash, encoded, ...rest } of vectors.consensusParams) {
      const params = {
        ...DEFAULT_CONSENSUS_PARAMS,
        block: { maxBytes: BigInt(maxBytes), maxGas: BigInt(maxGas) },
        version: { app: 7n },
      };
      expect(toHex(consensusParamsHash(params))).toBe(hash);
      expect(toHex(consensusParamsMessage.encode(params))).toBe(encoded);
      expect(consensusParamsMessage.decode(fromHex(encoded))).toEqual(params);
      if (rest.maxDataBytes !== undefined) {
        expect(maxDataBytes(params, 1000, 7)).toBe(BigInt(rest.maxDataBytes));
      }
    }
  });

  it('hashes of results', () => {
    for (const { results, hash } of vectors.results) {
      const typed = (results ?? []).map(({ code, data, gasWanted, gasUsed }) => ({
        code,
        data: fromHex(data),
        gasWanted: BigInt(gasWanted),
        gasUsed: BigInt(gasUsed),
      }));
      expect(toHex(resultsHash(typed))).toBe(hash);
    }
  });

  it("an application's answer to a block", () => {
    const [empty, full] = vectors.finalizeBlock.map(({ encoded }) => {
      const decoded = finalizeBlockResponseMessage.decode(fromHex(encoded));
      expect(toHex(finalizeBlockResponseMessage.encode(decoded))).toBe(encoded);
      return decoded;
    });
    expect(empty!.txResults).toEqual([]);
    expect(full).toMatchObject({
      events: [{ type: 'a', attributes: [{ key: 'k', value: '鎖', index: true }, { key: '' }] }],
      txResults: [{ code: 0 }, { code: 5, log: 'l', gasWanted: 2n ** 40n, gasUsed: -1n }],
      validatorUpdates: [{ power: 9n }, { power: 0n }],
      consensusParamUpdates: { version: { app: 3n }, block: undefined },
    });
  });

  it('median times', () => {
    for (const { votes, medianTimeNs: expected } of vectors.times) {
      const validators: Validator[] = votes.map(({ publicKey, power }) => ({
        address: validatorAddress(fromHex(publicKey)),
        publicKey: fromHex(publicKey),
        power: BigInt(power),
        proposerPriority: 0n,
      }));
      const commit = {
        ...commitMessage.decode(new Uint8Array()),
        signatures: votes.map(({ timeNs }, index) => ({
          blockIdFlag: 'commit' as const,
          validatorAddress: validators[index]!.address,
          timeNs: nanoseconds(timeNs),
          signature: new Uint8Array(),
        })),
      };
      expect(medianTimeNs(commit, { validators })).toBe(nanoseconds(expected));
    }
  });
});

describe('a chain of blocks that CometBFT made', () => {
  const { chainId, blocks } = vectors.blocks;
  const set = validatorSetMessage.decode(fromHex(vectors.blocks.validatorSet));

  it('has the validator set hash that its headers name', () => {
    expect(toHex(validatorSetHash(set))).toBe(vectors.blocks.validatorsHash);
  });

  it('decodes to the last byte, encodes to the same bytes, and every hash agrees', () => {
    for (const vector of blocks) {
      const block = blockMessage.decode(fromHex(vector.block));
      expect(toHex(blockMessage.encode(block))).toBe(vector.block);
      expect(equalBlockIds(blockIdOf(block), blockId(vector.id))).toBe(true);
      expect(toHex(headerHash(block.header))).toBe(vector.id.hash);
      expect(toHex(dataHash(block.txs))).toBe(vector.dataHash);
      expect(toHex(evidenceHash(block.evidence))).toBe(vector.evidenceHash);
      expect(toHex(commitHash(block.lastCommit!))).toBe(vector.lastCommitHash);
      const commit = commitMessage.decode(fromHex(vector.commit));
      expect(toHex(commitMessage.encode(commit))).toBe(vector.commit);
      expect(toHex(commitHash(commit))).toBe(vector.commitHash);
      expect(medianTimeNs(commit, set)).toBe(nanoseconds(vector.medianTimeNs));
    }
    expect(blocks.some(({ id }) => id.total > 1)).toBe(true);
  });

  it('has commits that verify, and none of them survives a change', () => {
    for (const vector of blocks) {
      const id = blockId(vector.id);
      const commit = commitMessage.decode(fromHex(vector.commit));
      const check = (changed = commit, forId = id, height = commit.height, chain = chainId) =>
        verifyCommit(chain, set, forId, height, changed);
      expect(check()).toBeUndefined();
      expect(check(commit, id, commit.height, `${chainId}!`)).toMatch(/signature .* is wrong/);
      expect(check(commit, id, commit.height + 1n)).toMatch(/height/);
      expect(check(commit, { ...id, hash: new Uint8Array(32) })).toMatch(/is for block/);
      expect(check({ ...commit, signatures: commit.signatures.slice(1) })).toMatch(/entries/);
      const late = commit.signatures.with(0, {
        ...commit.signatures[0]!,
        timeNs: commit.signatures[0]!.timeNs + 1n,
      });
      expect(check({ ...commit, signatures: late })).toMatch(/signature .* is wrong/);
      const swapped = commit.signatures.with(0, commit.signatures[1]!);
      expect(check({ ...commit, signatures: swapped })).toMatch(/entry 0 is of/);
    }
  });

  it('does not pass with two thirds of the power or less', () => {
    const vector = blocks[0]!;
    const commit = commitMessage.decode(fromHex(vector.commit));
    const absent = {
      blockIdFlag: 'absent' as const,
      validatorAddress: new Uint8Array(),
      timeNs: -62_135_596_800n * 1_000_000_000n,
      signature: new Uint8Array(),
    };
    // Powers are 50, 40, 30, 20, 10: without the first, 100 of 150 sign, which is two thirds exactly.
    const signatures = commit.signatures.with(0, absent);
    const fault = verifyCommit(chainId, set, blockId(vector.id), commit.height, {
      ...commit,
      signatures,
    });
    expect(fault).toMatch(/power 100 of 150/);
    const trusting = (numerator: bigint) =>
      verifyCommitTrusting(chainId, set, { ...commit, signatures }, { numerator, denominator: 3n });
    expect(trusting(2n)).toMatch(/power 100 of 150/);
    expect(trusting(1n)).toBeUndefined();
    expect(trusting(0n)).toMatch(/trust level/);
  });

  it('carries evidence that holds, and that no other time, power or signature makes hold', () => {
    const { evidence } = blockMessage.decode(fromHex(blocks[3]!.block));
    const [proof] = evidence;
    const wholeSet: ValidatorSet = {
      validators: set.validators,
      proposer: set.proposer!,
      totalPower: 150n,
    };
    const fault = (changed = proof!) => evidenceFault(chainId, changed, wholeSet, proof!.timeNs);
    expect(fault()).toBeUndefined();
    expect(fault({ ...proof!, timeNs: proof!.timeNs + 1n })).toMatch(/time/);
    expect(fault({ ...proof!, validatorPower: 31n })).toMatch(/power 30/);
    expect(fault({ ...proof!, totalVotingPower: 151n })).toMatch(/power 150/);
    expect(fault({ ...proof!, voteA: proof!.voteB, voteB: proof!.voteA })).toMatch(/order/);
    expect(fault({ ...proof!, voteB: proof!.voteA })).toMatch(/same block/);
    const forged = { ...proof!.voteA, round: 2 };
    expect(fault({ ...proof!, voteA: forged })).toMatch(/different heights, rounds/);
    const unsigned = { ...proof!.voteB, signature: proof!.voteA.signature };
    expect(fault({ ...proof!, voteB: unsigned })).toMatch(/signature .* wrong/);
  });
});
