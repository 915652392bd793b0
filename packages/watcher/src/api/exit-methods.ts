/** What exits and their challenges have to show, for wallets and for those who challenge by hand. */
import { equalBytes, isRefusal, toHex } from '@palisade/core';
import { RpcFailure, type RpcMethod, rpcMethod } from '@palisade/daemon';
import {
  decodeSigned,
  encodeTransaction,
  hashOf,
  type Position,
  standardExitId,
  TX_TYPE,
} from '@palisade/payments';
import * as z from 'zod';
import {
  competitorArgs,
  inclusionOf,
  inputArgs,
  outputArgs,
} from '../challenger/challenge-data.ts';
import type { Challenge } from '../exits/findings.ts';
import type { InFlightExit } from '../exits/records.ts';
import type { Watch } from '../watch/watch.ts';
import { index, position, txBytes } from './shapes.ts';

const LIST = 'palisade exit list --open shows which exits are open, and what is wrong with each.';
const SYNCED = 'palisade watch status tells whether this watcher has seen all blocks';
const NOT_FOUND = new RpcFailure('challenge:exit_not_found', 'No such exit is open.', {
  next: LIST,
});
const NOT_SPENT = new RpcFailure('challenge:utxo_not_spent', 'Nothing known spends this output.', {
  next: `As far as is known here, there is nothing to challenge. ${LIST}`,
});
const NO_TX = new RpcFailure(
  'transaction:not_found',
  'The transaction is in no block known here.',
  { next: `${SYNCED}.` },
);

export function exitMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return {
    'utxo.get_exit_data': rpcMethod(z.object({ utxo_pos: position }), ({ utxo_pos }) =>
      exitData(watch, utxo_pos),
    ),
    'utxo.get_challenge_data': rpcMethod(z.object({ utxo_pos: position }), ({ utxo_pos }) =>
      challengeData(watch, utxo_pos),
    ),
    'in_flight_exit.get_data': rpcMethod(z.object({ txbytes: txBytes }), ({ txbytes }) =>
      inFlightData(watch, txbytes),
    ),
    ...inFlightChallenges(watch),
  };
}

function exitData({ books, transactions }: Watch, utxoPos: Position) {
  const proven = books.ledger.has(utxoPos) ? transactions.proven(utxoPos) : undefined;
  if (!proven)
    return new RpcFailure('exit:invalid', 'There is no such unspent output.', {
      next: 'palisade utxos lists those that can exit. What you have only in a payment whose block nobody shows leaves with that payment: palisade inflight start.',
    });
  return { utxo_pos: utxoPos, txbytes: toHex(proven.raw), proof: toHex(proven.proof) };
}

function challengeData({ table, findings, parts }: Watch, utxoPos: Position) {
  const exit = table.standardAt(utxoPos);
  if (exit?.status !== 'open') return NOT_FOUND;
  const found = findings.challenges.find(
    (challenge) => challenge.exit.kind === 'standard' && challenge.exit.position === utxoPos,
  );
  if (!found?.spend) return NOT_SPENT;
  return {
    exit_id: standardExitId(parts.dialect, exit.outputTx, utxoPos),
    exiting_tx: toHex(exit.outputTx),
    txbytes: toHex(found.spend.raw),
    input_index: found.spend.input,
    sig: toHex(found.spend.signature),
  };
}

/** What starts the in-flight exit of a signed transaction. */
function inFlightData({ transactions, parts }: Watch, signed: Uint8Array) {
  const decoded = decodeSigned(parts.dialect, signed);
  if (isRefusal(decoded) || decoded.transaction.type !== TX_TYPE.payment)
    return new RpcFailure('in_flight_exit:malformed_transaction', 'It cannot be read.', {
      next: 'Give the payment with its signatures, as palisade pay --json prints it under signed.',
    });
  const { inputs } = decoded.transaction;
  const proven = inputs.map((input) => transactions.proven(input));
  if (proven.some((one) => one === undefined))
    return new RpcFailure(
      'in_flight_exit:tx_for_input_not_found',
      'An input is of no transaction that is known here.',
      { next: `${SYNCED}; if it has, the payment spends what does not exist on this chain.` },
    );
  return {
    in_flight_tx: toHex(encodeTransaction(decoded.transaction)),
    input_txs: proven.map((one) => toHex(one!.raw)),
    input_utxos_pos: inputs,
    input_txs_inclusion_proofs: proven.map((one) => toHex(one!.proof)),
    in_flight_tx_sigs: decoded.signatures.map(toHex),
  };
}

