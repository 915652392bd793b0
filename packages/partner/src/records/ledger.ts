/**
 * The partner's own books, one line of JSON per answered audit and per payment, so that anyone who
 * has the disks of client and partner can work out what must have been paid.
 *
 *   ledger/<session>.jsonl        {session, job, partner, rate, sequence, answered: {height, leaves}, transaction}
 *   ledger/<session>.paid.jsonl   {session, job, partner, amount, height}
 *
 * Amounts, heights and sessions are decimal strings, ids 0x-hex. A line that a crash cut off is
 * completed from the chain's events at the next start.
 */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '@palisade/core';
import { ensureDir } from '@palisade/daemon';
import { type HexId, hexOf } from './agreement.ts';

export type AnswerLine = {
  readonly session: bigint;
  readonly job: Uint8Array;
  readonly partner: Uint8Array;
  readonly rate: bigint;
  readonly sequence: number;
  readonly height: bigint;
  readonly leaves: readonly number[];
  /** Id of the answer; undefined where the chain tells of it and this process did not see it go. */
  readonly transaction: Uint8Array | undefined;
};

export type PaidLine = {
  readonly session: bigint;
  readonly job: Uint8Array;
  readonly partner: Uint8Array;
  readonly amount: bigint;
  readonly height: bigint;
};

/** Sessions whose jobs are kept in memory: the running one, the one before, and one being replayed. */
const SESSIONS_KEPT = 3;

export class Ledger {
  readonly #folder: string;
  readonly #seen = new Map<string, Promise<Set<HexId>>>();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(folder: string): Promise<Ledger> {
    await ensureDir(folder);
    return new Ledger(folder);
  }

  /** Whether the answer of a job in a session stands in the book. */
  async hasAnswer(session: bigint, job: HexId): Promise<boolean> {
    return (await this.#jobsIn(`${session}.jsonl`)).has(job);
  }

  /** Writes an answer, once per session and job. Durable when the promise resolves. */
  noteAnswer(line: AnswerLine): Promise<boolean> {
    return this.#append(`${line.session}.jsonl`, hexOf(line.job), {
      session: `${line.session}`,
      job: toHex(line.job),
      partner: toHex(line.partner),
      rate: `${line.rate}`,
      sequence: line.sequence,
      answered: { height: `${line.height}`, leaves: line.leaves },
      transaction: line.transaction ? toHex(line.transaction) : null,
    });
  }

  /** Writes a payment, once per session and job. True when it is new. */
  notePaid(line: PaidLine): Promise<boolean> {
    return this.#append(`${line.session}.paid.jsonl`, hexOf(line.job), {
      session: `${line.session}`,
      job: toHex(line.job),
      partner: toHex(line.partner),
      amount: `${line.amount}`,
      height: `${line.height}`,
    });
  }

  /** Resolves when all that was noted is written. */
  async settled(): Promise<void> {
    await this.#last;
  }

  #append(file: string, job: HexId, line: object): Promise<boolean> {
    const result = this.#last.then(async () => {
      const seen = await this.#jobsIn(file);
      if (seen.has(job)) return false;
      await appendDurably(join(this.#folder, file), `${JSON.stringify(line)}\n`);
      seen.add(job);
      return true;
    });
    this.#last = result.catch(() => {}); // the caller hears of it; the next line goes on
    return result;
  }

  #jobsIn(file: string): Promise<Set<HexId>> {
    const known = this.#seen.get(file);
    if (known) return known;
    const loading = readJobs(join(this.#folder, file));
    this.#seen.set(file, loading);
    if (this.#seen.size > 2 * SESSIONS_KEPT) this.#seen.delete(this.#seen.keys().next().value!);
    return loading;
  }
}

async function appendDurably(path: string, line: string): Promise<void> {
  const file = await open(path, 'a+');
  try {
    // A crash may have left half a line: what follows must begin on a line of its own.
    const { size } = await file.stat();
    const last = new Uint8Array(1);
    if (size > 0) await file.read(last, 0, 1, size - 1);
    const torn = size > 0 && last[0] !== 0x0a;
    await file.writeFile(torn ? `\n${line}` : line);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function readJobs(path: string): Promise<Set<HexId>> {
  const jobs = new Set<HexId>();
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  for (const line of text.split('\n')) {
    const job = jobOf(line);
    if (job) jobs.add(job);
  }
  return jobs;
}

function jobOf(line: string): HexId | undefined {
  try {
    return (JSON.parse(line) as { job: string }).job.slice(2);
  } catch {
    return undefined; // the empty end of the file, or half a line
  }
}
