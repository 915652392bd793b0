/**
 * Stories about exits: what happens on the root chain, in the words of the domain, and what a watcher makes of it.
 *
 * @example
 * const story = new ExitStory();
 * const coin = story.deposit(ALICE, 10n);
 * story.include(story.pay([coin], [[BOB, 10n]]));
 * story.startExit(coin);
 * story.names(); // ['invalid_exit']
 */
import { toHex, u64be } from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import {
  depositOf,
  encodeTransaction,
  hashOf,
  inFlightExitId,
  type Payment,
  type Position,
  positionOf,
  standardExitId,
  v2,
} from '@palisade/payments';
import { ETHER, type Person, payment, type To } from '../../payments/test/wallets.ts';
import { type ChainView, NO_TIP } from '../src/exits/chain-view.ts';
import { ExitTable } from '../src/exits/exit-table.ts';
import { judgeExits, type Verdict } from '../src/exits/judge.ts';
import { NOT_INCLUDED } from '../src/exits/records.ts';
import type { Payout } from '../src/ledger/books.ts';
import type { RootEvent, RootFact } from '../src/root/facts.ts';
import { secondsAt } from './child-chain.ts';
import { BLOCK_SECONDS, SLA_BLOCKS } from './exit-oracle.ts';
import { MIN_EXIT_PERIOD } from './exit-world.ts';

const SIGNATURE = new Uint8Array(65);
const SOMEBODY = new Uint8Array(20).fill(9);
export type Side = 'Input' | 'Output';

export class ExitStory {
  readonly facts: RootFact[] = [];
  /** What facts told to be paid, in their order. */
  readonly payouts: (Payout | undefined)[] = [];
  height = 1;
  private readonly table = new ExitTable(v2);
  private readonly raws = new Map<Position, Uint8Array>();
  private readonly unspent = new Set<Position>();
  private readonly spentBy = new Map<
    Position,
    { readonly raw: Uint8Array; readonly input: number }
  >();
  private readonly places = new Map<
    string,
    { readonly blknum: number; readonly txindex: number }
  >();
  private blknum = 0;
  private deposits = 0;
  private notes = 0;

  fact(event: RootEvent): void {
    this.height++;
    const { height } = this;
    const fact = { height, index: 0, txHash: keccak256(u64be(BigInt(height))), event };
    this.facts.push(fact);
    this.payouts.push(this.table.payoutOf(fact, this.view.placeOf));
    this.table.apply(fact);
  }

  get view(): ChainView {
    return {
      blknum: this.blknum,
      has: (position) => this.unspent.has(position),
      placeOf: (txHash) => this.places.get(toHex(txHash)),
      spenderOf: (position) => {
        const spender = this.spentBy.get(position);
        if (!spender) return undefined;
        const txHash = hashOf(spender.raw);
        return { ...spender, txHash, signature: SIGNATURE, place: this.places.get(toHex(txHash)) };
      },
    };
  }

  deposit(who: Person, amount: bigint): Position {
    const blknum = ++this.deposits;
    const position = positionOf({ blknum, txindex: 0, oindex: 0 });
    this.raws.set(position, encodeTransaction(depositOf(who.address, ETHER, amount)));
    this.unspent.add(position);
    const depositor = who.address;
    this.fact({ name: 'DepositCreated', depositor, blknum, token: ETHER, amount });
    return position;
  }

  /** A payment that differs from all others. */
  pay(inputs: readonly Position[], to: readonly To[]): Payment {
    return payment(inputs, to, ++this.notes);
  }

  /** A child block with payments in it; answers the position of the first output of the first. */
  include(...payments: readonly Payment[]): Position {
    this.blknum += 1000;
    const { blknum } = this;
    for (const [txindex, one] of payments.entries()) {
      const raw = encodeTransaction(one);
      this.places.set(toHex(hashOf(raw)), { blknum, txindex });
      for (const [input, position] of one.inputs.entries()) {
        this.unspent.delete(position);
        this.spentBy.set(position, { raw, input });
      }
      for (const oindex of one.outputs.keys()) {
        const position = positionOf({ blknum, txindex, oindex });
        this.raws.set(position, raw);
        this.unspent.add(position);
      }
    }
    const root = keccak256(u64be(BigInt(blknum)));
    this.fact({ name: 'BlockSubmitted', blknum, root, seconds: secondsAt(this.height) });
    return positionOf({ blknum, txindex: 0, oindex: 0 });
  }

