/**
 * Checks a chain as a stranger would: from what the engine's methods answer, with the formats alone.
 */
import { equalBytes, toHex } from '@palisade/core';
import {
  blockIdOf,
  commitHash,
  dataHash,
  equalBlockIds,
  evidenceHash,
  findValidator,
  headerHash,
  medianTimeNs,
  NIL_BLOCK_ID,
  resultsHash,
  validatorSetHash,
  verifyCommit,
} from '@palisade/formats';
import { expect } from 'vitest';
import type { Engine, StoredBlock } from '../src/index.ts';

/** Walks all blocks of an engine and expects every link between them to hold; answers the last height. */
export async function checkChain(engine: Engine): Promise<bigint> {
  const { chainId, initialHeight, height: last } = await engine.status();
  let previous: StoredBlock | undefined;
  for (let height = initialHeight; height <= last; height++) {
    const stored = (await engine.block(height))!;
    const { header, txs, evidence, lastCommit } = stored.block;
    const where = `height ${height}`;
    expect(header.chainId, where).toBe(chainId);
    expect(header.height, where).toBe(height);
    expect(header.version.block, where).toBe(11n);
    expect(equalBlockIds(blockIdOf(stored.block), stored.blockId), where).toBe(true);
    expect(toHex(headerHash(header)), where).toBe(toHex(stored.blockId.hash));
    expect(toHex(header.dataHash), where).toBe(toHex(dataHash(txs)));
    expect(toHex(header.evidenceHash), where).toBe(toHex(evidenceHash(evidence)));
    expect(toHex(header.lastCommitHash), where).toBe(toHex(commitHash(lastCommit!)));

    const set = await membersOf(engine, height);
    expect(toHex(header.validatorsHash), where).toBe(toHex(validatorSetHash(set)));
    expect(findValidator(set, header.proposerAddress), where).toBeDefined();
    const { commit, canonical } = (await engine.commit(height))!;
    expect(verifyCommit(chainId, set, stored.blockId, height, commit), where).toBeUndefined();
    expect(canonical, where).toBe(height < last);

    if (previous) await checkLink(engine, previous, stored);
    else expect(equalBlockIds(header.lastBlockId, NIL_BLOCK_ID), where).toBe(true);
    previous = stored;
  }
  return last;
}

async function checkLink(
  engine: Engine,
  previous: StoredBlock,
  stored: StoredBlock,
): Promise<void> {
  const { header, lastCommit } = stored.block;
  const before = previous.block.header;
  const where = `height ${header.height}`;
  const results = (await engine.blockResults(before.height))!;
  const lastSet = await membersOf(engine, before.height);
  expect(equalBlockIds(header.lastBlockId, previous.blockId), where).toBe(true);
  expect(toHex(header.validatorsHash), where).toBe(toHex(before.nextValidatorsHash));
  expect(toHex(header.appHash), where).toBe(toHex(results.appHash));
  expect(toHex(header.lastResultsHash), where).toBe(toHex(resultsHash(results.txResults)));
  expect(header.timeNs, where).toBe(medianTimeNs(lastCommit!, lastSet));
  expect(header.timeNs > before.timeNs, where).toBe(true);
  const seen = (await engine.commit(before.height))!.commit;
  expect(equalBytes(commitHash(seen), header.lastCommitHash), where).toBe(true);
}

async function membersOf(engine: Engine, height: bigint) {
  const { validators } = (await engine.validators(height))!;
  return { validators: validators.map((validator) => ({ ...validator, proposerPriority: 0n })) };
}
