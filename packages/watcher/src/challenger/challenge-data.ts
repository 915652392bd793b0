/**
 * What a challenge has to show, as arguments of the contract's functions: made of stored blocks and of facts, the same
 * for the automatic challenger, for the API, and for whoever challenges by hand. None takes money (X8).
 */
import { PalisadeError, toHex } from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import { positionOf } from '@palisade/payments';
import { encodeFunctionData, type Hex } from 'viem';
import type { Transactions } from '../blocks/transactions.ts';
import type { Challenge } from '../exits/findings.ts';
import type { InFlightExit, Spend } from '../exits/records.ts';
import type { RootSources } from '../root/root-chain.ts';

const hex = (bytes: Uint8Array) => toHex(bytes) as Hex;
const NOTHING: Hex = '0x';

/** The call that challenges, from `sender`. @throws PalisadeError `watcher/no-proof` */
export function challengeCall(
  challenge: Challenge,
  transactions: Transactions,
  sender: Uint8Array,
  { abi }: RootSources['exitGame'],
): Hex {
  const senderData = hex(keccak256(sender));
  const { kind, exit } = challenge;
  if (exit.kind === 'standard') {
    const { raw, input, signature } = needed(challenge);
    const args = {
      ...{ exitId: exit.exitId, exitingTx: hex(exit.outputTx), challengeTx: hex(raw) },
      ...{ inputIndex: input, witness: hex(signature), senderData },
    };
    return encodeFunctionData({ abi, functionName: 'challengeStandardExit', args: [args] });
  }
  if (kind === 'not-canonical') {
    const args = competitorArgs(challenge, exit, transactions);
    const functionName = 'challengeInFlightExitNotCanonical';
    return encodeFunctionData({ abi, functionName, args: [args] });
  }
  if (kind === 'respond') {
    const { position, proof } = inclusionOf(exit, transactions, 0);
    const functionName = 'respondToNonCanonicalChallenge';
    return encodeFunctionData({ abi, functionName, args: [hex(exit.raw), position, proof] });
  }
  if (kind === 'input-spent') {
    const args = { ...inputArgs(challenge, exit), senderData };
    const functionName = 'challengeInFlightExitInputSpent';
    return encodeFunctionData({ abi, functionName, args: [args] });
  }
  const args = { ...outputArgs(challenge, exit, transactions), senderData };
  const functionName = 'challengeInFlightExitOutputSpent';
  return encodeFunctionData({ abi, functionName, args: [args] });
}

/** Arguments that show a competitor. */
export function competitorArgs(
  challenge: Challenge,
  exit: InFlightExit,
  transactions: Transactions,
) {
  const spend = needed(challenge);
  const input = exit.inputs[challenge.index]!;
  const at = spend.place && positionOf({ ...spend.place, oindex: 0 });
  const proven = at === undefined ? undefined : transactions.proven(at);
  if (at !== undefined && !proven) throw noProof(challenge);
  return {
    inputTx: hex(input.inputTx),
    inputUtxoPos: input.position,
    inFlightTx: hex(exit.raw),
    inFlightTxInputIndex: challenge.index,
    competingTx: hex(spend.raw),
    competingTxInputIndex: spend.input,
    competingTxPos: at ?? 0n,
    competingTxInclusionProof: proven ? hex(proven.proof) : NOTHING,
    competingTxWitness: hex(spend.signature),
  };
}

/** Arguments that show another spend of a piggybacked input; without `senderData`. */
export function inputArgs(challenge: Challenge, exit: InFlightExit) {
  const spend = needed(challenge);
  const input = exit.inputs[challenge.index]!;
  return {
    inFlightTx: hex(exit.raw),
    inFlightTxInputIndex: challenge.index,
    challengingTx: hex(spend.raw),
    challengingTxInputIndex: spend.input,
    challengingTxWitness: hex(spend.signature),
    inputTx: hex(input.inputTx),
    inputUtxoPos: input.position,
  };
}

/** Arguments that show a spend of a piggybacked output; without `senderData`. */
export function outputArgs(challenge: Challenge, exit: InFlightExit, transactions: Transactions) {
  const spend = needed(challenge);
  const { position, proof } = inclusionOf(exit, transactions, challenge.index);
  return {
    inFlightTx: hex(exit.raw),
    inFlightTxInclusionProof: proof,
    outputUtxoPos: position,
    challengingTx: hex(spend.raw),
    challengingTxInputIndex: spend.input,
    challengingTxWitness: hex(spend.signature),
  };
}

/** Where an in-flight transaction is included, as the position of one of its outputs, and the proof. */
export function inclusionOf(
  exit: Pick<InFlightExit, 'txHash'>,
  transactions: Transactions,
  oindex: number,
) {
  const place = transactions.placeOf(exit.txHash);
  const position = place && positionOf({ ...place, oindex });
  const proven = position === undefined ? undefined : transactions.proven(position);
  if (position === undefined || !proven)
    throw new PalisadeError({
      code: 'watcher/no-proof',
      message: 'The transaction is in no block that this watcher has.',
    });
  return { position, proof: hex(proven.proof) };
}

function needed(challenge: Challenge): Spend {
  if (challenge.spend) return challenge.spend;
  throw noProof(challenge);
}

function noProof({ subject }: Challenge): PalisadeError {
  return new PalisadeError({
    code: 'watcher/no-proof',
    message: `The spend that would challenge ${subject} cannot be shown.`,
  });
}
