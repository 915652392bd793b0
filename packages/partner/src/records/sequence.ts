/** A number that only grows, also across crashes. */
import { PalisadeError } from '@palisade/core';
import { atomicWrite } from '@palisade/daemon';
import { readJson } from './saved-file.ts';

/** Numbers claimed on disk at once: one write for an hour of READY messages on a busy partner. */
const CLAIM = 1000n;

export class Sequence {
  readonly #path: string;
  #next: bigint;
  #claimed: bigint;

  private constructor(path: string, next: bigint) {
    this.#path = path;
    this.#next = next;
    this.#claimed = next;
  }

  /** Goes on above everything that was given out before. @throws PalisadeError `partner/bad-record` */
  static async open(path: string): Promise<Sequence> {
    const json = await readJson(path).catch(() => null);
    if (json === undefined) return new Sequence(path, 1n);
    const claimed = (json as { claimed?: unknown } | null)?.claimed;
    if (typeof claimed === 'string' && /^\d{1,19}$/.test(claimed))
      return new Sequence(path, BigInt(claimed));
    throw new PalisadeError({
      code: 'partner/bad-record',
      message: `The sequence in ${path} cannot be read.`,
      next: 'Delete the file: the validators tell the last sequence that they know.',
      data: { path },
    });
  }

  async next(): Promise<bigint> {
    const value = this.#next++;
    if (value >= this.#claimed) {
      this.#claimed = value + CLAIM;
      await atomicWrite(this.#path, `{"claimed":"${this.#claimed}"}\n`);
    }
    return value;
  }

  /** Somebody knows a higher one of ours: the file was lost once. */
  passOver(known: bigint): void {
    if (known >= this.#next) this.#next = known + 1n;
  }
}
