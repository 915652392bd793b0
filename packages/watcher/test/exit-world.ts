/**
 * A root chain and a child chain that do whatever dice say: deposits, transactions that nobody includes or
 * somebody does, exits of all kinds, challenges right and wrong. It writes facts, and knows nothing of how
 * exits are judged.
 */
import { toHex, u64be } from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import {
  depositOf,
  encodeTransaction,
  hashOf,
  inFlightExitId,
  type Output,
  type Payment,
  type Position,
  positionOf,
  standardExitId,
  v2,
} from '@palisade/payments';
import { Dice } from '../../payments/test/dice.ts';
import type { ChainView } from '../src/exits/chain-view.ts';
import { NOT_INCLUDED } from '../src/exits/records.ts';
import type { RootEvent, RootFact } from '../src/root/facts.ts';
import { secondsAt } from './child-chain.ts';

/** Seconds of the shortest exit. */
export const MIN_EXIT_PERIOD = 1_200;
const ETHER = new Uint8Array(20);
const PEOPLE = [1, 2, 3].map((i) => new Uint8Array(20).fill(i));

export type Tx = {
  readonly raw: Uint8Array;
  readonly hash: Uint8Array;
  readonly payment: Payment;
  /** Where it is included. */
  place: { readonly blknum: number; readonly txindex: number } | undefined;
};

type Known = { readonly tx: Tx; readonly output: Output };
type OpenInFlight = { readonly tx: Tx; readonly placed: Set<string>; queued: boolean };

export class ExitWorld {
  readonly dice: Dice;
  readonly facts: RootFact[] = [];
  readonly txs: Tx[] = [];
  /** Outputs of deposits and of what is in blocks, by position, spent or not. */
  readonly known = new Map<Position, Known>();
  readonly unspent = new Set<Position>();
  readonly spentBy = new Map<Position, Tx>();
  readonly seen = new Map<string, number>();
  height = 1;
  blknum = 0;
  private deposits = 0;
  private readonly standard = new Map<bigint, { position: Position; challenged: boolean }>();
  private readonly inFlight = new Map<bigint, OpenInFlight>();
  private index = 0;

  constructor(seed: number) {
    this.dice = new Dice(seed);
  }

  /** Some facts share a block of the root chain. */
  private fact(event: RootEvent): void {
    if (this.dice.once(3)) this.index++;
    else {
      this.height++;
      this.index = 0;
    }
    const { height, index } = this;
    this.facts.push({ height, index, txHash: keccak256(u64be(BigInt(height))), event });
    this.seen.set(event.name, (this.seen.get(event.name) ?? 0) + 1);
  }

  get view(): ChainView {
    const signature = new Uint8Array(65);
    return {
      blknum: this.blknum,
      has: (position) => this.unspent.has(position),
      spenderOf: (position) => {
        const tx = this.spentBy.get(position);
        const input = tx?.payment.inputs.indexOf(position) ?? -1;
        return tx && { txHash: tx.hash, raw: tx.raw, input, signature, place: tx.place };
      },
      placeOf: (txHash) => this.txs.find(({ hash }) => toHex(hash) === toHex(txHash))?.place,
    };
  }

  /** Whoever wants to know which outputs leave. */
  onSpent: (position: Position) => void = () => {};

  private leave(position: Position): void {
    this.unspent.delete(position);
    this.onSpent(position);
  }

  private txOf(payment: Payment): Tx {
    const raw = encodeTransaction(payment);
    return { raw, hash: hashOf(raw), payment, place: undefined };
  }

  private learn(tx: Tx, blknum: number, txindex: number): void {
    for (const [oindex, output] of tx.payment.outputs.entries()) {
      const position = positionOf({ blknum, txindex, oindex });
      this.known.set(position, { tx, output });
      this.unspent.add(position);
    }
  }

  private anyPosition(): Position {
    return this.dice.pick([...this.known.keys()]);
  }

  deposit(): void {
    const blknum = ++this.deposits;
    const [depositor, amount] = [this.dice.pick(PEOPLE), BigInt(1 + this.dice.roll(9))];
    this.learn(this.txOf(depositOf(depositor, ETHER, amount)), blknum, 0);
    this.fact({ name: 'DepositCreated', depositor, blknum, token: ETHER, amount });
  }

