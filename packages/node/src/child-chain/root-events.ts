/**
 * What validators report, out of the logs of the root chain. How many events a log makes, and which, follows from
 * the logs up to it and from the child blocks whose roots they name, so that every validator
 * numbers events alike, whenever it reads them.
 */
import { fromHex, isRefusal, toHex } from '@palisade/core';
import {
  type Dialect,
  decodeTransaction,
  hashOf,
  inFlightExitId,
  type Output,
  type Place,
  type Position,
  placeOf,
  positionOf,
  ROOT_EVENT,
  type RootEvent,
  wordOf,
} from '@palisade/payments';
import { authorityBinding, bindings, type RootContracts, type RootLog } from '@palisade/rootchain';

/** The contracts whose logs are read: the validators' authority only where there is one. */
export function reportedSources(contracts: RootContracts) {
  const { authority } = contracts;
  const all = bindings(contracts);
  return (authority ? { ...all, authority: authorityBinding(authority) } : all) as typeof all & {
    readonly authority: ReturnType<typeof authorityBinding>;
  };
}

export type ChildChainLog = RootLog<ReturnType<typeof reportedSources>>;

/** Where a payment stands among the child blocks up to one; undefined when it is in none of them. */
export type FindPayment = (
  hash: Uint8Array,
  upTo: number,
) => Pick<Place, 'blknum' | 'txindex'> | undefined;

type StandardExit = { readonly position: Position; readonly output: Output; isOpen: boolean };
type InFlightExit = {
  readonly hash: Uint8Array;
  readonly inputs: readonly { readonly position: Position; readonly output: Output }[];
  readonly outputs: readonly Output[];
  readonly locked: Map<number, Position>;
  /** Its transaction is in no block, and its inputs were taken out for an output that was paid. */
  isConsumed: boolean;
};

const NOTHING = {
  owner: new Uint8Array(20),
  token: new Uint8Array(20),
  amount: new Uint8Array(32),
};

/** Reads logs in their order, from the first one on. */
export class RootEvents {
  private readonly dialect: Dialect;
  private readonly find: FindPayment;
  private readonly standard = new Map<bigint, StandardExit>();
  private readonly exitAt = new Map<Position, StandardExit>();
  private readonly inFlight = new Map<bigint, InFlightExit>();
  private readonly inFlightOf = new Map<string, InFlightExit>();
  /** The newest child block that the root chain had when the log came. */
  private submitted = 0;

  constructor(dialect: Dialect, find: FindPayment) {
    this.dialect = dialect;
    this.find = find;
  }

  take(log: ChildChainLog): readonly RootEvent[] {
    return this.meaning(log).map((event) => ({ ...NOTHING, ...event }));
  }

  private meaning(log: ChildChainLog): readonly Meaning[] {
    switch (log.name) {
      case 'DepositCreated': {
        const { blknum, depositor, token, amount } = log.args;
        const position = positionOf({ blknum: Number(blknum), txindex: 0, oindex: 0 });
        const output = { type: 1, owner: fromHex(depositor), token: fromHex(token), amount };
        return [{ kind: ROOT_EVENT.deposit, positions: [position], ...worthOf(output) }];
      }
      case 'BlockSubmitted':
        this.submitted = Number(log.args.blknum);
        return [];
      case 'BlockAuthorized': {
        const { blknum, submitter, gasPrice } = log.args;
        const position = positionOf({ blknum: Number(blknum), txindex: 0, oindex: 0 });
        const paid = { owner: fromHex(submitter), amount: wordOf(gasPrice) };
        return [{ kind: ROOT_EVENT.rootSubmitted, positions: [position], ...paid }];
      }
      case 'ExitStarted':
        return this.started(log.args.exitId, log.args.utxoPos, fromHex(log.args.outputTx));
      case 'ExitChallenged':
        return this.ended(this.exitAt.get(log.args.utxoPos));
      case 'ExitOmitted':
        return this.ended(this.standard.get(log.args.exitId));
      case 'ExitFinalized': {
        const exit = this.standard.get(log.args.exitId);
        if (!exit) return [];
        exit.isOpen = false;
        return [paid(exit)];
      }
      default:
        return this.inFlightMeaning(log);
    }
  }

