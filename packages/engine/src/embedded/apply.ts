/** From a decided and saved block to the next state: run it, save what it did, commit, recheck. */
import { PalisadeError } from '@palisade/core';
import type { ExtendedCommit, FinalizeBlockResponse } from '@palisade/formats';
import { withoutExtensions } from '@palisade/formats';
import type { CommittedBlock, StoredBlock } from '../engine.ts';
import { afterBlock, strangers } from './chain-state.ts';
import { DivergenceError, reportDivergence, responseDifference } from './divergence.ts';
import { hashOf } from './evidence-pool.ts';
import { txKey } from './mempool.ts';
import { finalizeRequest } from './requests.ts';
import type { Running } from './running.ts';
import { reach } from './running.ts';

export async function apply(
  running: Running,
  decided: StoredBlock,
  extended: ExtendedCommit,
): Promise<CommittedBlock> {
  const { options, store, mempool, evidence, shadow } = running;
  const { block, blockId } = decided;
  const { height } = block.header;
  const results = await finalize(running, decided);
  await reach(running, 'after-finalize', height);
  const state = afterBlock(running.state, block, blockId, results);
  const txKeys = block.txs.map(txKey);
  const txSequences = mempool.sequencesOf(txKeys);
  const evidenceHashes = block.evidence.map(hashOf);
  await store.saveResults(state, results, { txSequences, evidenceHashes });
  await reach(running, 'before-app-commit', height);
  await mempool.around(txKeys, async () => {
    await Promise.all([options.application.commit({}), shadow?.commit(height)]);
    await reach(running, 'after-app-commit', height);
  });
  running.state = state;
  await evidence.update(state, block.evidence);
  await reach(running, 'after-mempool', height);
  return { ...decided, results, commit: withoutExtensions(extended) };
}

async function finalize(running: Running, { block }: StoredBlock): Promise<FinalizeBlockResponse> {
  const { application } = running.options;
  const { height } = block.header;
  const request = finalizeRequest(block, running.state.lastValidators);
  const [mine, theirs] = await Promise.all([
    application.finalizeBlock(request),
    running.shadow?.finalize(request),
  ]);
  const what = theirs && responseDifference(mine, theirs);
  if (what) {
    const primary = { replica: application, response: mine };
    const shadow = { replica: running.shadow!.replica!, response: theirs };
    throw new DivergenceError(await reportDivergence(height, what, primary, shadow));
  }
  requireResults(block.txs.length, mine, height);
  requireHosted(running, mine, height);
  return mine;
}

function requireResults(txs: number, { txResults }: FinalizeBlockResponse, height: bigint): void {
  if (txResults.length === txs) return;
  throw new PalisadeError({
    code: 'engine/results-missing',
    message: `The application gave ${txResults.length} results for the ${txs} transactions of height ${height}.`,
    data: { height },
  });
}

function requireHosted(
  { hostedKeys }: Running,
  { validatorUpdates }: FinalizeBlockResponse,
  height: bigint,
): void {
  const unknown = strangers(validatorUpdates, hostedKeys);
  if (unknown.length === 0) return;
  throw new PalisadeError({
    code: 'engine/validator-not-hosted',
    message: `At height ${height} the application seats ${unknown.join(', ')}, whose keys this process does not hold; the embedded engine can only seat keys it hosts.`,
    next: 'Start again with those keys, or let only hosted keys become candidates.',
    data: { height },
  });
}