  /** A transaction that somebody signed; nobody need ever see it. */
  craft(): void {
    const inputs = [...new Set([this.anyPosition(), this.anyPosition()])].slice(
      0,
      1 + this.dice.roll(2),
    );
    const outputs = Array.from({ length: 1 + this.dice.roll(2) }, () => ({
      ...{ type: 1, owner: this.dice.pick(PEOPLE), token: ETHER },
      amount: BigInt(1 + this.dice.roll(9)),
    }));
    const metadata = keccak256(u64be(BigInt(this.txs.length)));
    this.txs.push(this.txOf({ type: 1, inputs, outputs, metadata }));
  }

  block(): void {
    this.blknum += 1_000;
    const { blknum } = this;
    let txindex = 0;
    for (const tx of this.txs) {
      const free = tx.payment.inputs.every((position) => this.unspent.has(position));
      if (tx.place || !free || this.dice.once(2) || txindex === 3) continue;
      tx.place = { blknum, txindex };
      for (const position of tx.payment.inputs) {
        this.leave(position);
        this.spentBy.set(position, tx);
      }
      this.learn(tx, blknum, txindex++);
    }
    const root = keccak256(u64be(BigInt(blknum)));
    this.fact({ name: 'BlockSubmitted', blknum, root, seconds: secondsAt(this.height + 1) });
  }

  private queue(exitId: bigint, seconds: number): void {
    const priority = (BigInt(seconds) << v2.priority.timeAt) | exitId;
    this.fact({ name: 'ExitQueued', exitId, priority });
  }

  startStandard(): void {
    const position = this.anyPosition();
    const { tx, output } = this.known.get(position)!;
    const exitId = standardExitId(v2, tx.raw, position);
    if (this.standard.has(exitId)) return;
    this.standard.set(exitId, { position, challenged: false });
    const { owner } = output;
    this.fact({ name: 'ExitStarted', owner, exitId, utxoPos: position, outputTx: tx.raw });
    this.queue(exitId, secondsAt(this.height) + MIN_EXIT_PERIOD);
  }

  changeStandard(): void {
    if (this.standard.size === 0) return;
    const [exitId, exit] = this.dice.pick([...this.standard]);
    const kind = this.dice.roll(3);
    if (kind === 0) {
      if (exit.challenged) return;
      this.standard.set(exitId, { ...exit, challenged: true });
      this.fact({ name: 'ExitChallenged', utxoPos: exit.position });
      return;
    }
    this.standard.delete(exitId);
    if (kind === 1 || exit.challenged) this.fact({ name: 'ExitOmitted', exitId });
    else {
      this.leave(exit.position);
      this.fact({ name: 'ExitFinalized', exitId });
    }
  }

  startInFlight(): void {
    if (this.txs.length === 0) return;
    const tx = this.dice.pick(this.txs);
    const exitId = inFlightExitId(v2, tx.raw);
    if (this.inFlight.has(exitId)) return;
    this.inFlight.set(exitId, { tx, placed: new Set(), queued: false });
    const { inputs } = tx.payment;
    this.fact({
      ...{
        name: 'InFlightExitStarted',
        initiator: PEOPLE[0]!,
        txHash: tx.hash,
        inFlightTx: tx.raw,
      },
      inputUtxosPos: [...inputs],
      inFlightTxWitnesses: inputs.map(() => new Uint8Array(65)),
      inputTxs: inputs.map((position) => this.known.get(position)!.tx.raw),
      seconds: secondsAt(this.height + 1),
    });
  }

  private anyInFlight(): readonly [bigint, OpenInFlight] | undefined {
    return this.inFlight.size === 0 ? undefined : this.dice.pick([...this.inFlight]);
  }

  /** One of the inputs and outputs of a transaction, as `inputs 0`. */
  private anySide(tx: Tx): {
    readonly isInput: boolean;
    readonly index: number;
    readonly name: string;
  } {
    const isInput = this.dice.once(2);
    const index = this.dice.roll((isInput ? tx.payment.inputs : tx.payment.outputs).length);
    return { isInput, index, name: `${isInput} ${index}` };
  }

