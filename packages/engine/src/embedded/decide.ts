/** From the state after one height to a decided block of the next: proposal, judgement, votes. */
import { PalisadeError } from '@palisade/core';
import type { ExtendedCommit } from '@palisade/formats';
import { nextHeight } from './chain-state.ts';
import { DivergenceError } from './divergence.ts';
import type { Proposal } from './proposal.ts';
import { propose } from './proposal.ts';
import { proposalRequest } from './requests.ts';
import type { Running } from './running.ts';
import { collectVotes, requireQuorum } from './votes.ts';

/** A block and the commit that decides it, both still in memory only. */
export type Decision = { readonly proposal: Proposal; readonly commit: ExtendedCommit };

export async function decide(running: Running): Promise<Decision> {
  const { state, store, mempool, evidence, shadow, signers, limits, onNotice } = running;
  const { application: primary, proposalSources: sources = [] } = running.options;
  requireQuorum(state.validators, signers, nextHeight(state));
  const lastCommit = store.extendedCommit(state.lastHeight);
  const content = { mempool, evidence, sources, limits };
  const proposal = await propose({ state, lastCommit, signers, primary, onNotice, ...content });
  await judge(running, proposal);
  const { block, blockId, round } = proposal;
  const replicas = { primary, shadow: shadow?.replica };
  const commit = await collectVotes({
    state,
    block,
    blockId,
    round,
    signers,
    onNotice,
    ...replicas,
  });
  return { proposal, commit };
}

/** Both replicas must accept what the primary itself prepared. */
async function judge({ options, state, shadow }: Running, { block }: Proposal): Promise<void> {
  const { height } = block.header;
  const request = proposalRequest(block, state.lastValidators);
  const [mine, theirs] = await Promise.all([
    options.application.processProposal(request),
    shadow?.replica?.processProposal(request),
  ]);
  if (theirs && theirs.status !== mine.status) {
    const message = `At height ${height} the two replicas differ on the proposal: ${mine.status}, ${theirs.status}.`;
    throw new DivergenceError({ height, message });
  }
  if (mine.status === 'accept') return;
  throw new PalisadeError({
    code: 'engine/proposal-rejected',
    message: `The application refused the proposal for height ${height} that it had prepared itself.`,
    next: 'Its prepareProposal and processProposal disagree, which is a fault in the program.',
    data: { height },
  });
}
