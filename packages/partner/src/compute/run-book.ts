/** Runs that are done, on disk: what came of each, signed, and its output beside it. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { byteList, bytes32, type Clock, type Infer, record, text, u8, u64 } from '@palisade/core';
import { atomicWrite, ensureDir } from '@palisade/daemon';
import { type HexId, hexOf } from '../records/agreement.ts';
import { readJson } from '../records/saved-file.ts';

/** Version of the form; a change of fields needs a new one. */
const VERSION = 1;
/** How long an output is kept after its run, ms: its client waits for it; an hour forgives a crash. */
const KEEP_MS = 3_600_000;

const runForm = record('PartnerRun', {
  version: u8,
  job: bytes32,
  result: byteList(1024).is('Envelope of the signed market.run-result; empty without a result'),
  allowed: u64.is('Fuel that the work allows'),
  reason: text(200).is('What happened, or why there is no result, in words'),
  isPaid: u8.is('1 once the client has signed the receipt: then the output may leave'),
});
export type RunRecord = Readonly<Omit<Infer<typeof runForm>, 'version'>>;

export class RunBook {
  readonly #folder: string;
  readonly #clock: Clock;

  private constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  static async open(folder: string, clock: Clock): Promise<RunBook> {
    await ensureDir(folder);
    const book = new RunBook(folder, clock);
    await book.expire();
    return book;
  }

  async get(job: Uint8Array): Promise<RunRecord | undefined> {
    const json = await readJson(this.#path(hexOf(job), 'json'));
    return json === undefined ? undefined : runForm.fromJson(json, 'run');
  }

  /** Writes a run down, its output first: a record without one never stands there. */
  async put(run: RunRecord, output: Uint8Array): Promise<void> {
    await atomicWrite(this.#path(hexOf(run.job), 'output'), output);
    await this.#write(run);
  }

  /** Notes that an output may leave. Durable when the promise resolves. */
  async release(job: Uint8Array): Promise<void> {
    const run = await this.get(job);
    if (run) await this.#write({ ...run, isPaid: 1 });
  }

  async output(job: Uint8Array): Promise<Uint8Array> {
    return new Uint8Array(await readFile(this.#path(hexOf(job), 'output')));
  }

  /** Lets go of what was kept long enough. */
  async expire(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      const { mtimeMs } = await stat(path);
      if (mtimeMs + KEEP_MS < this.#clock.nowMs()) await rm(path, { force: true });
    }
  }

  #write(run: RunRecord): Promise<void> {
    const json = JSON.stringify(runForm.toJson({ version: VERSION, ...run }));
    return atomicWrite(this.#path(hexOf(run.job), 'json'), `${json}\n`);
  }

  #path(id: HexId, kind: 'json' | 'output'): string {
    return join(this.#folder, `${id}.${kind}`);
  }
}