  private inFlightMeaning(log: ChildChainLog): readonly Meaning[] {
    switch (log.name) {
      case 'InFlightExitStarted': {
        const { inFlightTx, inputUtxosPos, inputTxs } = log.args;
        return this.startedInFlight(fromHex(inFlightTx), inputUtxosPos, inputTxs.map(fromHex));
      }
      case 'InFlightExitOutputPiggybacked':
        return this.piggybacked(this.inFlightOf.get(log.args.txHash), log.args.outputIndex);
      case 'InFlightExitOutputBlocked': {
        const exit = this.inFlightOf.get(log.args.txHash);
        const position = exit?.locked.get(log.args.outputIndex);
        exit?.locked.delete(log.args.outputIndex);
        return position === undefined ? [] : [ended([position])];
      }
      case 'InFlightExitInputWithdrawn': {
        const input = this.inFlight.get(log.args.exitId)?.inputs[log.args.inputIndex];
        return input ? [paid(input)] : [];
      }
      case 'InFlightExitOutputWithdrawn':
        return this.outputPaid(this.inFlight.get(log.args.exitId), log.args.outputIndex);
      case 'InFlightExitDeleted':
      case 'InFlightExitFinalized':
        return this.endedInFlight(log.args.exitId);
      default:
        return [];
    }
  }

  private started(exitId: bigint, position: Position, outputTx: Uint8Array): readonly Meaning[] {
    const output = this.outputsOf(outputTx)[placeOf(position).oindex];
    if (!output) return [];
    const exit = { position, output, isOpen: true };
    this.standard.set(exitId, exit);
    this.exitAt.set(position, exit);
    return [{ kind: ROOT_EVENT.exitStarted, positions: [position] }];
  }

  /** An exit that was challenged is still omitted later: it ends once. */
  private ended(exit: StandardExit | undefined): readonly Meaning[] {
    if (!exit?.isOpen) return [];
    exit.isOpen = false;
    return [ended([exit.position])];
  }

  private startedInFlight(
    raw: Uint8Array,
    positions: readonly Position[],
    inputTxs: readonly Uint8Array[],
  ): readonly Meaning[] {
    const inputs = positions.flatMap((position, i) => {
      const output = this.outputsOf(inputTxs[i]!)[placeOf(position).oindex];
      return output ? [{ position, output }] : [];
    });
    const hash = hashOf(raw);
    const outputs = this.outputsOf(raw);
    const exit = { hash, inputs, outputs, locked: new Map<number, Position>(), isConsumed: false };
    this.inFlight.set(inFlightExitId(this.dialect, raw), exit);
    this.inFlightOf.set(toHex(hash), exit);
    return [{ kind: ROOT_EVENT.exitStarted, positions: [...positions] }];
  }

  /** An output that is in no block yet cannot be spent by anybody, and needs no lock. */
  private piggybacked(exit: InFlightExit | undefined, index: number): readonly Meaning[] {
    const position = exit && this.positionOf(exit, index);
    if (position === undefined) return [];
    exit!.locked.set(index, position);
    return [{ kind: ROOT_EVENT.exitStarted, positions: [position] }];
  }

  /** What was paid is taken out; where it was never made, what it would have been made of. */
  private outputPaid(exit: InFlightExit | undefined, index: number): readonly Meaning[] {
    const output = exit?.outputs[index];
    if (!exit || !output) return [];
    const position = this.positionOf(exit, index);
    exit.locked.delete(index);
    if (position !== undefined) return [paid({ position, output })];
    if (exit.isConsumed) return [];
    exit.isConsumed = true;
    return exit.inputs.map(paid);
  }

  private endedInFlight(exitId: bigint): readonly Meaning[] {
    const exit = this.inFlight.get(exitId);
    if (!exit) return [];
    const inputs = exit.inputs.map(({ position }) => position);
    const outputs = [...exit.locked.values()];
    exit.locked.clear();
    return [inputs, outputs].filter((positions) => positions.length > 0).map(ended);
  }

  private positionOf({ hash }: InFlightExit, oindex: number): Position | undefined {
    const place = this.find(hash, this.submitted);
    return place && positionOf({ ...place, oindex });
  }

  private outputsOf(raw: Uint8Array): readonly Output[] {
    const decoded = decodeTransaction(this.dialect, raw);
    return isRefusal(decoded) ? [] : decoded.outputs;
  }
}

type Meaning = Pick<RootEvent, 'kind' | 'positions'> & Partial<RootEvent>;

const ended = (positions: readonly Position[]): Meaning => ({
  kind: ROOT_EVENT.exitEnded,
  positions: [...positions],
});

function paid({ position, output }: { position: Position; output: Output }): Meaning {
  return { kind: ROOT_EVENT.exitPaid, positions: [position], ...worthOf(output) };
}

function worthOf({ owner, token, amount }: Output) {
  return { owner, token, amount: wordOf(amount) };
}
