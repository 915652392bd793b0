import { toHex } from '@palisade/core';
import {
  encodeTransaction,
  hashOf,
  inFlightExitId,
  ROOT_EVENT,
  type RootEvent,
  v2,
} from '@palisade/payments';
import { beforeEach, describe, expect, it } from 'vitest';
import { ALICE, at, BOB, output, payment } from '../../../payments/test/wallets.ts';
import { type ChildChainLog, RootEvents } from './root-events.ts';

const { exitStarted, exitEnded, exitPaid, deposit, rootSubmitted } = ROOT_EVENT;
const COIN = at(1);
const DEPOSIT = payment([], [[ALICE, 10n]]);
const PAYMENT = payment(
  [COIN],
  [
    [BOB, 4n],
    [ALICE, 6n],
  ],
);
const raw = encodeTransaction(PAYMENT);
const IN_FLIGHT = inFlightExitId(v2, raw);
const txHash = toHex(hashOf(raw));

/** Where the payment is, for the reader under test. */
let place: { readonly blknum: number; readonly txindex: number } | undefined;
let events: RootEvents;
let height = 1n;
beforeEach(() => {
  place = undefined;
  events = new RootEvents(v2, (_hash, upTo) => (place && place.blknum <= upTo ? place : undefined));
});

/** What a log means: kind and positions of each event. */
function meaning(name: string, args: object): readonly (readonly [number, ...bigint[]])[] {
  return take(name, args).map(({ kind, positions }) => [kind, ...positions]);
}

function take(name: string, args: object): readonly RootEvent[] {
  return events.take({ name, args, height: height++ } as unknown as ChildChainLog);
}

const startStandard = () =>
  meaning('ExitStarted', {
    ...{ exitId: 7n, utxoPos: COIN, owner: toHex(ALICE.address) },
    outputTx: toHex(encodeTransaction(DEPOSIT)),
  });

const startInFlight = () =>
  meaning('InFlightExitStarted', {
    ...{ txHash, inFlightTx: toHex(raw), inputUtxosPos: [COIN] },
    inputTxs: [toHex(encodeTransaction(DEPOSIT))],
  });

describe('what validators report of the root chain', () => {
  it('[X4] a deposit is credited to who made it, at the place of its block', () => {
    const args = { blknum: 1001n, depositor: toHex(BOB.address), token: toHex(new Uint8Array(20)) };
    const [event] = take('DepositCreated', { ...args, amount: 5n });
    expect(event).toMatchObject({ kind: deposit, positions: [at(1001)], owner: BOB.address });
    expect(BigInt(toHex(event!.amount))).toBe(5n);
  });

  it('[X4] who brings the root of a child block is owed its gas, at the price that the contract saw', () => {
    const args = { blknum: 2000n, submitter: toHex(BOB.address), gasPrice: 7n, session: 3n };
    const [event] = take('BlockAuthorized', args);
    expect(event).toMatchObject({ kind: rootSubmitted, owner: BOB.address });
    expect(event!.positions).toEqual([at(2000)]);
    expect(BigInt(toHex(event!.amount))).toBe(7n);
  });

  it('[X4] a standard exit locks, and ends once: challenged first and omitted later it frees a single time', () => {
    expect(startStandard()).toEqual([[exitStarted, COIN]]);
    expect(meaning('ExitChallenged', { utxoPos: COIN })).toEqual([[exitEnded, COIN]]);
    expect(meaning('ExitOmitted', { exitId: 7n })).toEqual([]);
    expect(startStandard()).toEqual([[exitStarted, COIN]]);
    expect(meaning('ExitOmitted', { exitId: 7n })).toEqual([[exitEnded, COIN]]);
  });

  it('[X4] what a standard exit pays is what its output held', () => {
    startStandard();
    const [event] = take('ExitFinalized', { exitId: 7n });
    expect(event).toMatchObject({ kind: exitPaid, positions: [COIN], owner: ALICE.address });
    expect(BigInt(toHex(event!.amount))).toBe(output([ALICE, 10n]).amount);
  });

  it('[X4, X12] an in-flight exit of a payment in a block locks the piggybacked output, and that one leaves', () => {
    place = { blknum: 2000, txindex: 3 };
    meaning('BlockSubmitted', { blknum: 2000n });
    expect(startInFlight()).toEqual([[exitStarted, COIN]]);
    const output1 = at(2000, 3, 1);
    expect(meaning('InFlightExitOutputPiggybacked', { txHash, outputIndex: 1 })).toEqual([
      [exitStarted, output1],
    ]);
    expect(meaning('InFlightExitOutputWithdrawn', { exitId: IN_FLIGHT, outputIndex: 1 })).toEqual([
      [exitPaid, output1],
    ]);
    expect(meaning('InFlightExitFinalized', { exitId: IN_FLIGHT })).toEqual([[exitEnded, COIN]]);
  });

  it('[X4, X12] of a payment in no block the inputs leave, once, for all the outputs that are paid', () => {
    startInFlight();
    expect(meaning('InFlightExitOutputPiggybacked', { txHash, outputIndex: 0 })).toEqual([]);
    const withdrawn = (outputIndex: number) =>
      meaning('InFlightExitOutputWithdrawn', { exitId: IN_FLIGHT, outputIndex });
    expect(withdrawn(0)).toEqual([[exitPaid, COIN]]);
    expect(withdrawn(1)).toEqual([]);
  });

  it('[X4] events do not depend on when they are read: a block that the root chain does not have yet counts for nothing', () => {
    place = { blknum: 2000, txindex: 0 };
    startInFlight();
    expect(meaning('InFlightExitOutputPiggybacked', { txHash, outputIndex: 0 })).toEqual([]);
  });

  it('[X4, X12] an input that is challenged stays locked until the exit is over; a deleted exit frees all', () => {
    startInFlight();
    expect(meaning('InFlightExitInputBlocked', { txHash, inputIndex: 0 })).toEqual([]);
    expect(meaning('InFlightExitDeleted', { exitId: IN_FLIGHT })).toEqual([[exitEnded, COIN]]);
  });
});
