/**
 * A node of somebody else that has to tell the same logs (X1): no counter tells of an exit whose log a node leaves out.
 * One that says nothing is done without; but what was believed without it is read again, from both nodes, as soon
 * as it answers, and compared with what was handed out. What that is takes one height and one hash, however long
 * the witness was away.
 */
import { PalisadeError } from '@palisade/core';
import type { Address } from 'viem';
import { trouble } from '../rpc/errors.ts';
import type { OnTrouble } from '../rpc/patient.ts';
import type { Question, Rpc } from '../rpc/rpc.ts';
import { type BlockHeader, blockAt, logsBetween, type RawLog } from '../rpc/shapes.ts';
import type { Checkpoint, LogsUpTo } from './checkpoint.ts';
import { hashOfLogs, orderedLogs, textOf } from './raw-logs.ts';

export type WitnessParts = {
  /** The node whose word counts, asked until it answers; `node` is who answered last. */
  readonly rpc: Rpc;
  readonly witness: Rpc;
  readonly addresses: readonly Address[];
  /** Blocks of one question at most. */
  readonly batchBlocks: bigint;
  readonly signal: AbortSignal | undefined;
  readonly onTrouble: OnTrouble | undefined;
};

/** Logs of a range as the first node tells them. */
export type Told = {
  readonly from: bigint;
  readonly last: BlockHeader;
  readonly logs: readonly RawLog[];
};

export class Witness {
  readonly #parts: WitnessParts;
  /** Up to here everything that was handed out was confirmed. */
  #confirmed: LogsUpTo;
  /** What is being read again: how far, by the logs that both nodes tell now, and up to which checkpoint. */
  #reading: { readonly upTo: LogsUpTo; readonly goal: Checkpoint } | undefined;
  /** Blocks of the next question; fewer after a node said that it was too much. */
  #span: bigint;
  /** It did not answer when it was asked last. */
  #isSilent = false;
  /** Reading again got on when it was tried last; else there is a pause, as either node lacks or refuses the next blocks. */
  #isGettingOn = false;
  /** Up to here logs were kept from us once: nothing counts there without the witness. */
  #contested = 0n;

  constructor(parts: WitnessParts, { witnessed }: Checkpoint) {
    this.#parts = parts;
    this.#confirmed = witnessed;
    this.#span = parts.batchBlocks;
  }

  get confirmed(): LogsUpTo {
    return this.#confirmed;
  }