  piggyback(): void {
    const [exitId, exit] = this.anyInFlight() ?? [];
    if (exitId === undefined || !exit) return;
    const { isInput, index, name } = this.anySide(exit.tx);
    if (exit.placed.has(name)) return;
    exit.placed.add(name);
    const head = { exitTarget: PEOPLE[0]!, txHash: exit.tx.hash };
    if (isInput) this.fact({ name: 'InFlightExitInputPiggybacked', ...head, inputIndex: index });
    else this.fact({ name: 'InFlightExitOutputPiggybacked', ...head, outputIndex: index });
    if (!exit.queued) this.queue(exitId, secondsAt(this.height) + 2 * MIN_EXIT_PERIOD);
    exit.queued = true;
  }

  /** A piggyback is blocked, rightly or not; or paid. */
  closePiggyback(): void {
    const [exitId, exit] = this.anyInFlight() ?? [];
    if (exitId === undefined || !exit || exit.placed.size === 0) return;
    const name = this.dice.pick([...exit.placed]);
    const [isInput, index] = [name.startsWith('true'), Number(name.split(' ')[1])];
    exit.placed.delete(name);
    if (this.dice.once(2)) {
      const head = { challenger: PEOPLE[0]!, txHash: exit.tx.hash };
      if (isInput) this.fact({ name: 'InFlightExitInputBlocked', ...head, inputIndex: index });
      else this.fact({ name: 'InFlightExitOutputBlocked', ...head, outputIndex: index });
      return;
    }
    const { inputs } = exit.tx.payment;
    if (isInput) {
      this.leave(inputs[index]!);
      this.fact({ name: 'InFlightExitInputWithdrawn', exitId, inputIndex: index });
      return;
    }
    const { place } = exit.tx;
    const gone = place ? [positionOf({ ...place, oindex: index })] : inputs;
    for (const position of gone) this.leave(position);
    this.fact({ name: 'InFlightExitOutputWithdrawn', exitId, outputIndex: index });
  }

  /** Somebody shows another transaction with one of the inputs, wherever it is. */
  challenge(): void {
    const [, exit] = this.anyInFlight() ?? [];
    if (!exit) return;
    const { inputs } = exit.tx.payment;
    const rivals = this.txs.filter(
      (tx) => tx !== exit.tx && tx.payment.inputs.some((position) => inputs.includes(position)),
    );
    if (rivals.length === 0) return;
    const rival = this.dice.pick(rivals);
    const shared = inputs.findIndex((position) => rival.payment.inputs.includes(position));
    const { place } = rival;
    this.fact({
      ...{ name: 'InFlightExitChallenged', challenger: PEOPLE[0]!, txHash: exit.tx.hash },
      challengeTxPosition: place ? positionOf({ ...place, oindex: 0 }) : NOT_INCLUDED,
      inFlightTxInputIndex: shared,
      challengeTx: rival.raw,
      challengeTxInputIndex: rival.payment.inputs.indexOf(inputs[shared]!),
      challengeTxWitness: new Uint8Array(65),
    });
  }

  respond(): void {
    const [, exit] = this.anyInFlight() ?? [];
    if (!exit?.tx.place) return;
    this.fact({
      ...{ name: 'InFlightExitChallengeResponded', challenger: PEOPLE[0]!, txHash: exit.tx.hash },
      challengeTxPosition: positionOf({ ...exit.tx.place, oindex: 0 }),
    });
  }

  endInFlight(): void {
    const [exitId] = this.anyInFlight() ?? [];
    if (exitId === undefined) return;
    this.inFlight.delete(exitId);
    this.fact({
      name: this.dice.once(2) ? 'InFlightExitFinalized' : 'InFlightExitDeleted',
      exitId,
    });
  }

  wait(): void {
    this.height += 1 + this.dice.roll(40);
    this.index = 0;
  }

  /** Something happens. */
  deed(): void {
    if (this.known.size < 3) {
      this.deposit();
      return;
    }
    const deeds: readonly (() => void)[] = [
      ...[this.deposit, this.craft, this.craft, this.craft, this.block, this.block],
      ...[this.startStandard, this.startStandard, this.startStandard, this.changeStandard],
      ...[this.startInFlight, this.startInFlight, this.piggyback, this.piggyback, this.piggyback],
      ...[this.closePiggyback, this.challenge, this.challenge, this.respond, this.wait],
    ];
    if (this.dice.once(25)) this.endInFlight();
    else this.dice.pick(deeds).call(this);
  }
}
