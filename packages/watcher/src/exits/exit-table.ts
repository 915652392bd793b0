/**
 * All exits that ever started, as the facts tell them, and every transaction that was shown on the root chain: once
 * seen it is never forgotten, because it may challenge an exit that starts later.
 */
import { isRefusal, toHex } from '@palisade/core';
import {
  type Dialect,
  decodeTransaction,
  hashOf,
  inFlightExitId,
  isInFlight,
  type Payment,
  type Position,
  placeOf,
  positionOf,
  TX_TYPE,
} from '@palisade/payments';
import type { Payout } from '../ledger/books.ts';
import type { FactOf, RootEvent, RootFact } from '../root/facts.ts';
import { Docket } from './docket.ts';
import type { Exit, InFlightExit, InFlightInput, Spend, StandardExit } from './records.ts';

/** Where a transaction is included, by its hash. */
export type PlaceOf = (
  txHash: Uint8Array,
) => { readonly blknum: number; readonly txindex: number } | undefined;

type Side = 'Inputs' | 'Outputs';

type Handlers = { readonly [N in RootEvent['name']]?: (fact: FactOf<N>) => void };

export class ExitTable {
  readonly standard = new Map<bigint, StandardExit>();
  readonly inFlight = new Map<bigint, InFlightExit>();
  /** Root-chain height of each child block and deposit block. */
  readonly blockHeights = new Map<number, number>();
  /** Height of the last fact. */
  height = 0;
  /** Which of the open exits have to be judged. */
  readonly docket = new Docket();
  private readonly dialect: Dialect;
  /** Spends that were shown on the root chain, by what they spend. */
  private readonly shown = new Map<Position, Spend[]>();
  /** Exits that nothing has ended yet: what is judged costs what is open, not all that ever exited. */
  private readonly openExits = new Set<bigint>();
  /** Outputs that were paid, by position, and by transaction and index: the contract pays none twice. */
  private readonly paidPositions = new Set<Position>();
  private readonly paidOutputs = new Set<string>();
  private readonly exitOfPosition = new Map<Position, bigint>();
  private readonly exitOfTx = new Map<string, bigint>();
  private readonly handlers: Handlers;

  constructor(dialect: Dialect) {
    this.dialect = dialect;
    this.handlers = this.makeHandlers();
  }

  /** Takes the next fact. */
  apply(fact: RootFact): void {
    this.height = fact.height;
    const handle = this.handlers[fact.event.name] as ((fact: RootFact) => void) | undefined;
    handle?.(fact);
  }

  /** Transactions, shown on the root chain, that spend a position. */
  shownSpends(position: Position): readonly Spend[] {
    return this.shown.get(position) ?? [];
  }

  /** Exits that ever started, as they were last. */
  *all(): Generator<Exit> {
    yield* this.standard.values();
    yield* this.inFlight.values();
  }

  /** Exits that nothing has ended yet. */
  *open(): Generator<Exit> {
    for (const exitId of this.openExits) {
      const exit = this.openExit(exitId);
      if (exit) yield exit;
    }
  }

  openExit(exitId: bigint): Exit | undefined {
    if (!this.openExits.has(exitId)) return undefined;
    return this.standard.get(exitId) ?? this.inFlight.get(exitId);
  }

  /** Whether an output was paid out, by whichever exit: the contracts pass over each further exit of it (`ExitOmitted`). */
  wasPaid({ position, outputTx }: Pick<StandardExit, 'position' | 'outputTx'>): boolean {
    if (this.paidPositions.has(position)) return true;
    return this.paidOutputs.has(outputKey(hashOf(outputTx), placeOf(position).oindex));
  }

  /** An in-flight exit has ended, although nothing told of it. */
  endSilently(exitId: bigint): void {
    this.endInFlight(exitId, 'finalized');
  }

  standardAt(position: Position): StandardExit | undefined {
    const id = this.exitOfPosition.get(position);
    return id === undefined ? undefined : this.standard.get(id);
  }

  inFlightOf(txHash: Uint8Array): InFlightExit | undefined {
    const id = this.exitOfTx.get(toHex(txHash));
    return id === undefined ? undefined : this.inFlight.get(id);
  }