function inFlightChallenges(watch: Watch): Readonly<Record<string, RpcMethod>> {
  const raw = z.object({ txbytes: txBytes });
  const onExit = (txbytes: Uint8Array, answer: (exit: InFlightExit) => unknown): unknown => {
    const exit = watch.table.inFlightOf(hashOf(txbytes));
    return exit && equalBytes(exit.raw, txbytes) ? answer(exit) : NOT_FOUND;
  };
  const challengeOf = (exit: InFlightExit, kind: Challenge['kind'], at?: number) =>
    watch.findings.challenges.find(
      (challenge) =>
        challenge.kind === kind &&
        challenge.exit.exitId === exit.exitId &&
        (at === undefined || challenge.index === at),
    );
  return {
    'in_flight_exit.get_competitor': rpcMethod(raw, ({ txbytes }) =>
      onExit(txbytes, (exit) => {
        const found = challengeOf(exit, 'not-canonical');
        return found ? competitor(watch, found, exit) : NOT_SPENT;
      }),
    ),
    'in_flight_exit.prove_canonical': rpcMethod(raw, ({ txbytes }) => {
      const hash = hashOf(txbytes);
      if (!watch.transactions.placeOf(hash)) return NO_TX;
      const { position: at, proof } = inclusionOf({ txHash: hash }, watch.transactions, 0);
      const in_flight_txbytes = toHex(txbytes);
      return { in_flight_txbytes, in_flight_tx_pos: at, in_flight_proof: proof };
    }),
    'in_flight_exit.get_input_challenge_data': rpcMethod(
      z.object({ txbytes: txBytes, input_index: index }),
      ({ txbytes, input_index }) =>
        onExit(txbytes, (exit) => {
          const found = challengeOf(exit, 'input-spent', input_index);
          return found ? inputChallenge(found, exit) : NOT_SPENT;
        }),
    ),
    'in_flight_exit.get_output_challenge_data': rpcMethod(
      z.object({ txbytes: txBytes, output_index: index }),
      ({ txbytes, output_index }) =>
        onExit(txbytes, (exit) => {
          const found = challengeOf(exit, 'output-spent', output_index);
          return found ? outputChallenge(watch, found, exit) : NOT_SPENT;
        }),
    ),
  };
}

function competitor({ transactions }: Watch, challenge: Challenge, exit: InFlightExit) {
  const args = competitorArgs(challenge, exit, transactions);
  return {
    input_tx: args.inputTx,
    input_utxo_pos: args.inputUtxoPos,
    in_flight_txbytes: args.inFlightTx,
    in_flight_input_index: args.inFlightTxInputIndex,
    competing_txbytes: args.competingTx,
    competing_input_index: args.competingTxInputIndex,
    competing_sig: args.competingTxWitness,
    competing_tx_pos: args.competingTxPos,
    competing_proof: args.competingTxInclusionProof,
  };
}

function inputChallenge(challenge: Challenge, exit: InFlightExit) {
  const args = inputArgs(challenge, exit);
  return {
    in_flight_txbytes: args.inFlightTx,
    in_flight_input_index: args.inFlightTxInputIndex,
    spending_txbytes: args.challengingTx,
    spending_input_index: args.challengingTxInputIndex,
    spending_sig: args.challengingTxWitness,
    input_tx: args.inputTx,
    input_utxo_pos: args.inputUtxoPos,
  };
}

function outputChallenge({ transactions }: Watch, challenge: Challenge, exit: InFlightExit) {
  const args = outputArgs(challenge, exit, transactions);
  return {
    in_flight_txbytes: args.inFlightTx,
    in_flight_output_pos: args.outputUtxoPos,
    in_flight_proof: args.inFlightTxInclusionProof,
    spending_txbytes: args.challengingTx,
    spending_input_index: args.challengingTxInputIndex,
    spending_sig: args.challengingTxWitness,
  };
}
