/**
 * Executing a block: evidence, votes and the change of session come first, then the transactions,
 * then what modules do at the end of it. Genesis is the block before the first.
 */
import { isRefusal, type Opened, type Refusal } from '@palisade/core';
import type { ExecTxResult, FinalizeBlockRequest, ValidatorUpdate } from '@palisade/formats';
import type { ModuleTable } from '../module/module-table.ts';
import { processOffences, reportEquivocations } from '../offences/offences.ts';
import { params } from '../params.ts';
import { noteReveals } from '../randomness/randomness.ts';
import { sessionStarted } from '../sessions/queries.ts';
import { currentSession, sessionSeats, sessions } from '../sessions/session.ts';
import { noteAttendance, powerUpdates } from '../validators/module.ts';
import { activeValidators, byAddress } from '../validators/state.ts';
import { CODE, type Execution, executeTx, OK_RESULT, refused } from './execution.ts';
import type { Genesis } from './genesis.ts';
import type { LastVotes } from './votes.ts';

/** What transactions came to be when they were opened. */
type Openings = readonly (Opened | Refusal)[];

const LAST_VOTES_RESULT: ExecTxResult = { ...OK_RESULT, info: 'last votes' };

export function executeGenesis(block: Execution, { modules }: ModuleTable, genesis: Genesis): void {
  beginSession(block, 0n);
  for (const { name, hooks } of modules) hooks?.genesis?.(block, genesis.state[name]);
  countSeats(block);
}

export function executeBlock(
  block: Execution,
  { hooks, handlers }: ModuleTable,
  request: FinalizeBlockRequest,
  votes: LastVotes | undefined,
  txs: Openings,
): { readonly txResults: ExecTxResult[]; readonly validatorUpdates: ValidatorUpdate[] } {
  reportEvidence(block, request);
  noteAttendance(block, request.decidedLastCommit);
  changeSession(block, hooks);
  noteReveals(block, revealsOf(votes));
  for (const { blockStart } of hooks) blockStart?.(block);
  block.settleSession();
  const txResults: ExecTxResult[] = votes ? [LAST_VOTES_RESULT] : [];
  for (const tx of txs)
    txResults.push(
      isRefusal(tx) ? refused(CODE.malformed, undefined, tx) : executeTx(block, handlers, tx),
    );
  for (const { blockEnd } of hooks) blockEnd?.(block);
  processOffences(block, hooks);
  return { txResults, validatorUpdates: powerUpdates(block.state) };
}

function reportEvidence(block: Execution, { misbehavior }: FinalizeBlockRequest): void {
  const equivocations = misbehavior.flatMap(({ validator: { address }, height }) => {
    const validator = byAddress.get(block.state, address);
    return validator ? [{ validator, infractionHeight: height }] : [];
  });
  reportEquivocations(block, equivocations);
}

/** Ends the session whose time is over, and begins the next. */
function changeSession(block: Execution, hooks: ModuleTable['hooks']): void {
  const { session, state } = block;
  if (block.timeMs < session.startMs + params.need(state).sessionMs) return;
  for (const { sessionEnd } of hooks) sessionEnd?.(block);
  const ended = block.session;
  sessions.set(state, [ended.number], { ...ended, endHeight: block.height - 1n });
  beginSession(block, ended.number + 1n);
  countSeats(block);
}

function countSeats({ state, session }: Execution): void {
  sessionSeats.set(state, [session.number], BigInt(activeValidators(state).length));
}

function beginSession(block: Execution, number: bigint): void {
  sessions.set(block.state, [number], {
    number,
    startHeight: block.height,
    startMs: block.timeMs,
    endHeight: 0n,
    randomness: new Uint8Array(32),
    randomnessHeight: 0n,
  });
  currentSession.set(block.state, [], number);
  block.emit(sessionStarted, { session: number, startMs: block.timeMs });
}

function revealsOf(votes: LastVotes | undefined) {
  return (votes?.disclosures ?? []).map(({ nodeKey, extension: { reveal } }) => ({
    nodeKey,
    reveal,
  }));
}