  /** What a fact says was paid out; undefined for facts that pay nothing. */
  payoutOf({ event }: RootFact, place: PlaceOf): Payout | undefined {
    if (event.name === 'ExitFinalized') {
      const exit = this.standard.get(event.exitId);
      return exit && { exitId: event.exitId, paid: [exit.position], consumed: [] };
    }
    if (event.name === 'InFlightExitInputWithdrawn') {
      const input = this.inFlight.get(event.exitId)?.inputs[event.inputIndex];
      return input && { exitId: event.exitId, paid: [input.position], consumed: [] };
    }
    if (event.name !== 'InFlightExitOutputWithdrawn') return undefined;
    const exit = this.inFlight.get(event.exitId);
    const included = exit && place(exit.txHash);
    if (!exit || !included) {
      const consumed = exit?.inputs.map(({ position }) => position) ?? [];
      return { exitId: event.exitId, paid: [], consumed };
    }
    const paid = [positionOf({ ...included, oindex: event.outputIndex })];
    return { exitId: event.exitId, paid, consumed: [] };
  }

  private makeHandlers(): Handlers {
    return {
      DepositCreated: ({ event, height }) => void this.blockHeights.set(event.blknum, height),
      BlockSubmitted: ({ event, height }) => void this.blockHeights.set(event.blknum, height),
      ExitStarted: (fact) => this.startStandard(fact),
      ExitQueued: ({ event }) => this.queue(event.exitId, event.priority),
      ExitChallenged: ({ event }) => {
        const id = this.exitOfPosition.get(event.utxoPos);
        if (id !== undefined) this.endStandard(id, 'challenged');
      },
      ExitFinalized: ({ event }) => {
        const exit = this.standard.get(event.exitId);
        if (exit) this.paidPositions.add(exit.position);
        this.endStandard(event.exitId, 'finalized');
      },
      ExitOmitted: ({ event }) => this.endStandard(event.exitId, 'omitted'),
      InFlightExitStarted: (fact) => this.startInFlight(fact),
      InFlightExitInputPiggybacked: ({ event, height }) =>
        this.place(event.txHash, 'Inputs', event.inputIndex, height),
      InFlightExitOutputPiggybacked: ({ event, height }) =>
        this.place(event.txHash, 'Outputs', event.outputIndex, height),
      InFlightExitInputBlocked: ({ event }) =>
        this.close(this.exitOfTx.get(toHex(event.txHash)), 'Inputs', event.inputIndex),
      InFlightExitOutputBlocked: ({ event }) =>
        this.close(this.exitOfTx.get(toHex(event.txHash)), 'Outputs', event.outputIndex),
      InFlightExitChallenged: (fact) => this.challenge(fact),
      InFlightExitChallengeResponded: ({ event, height }) =>
        this.change(this.exitOfTx.get(toHex(event.txHash)), () => ({
          canonical: true,
          oldestCompetitor: event.challengeTxPosition,
          shownAt: height,
        })),
      InFlightExitInputWithdrawn: ({ event }) => {
        const input = this.inFlight.get(event.exitId)?.inputs[event.inputIndex];
        if (input) this.paidPositions.add(input.position);
        this.close(event.exitId, 'Inputs', event.inputIndex);
      },
      InFlightExitOutputWithdrawn: ({ event }) => {
        const exit = this.inFlight.get(event.exitId);
        // Where outputs are paid, the contract takes all inputs for paid, too.
        for (const { position } of exit?.inputs ?? []) this.paidPositions.add(position);
        if (exit) this.paidOutputs.add(outputKey(exit.txHash, event.outputIndex));
        this.close(event.exitId, 'Outputs', event.outputIndex);
      },
      InFlightExitFinalized: ({ event }) => this.endInFlight(event.exitId, 'finalized'),
      InFlightExitDeleted: ({ event }) => this.endInFlight(event.exitId, 'deleted'),
    };
  }

  private startStandard({ event, height, txHash }: FactOf<'ExitStarted'>): void {
    const { exitId, utxoPos, owner, outputTx } = event;
    const decoded = decodeTransaction(this.dialect, outputTx);
    const output = isRefusal(decoded) ? undefined : decoded.outputs[placeOf(utxoPos).oindex];
    this.exitOfPosition.set(utxoPos, exitId);
    this.openExits.add(exitId);
    this.putStandard({
      ...{ kind: 'standard', exitId, position: utxoPos, owner, outputTx },
      token: output?.token ?? new Uint8Array(20),
      amount: output?.amount ?? 0n,
      ...{ startedAt: height, startTx: txHash, finalizesAt: undefined, status: 'open' },
    });
  }

  private endStandard(exitId: bigint, status: StandardExit['status']): void {
    const exit = this.standard.get(exitId);
    if (exit) this.putStandard({ ...exit, status });
    this.openExits.delete(exitId);
  }

  private endInFlight(exitId: bigint, status: InFlightExit['status']): void {
    this.change(exitId, () => ({ status }));
    this.openExits.delete(exitId);
  }

