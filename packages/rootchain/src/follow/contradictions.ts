/**
 * Answers that contradict what was believed before. One may be a slip of the node; the same one again and
 * again is the truth, and what was believed has to be taken back.
 */
import { PalisadeError } from '@palisade/core';
import type { Hex } from 'viem';
import { trouble } from '../rpc/errors.ts';

const BROKEN = 'block';
const LOST = 'logs';

/** The block behind our last one is now the child of another. */
export function brokenChain(height: bigint, parent: Hex): PalisadeError {
  return trouble(
    'inconsistent',
    `Block ${height} of the root chain is another one now: ${parent}.`,
    {
      data: { contradicts: BROKEN, what: `${height} ${parent}` },
    },
  );
}

/** Blocks or deposits are missing from the logs, here or in an earlier batch. */
export function lostLogs(what: string, expected: bigint, got: bigint): PalisadeError {
  return trouble(
    'inconsistent',
    `Logs of ${what} are missing: the next is ${expected} by the logs, but ${got} on the chain.`,
    { data: { contradicts: LOST, what: `${what} ${expected} ${got}` } },
  );
}

/** Counts how often the same contradiction was met in a row. */
export class Contradictions {
  #last = '';
  #times = 0;

  /** Which kind to believe in, when `error` is a contradiction that was met `limit` times in a row. */
  believe(error: unknown, limit: number): 'block' | 'logs' | undefined {
    const data = error instanceof PalisadeError ? error.data : {};
    const kind = data.contradicts;
    if (kind !== BROKEN && kind !== LOST) return undefined;
    const what = `${kind} ${String(data.what)}`;
    this.#times = what === this.#last ? this.#times + 1 : 1;
    this.#last = what;
    return this.#times >= limit ? kind : undefined;
  }

  clear(): void {
    this.#last = '';
    this.#times = 0;
  }
}