  /** Whether it tells the same logs; false when it does not answer. Throws a trouble when it tells others. */
  async confirms(told: Told): Promise<boolean> {
    const { from, last } = told;
    const isConfirmed = !this.#isSilent && (await this.#isAlike(told));
    if (!isConfirmed && from <= this.#contested)
      throw trouble(
        'inconsistent',
        `Logs of the blocks ${from} to ${last.number} do not count before another node tells them: some were left out here before.`,
        { next: REMEDY },
      );
    return isConfirmed;
  }

  /** A range that is too long for it is one that it is silent at, and read again in smaller ones; unless it is needed. */
  async #isAlike(told: Told): Promise<boolean> {
    try {
      return await this.#compare(told);
    } catch (error) {
      if (!isRefusal(error) || told.from <= this.#contested) throw error;
      return this.#tell(error);
    }
  }

  /** Logs behind `height` that it confirmed are handed out. */
  handedOut(height: bigint, { height: end, logs }: LogsUpTo): void {
    if (this.#confirmed.height === height) this.#confirmed = { height: end, logs };
  }

  /** Whether there is more to read again, and no reason to wait. */
  get isCatchingUp(): boolean {
    return this.#reading !== undefined && this.#isGettingOn;
  }

  /**
   * Reads the next range again that it has not confirmed. False when what was handed out is not what both nodes tell
   * now: then everything behind `confirmed` has to be handed out anew.
   */
  async catchUp(checkpoints: readonly Checkpoint[]): Promise<boolean> {
    this.#isSilent = false;
    this.#isGettingOn = false;
    const newest = checkpoints.at(-1)!;
    if (this.#confirmed.height >= newest.height) return true;
    this.#reading ??= { upTo: this.#confirmed, goal: this.#goalOf(checkpoints) };
    const { upTo, goal } = this.#reading;
    const isLong = goal.height - upTo.height > this.#span;
    const end = isLong ? upTo.height + this.#span : goal.height;
    const read = await this.#readAgain(upTo.height + 1n, end);
    if (!read) return true;
    const { number: height, hash } = read.last;
    const logs = hashOfLogs(upTo.logs, read.logs);
    this.#reading = height < goal.height ? { upTo: { height, logs }, goal } : undefined;
    // Of a chain that was taken back there is nothing to compare: the follower is about to notice.
    if (height < goal.height || hash !== goal.hash) return true;
    if (logs === goal.logs) this.#confirmed = { height, logs };
    else this.#contested = newest.height;
    return logs === goal.logs;
  }

  /** Everything behind a checkpoint is void. */
  rewind({ height, logs }: Checkpoint): void {
    this.#reading = undefined;
    if (this.#confirmed.height > height) this.#confirmed = { height, logs };
  }

  /** The newest checkpoint that one question reaches, or else the next one. */
  #goalOf(checkpoints: readonly Checkpoint[]): Checkpoint {
    const { height: from } = this.#confirmed;
    const open = checkpoints.filter(({ height }) => height > from);
    return open.findLast(({ height }) => height <= from + this.#span) ?? open[0]!;
  }

  /**
   * What both nodes tell of a range; undefined when one of them lacks or refuses it, or the witness is silent. One that
   * keeps no old blocks is still asked for the new ones.
   */
  async #readAgain(from: bigint, to: bigint): Promise<Told | undefined> {
    const { rpc, addresses, batchBlocks } = this.#parts;
    const last = await rpc.ask(blockAt(to));
    if (last === undefined) return undefined;
    try {
      const logs = orderedLogs(await rpc.ask(logsBetween(from, to, addresses)), from, to);
      const told = { from, last, logs };
      if (!(await this.#compare(told))) return undefined;
      this.#span = this.#span * 2n > batchBlocks ? batchBlocks : this.#span * 2n;
      this.#isGettingOn = true;
      return told;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#isGettingOn = from < to;
      if (from < to) this.#span = (to - from + 1n) / 2n;
      else this.#tell(error);
      return undefined;
    }
  }

  async #compare({ from, last, logs }: Told): Promise<boolean> {
    const { addresses } = this.#parts;
    const to = last.number;
    const block = await this.#ask(blockAt(to));
    if (block === undefined) return false;
    // Who has not that block tells no logs of it, either.
    if (block === 'none') return this.#tell(lagging(this.#parts.witness, to));
    if (block.hash !== last.hash) throw this.#disagreement(from, to, `They differ in block ${to}.`);
    const answer = await this.#ask(logsBetween(from, to, addresses));
    if (answer === undefined || answer === 'none') return false;
    const others = orderedLogs(answer, from, to);
    const where = firstDifference(logs, others);
    if (where === undefined) return true;
    const counts = `${logs.length} and ${others.length}, and differ first in block ${where}`;
    throw this.#disagreement(from, to, `They tell ${counts}.`);
  }

  /** One try each time. Undefined when it does not answer, 'none' when it answers that there is nothing. */
  async #ask<T>(question: Question<T>): Promise<Exclude<T, undefined> | 'none' | undefined> {
    const { witness, signal } = this.#parts;
    try {
      return ((await witness.ask(question, signal)) ?? 'none') as Exclude<T, undefined> | 'none';
    } catch (error) {
      if (signal?.aborted || !(error instanceof PalisadeError) || isRefusal(error)) throw error;
      this.#isSilent = true;
      this.#tell(error);
      return undefined;
    }
  }

  #tell(error: PalisadeError): false {
    this.#parts.onTrouble?.(error, 1, 0);
    return false;
  }

  #disagreement(from: bigint, to: bigint, how: string): PalisadeError {
    const { rpc, witness } = this.#parts;
    const [one, other] = [rpc.node ?? 'the first', witness.node ?? 'the witness'];
    return trouble(
      'inconsistent',
      `Two nodes of the root chain, ${one} and ${other}, tell different logs of the blocks ${from} to ${to}. ${how}`,
      { data: { one, other, from: `${from}`, to: `${to}` }, next: REMEDY },
    );
  }
}

/** The first block whose logs are not the same; undefined when all are. */
function firstDifference(a: readonly RawLog[], b: readonly RawLog[]): bigint | undefined {
  for (let i = 0; i < a.length || i < b.length; i++) {
    const [one, other] = [a[i], b[i]];
    if (one && other && textOf(one) === textOf(other)) continue;
    const [earlier] = [one, other].flatMap((log) => log?.blockNumber ?? []).sort(byNumber);
    return earlier;
  }
  return undefined;
}

const byNumber = (a: bigint, b: bigint) => Number(a - b);

const REMEDY =
  'Nothing counts until they agree. If this lasts, look these blocks up with a third node, and start again without the one that is wrong.';

function lagging({ node = 'The witness' }: Rpc, height: bigint): PalisadeError {
  return trouble('inconsistent', `${node} does not have block ${height} of the root chain yet.`);
}

function isRefusal(error: unknown): error is PalisadeError {
  return error instanceof PalisadeError && error.code === 'rootchain/refused';
}