  private queue(exitId: bigint, priority: bigint): void {
    const finalizesAt = Number(priority >> this.dialect.priority.timeAt);
    if (isInFlight(this.dialect, exitId)) {
      this.change(exitId, (exit) => ({
        finalizesAt: Math.min(finalizesAt, exit.finalizesAt ?? finalizesAt),
      }));
      return;
    }
    const exit = this.standard.get(exitId);
    if (exit) this.putStandard({ ...exit, finalizesAt });
  }

  private startInFlight({ event, height, txHash: startTx }: FactOf<'InFlightExitStarted'>): void {
    const { inFlightTx: raw, inputUtxosPos, inputTxs, inFlightTxWitnesses } = event;
    const transaction = decodeTransaction(this.dialect, raw);
    // The contract has read it; what it accepts and we do not would be a bug of ours, and is told by the API.
    if (isRefusal(transaction) || transaction.type !== TX_TYPE.payment) return;
    const inputs = inputUtxosPos.map((position, i) =>
      this.inputOf(position, inputTxs[i], inFlightTxWitnesses[i]),
    );
    const exitId = inFlightExitId(this.dialect, raw);
    this.exitOfTx.set(toHex(event.txHash), exitId);
    this.openExits.add(exitId);
    this.putInFlight({
      ...{ kind: 'in-flight', exitId, txHash: event.txHash, raw, transaction, inputs, startTx },
      ...{ startedAt: height, startSeconds: event.seconds, finalizesAt: undefined },
      ...{ canonical: true, oldestCompetitor: undefined, shownAt: undefined, status: 'open' },
      ...{ piggybackedInputs: new Map(), piggybackedOutputs: new Map() },
      ...{ closedInputs: new Set(), closedOutputs: new Set() },
    });
    for (const [input, { position, signature }] of inputs.entries())
      this.show(position, { raw, input, signature, visibleAt: height });
  }

  private inputOf(
    position: Position,
    inputTx: Uint8Array | undefined,
    signature: Uint8Array | undefined,
  ): InFlightInput {
    const made = inputTx && decodeTransaction(this.dialect, inputTx);
    const output =
      made === undefined || isRefusal(made) ? undefined : made.outputs[placeOf(position).oindex];
    const nothing = new Uint8Array();
    return {
      position,
      owner: output?.owner ?? new Uint8Array(20),
      signature: signature ?? nothing,
      inputTx: inputTx ?? nothing,
    };
  }

  private place(txHash: Uint8Array, side: Side, index: number, height: number): void {
    this.change(this.exitOfTx.get(toHex(txHash)), (exit) => ({
      [`piggybacked${side}`]: new Map([...exit[`piggybacked${side}`], [index, height]]),
    }));
  }

  /** A piggyback was blocked or paid; if it is placed again, it is a new one. */
  private close(exitId: bigint | undefined, side: Side, index: number): void {
    this.change(exitId, (exit) => ({
      [`piggybacked${side}`]: new Map(
        [...exit[`piggybacked${side}`]].filter(([placed]) => placed !== index),
      ),
      [`closed${side}`]: new Set([...exit[`closed${side}`], index]),
    }));
  }

  private challenge({ event, height }: FactOf<'InFlightExitChallenged'>): void {
    this.change(this.exitOfTx.get(toHex(event.txHash)), () => ({
      canonical: false,
      oldestCompetitor: event.challengeTxPosition,
      shownAt: height,
    }));
    const { challengeTx: raw, challengeTxInputIndex: input, challengeTxWitness: signature } = event;
    const competitor = decodeTransaction(this.dialect, raw);
    if (isRefusal(competitor) || competitor.type !== TX_TYPE.payment) return;
    const position = (competitor as Payment).inputs[input];
    if (position !== undefined) this.show(position, { raw, input, signature, visibleAt: height });
  }

  private show(position: Position, shown: Omit<Spend, 'txHash' | 'place'>): void {
    const txHash = hashOf(shown.raw);
    const spends = this.shown.get(position) ?? [];
    if (spends.some((spend) => toHex(spend.txHash) === toHex(txHash))) return;
    this.shown.set(position, [...spends, { ...shown, txHash, place: undefined }]);
    this.docket.touch(position);
  }

  private change(
    exitId: bigint | undefined,
    change: (exit: InFlightExit) => Partial<InFlightExit>,
  ): void {
    const exit = exitId === undefined ? undefined : this.inFlight.get(exitId);
    if (exit) this.putInFlight({ ...exit, ...change(exit) });
  }

  private putStandard(exit: StandardExit): void {
    this.standard.set(exit.exitId, exit);
    this.docket.add(exit.exitId);
  }

  private putInFlight(exit: InFlightExit): void {
    this.inFlight.set(exit.exitId, exit);
    this.docket.add(exit.exitId);
  }
}

function outputKey(txHash: Uint8Array, index: number): string {
  return `${toHex(txHash)}/${index}`;
}