  private exitIdAt(position: Position): bigint {
    return standardExitId(v2, this.raws.get(position)!, position);
  }

  startExit(position: Position): void {
    const exitId = this.exitIdAt(position);
    const outputTx = this.raws.get(position)!;
    this.fact({ name: 'ExitStarted', owner: SOMEBODY, exitId, utxoPos: position, outputTx });
    this.queue(exitId, MIN_EXIT_PERIOD);
  }

  private queue(exitId: bigint, after: number): void {
    const priority = BigInt(secondsAt(this.height) + after) << v2.priority.timeAt;
    this.fact({ name: 'ExitQueued', exitId, priority });
  }

  challengeExit(position: Position): void {
    this.fact({ name: 'ExitChallenged', utxoPos: position });
  }

  omitExit(position: Position): void {
    this.fact({ name: 'ExitOmitted', exitId: this.exitIdAt(position) });
  }

  startInFlight(one: Payment): void {
    const raw = encodeTransaction(one);
    this.fact({
      ...{ name: 'InFlightExitStarted', initiator: SOMEBODY, txHash: hashOf(raw), inFlightTx: raw },
      inputUtxosPos: [...one.inputs],
      inFlightTxWitnesses: one.inputs.map(() => SIGNATURE),
      inputTxs: one.inputs.map((position) => this.raws.get(position)!),
      seconds: secondsAt(this.height + 1),
    });
  }

  piggyback(one: Payment, side: Side, index: number): void {
    const raw = encodeTransaction(one);
    const head = { exitTarget: SOMEBODY, txHash: hashOf(raw) };
    if (side === 'Input')
      this.fact({ name: 'InFlightExitInputPiggybacked', ...head, inputIndex: index });
    else this.fact({ name: 'InFlightExitOutputPiggybacked', ...head, outputIndex: index });
  }

  blockInput(one: Payment, inputIndex: number): void {
    const txHash = hashOf(encodeTransaction(one));
    this.fact({ name: 'InFlightExitInputBlocked', challenger: SOMEBODY, txHash, inputIndex });
  }

  /** Somebody shows another payment, included or not, that spends the first input. */
  challengeInFlight(one: Payment, rival: Payment): void {
    const raw = encodeTransaction(rival);
    const place = this.places.get(toHex(hashOf(raw)));
    this.fact({
      ...{ name: 'InFlightExitChallenged', challenger: SOMEBODY },
      txHash: hashOf(encodeTransaction(one)),
      challengeTxPosition: place ? positionOf({ ...place, oindex: 0 }) : NOT_INCLUDED,
      inFlightTxInputIndex: 0,
      challengeTx: raw,
      challengeTxInputIndex: rival.inputs.indexOf(one.inputs[0]!),
      challengeTxWitness: SIGNATURE,
    });
  }

  withdraw(one: Payment, side: Side, index: number): void {
    const raw = encodeTransaction(one);
    const exitId = inFlightExitId(v2, raw);
    if (side === 'Input')
      this.fact({ name: 'InFlightExitInputWithdrawn', exitId, inputIndex: index });
    else this.fact({ name: 'InFlightExitOutputWithdrawn', exitId, outputIndex: index });
    for (const position of [
      ...(this.payouts.at(-1)?.paid ?? []),
      ...(this.payouts.at(-1)?.consumed ?? []),
    ])
      this.unspent.delete(position);
  }

  deleteInFlight(one: Payment): void {
    this.fact({ name: 'InFlightExitDeleted', exitId: inFlightExitId(v2, encodeTransaction(one)) });
  }

  /** Blocks of the root chain in which nothing happens. */
  wait(blocks: number): void {
    this.height += blocks;
  }

  verdict(table = this.table): Verdict {
    return judgeExits({
      ...{ dialect: v2, table, view: this.view, tip: NO_TIP },
      now: { height: this.height, seconds: secondsAt(this.height) },
      margins: { slaBlocks: SLA_BLOCKS, blockTimeMs: 1000 * BLOCK_SECONDS },
      minExitPeriodSeconds: MIN_EXIT_PERIOD,
    });
  }

  /** As somebody who has read nothing so far would judge. */
  fromScratch(): Verdict {
    const table = new ExitTable(v2);
    for (const fact of this.facts) table.apply(fact);
    return this.verdict(table);
  }

  /** Names of all that is found, in the order of the alphabet. */
  names(): string[] {
    return [...new Set(this.verdict().events.map(({ event }) => event))].sort();
  }
}
