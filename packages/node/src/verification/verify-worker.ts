/** Thread that checks form and signature of transactions; see `thread-opener.ts`. */
import { parentPort, workerData } from 'node:worker_threads';
import { isRefusal, open, type Refusal, signingDomain, verifyOpened } from '@palisade/core';
import { commandCatalogue } from '../compose.ts';

/** One batch: transactions back to back in `data`, with their lengths. */
export type Batch = {
  readonly id: number;
  readonly data: Uint8Array;
  readonly lengths: Uint32Array;
};
/**
 * Digests and ids back to back, and the refusals by index: the hashes of a refused transaction are
 * void.
 */
export type Verdicts = {
  readonly id: number;
  readonly digests: Uint8Array;
  readonly ids: Uint8Array;
  readonly refusals: readonly (readonly [index: number, refusal: Refusal])[];
};

const domain = signingDomain(workerData as Uint8Array);
const known = commandCatalogue(domain);

parentPort!.on('message', ({ id, data, lengths }: Batch) => {
  const digests = new Uint8Array(32 * lengths.length);
  const ids = new Uint8Array(32 * lengths.length);
  const refusals: [number, Refusal][] = [];
  let offset = 0;
  for (const [i, length] of lengths.entries()) {
    const opened = open(data.subarray(offset, offset + length), known, domain);
    offset += length;
    const verdict = isRefusal(opened) ? opened : verifyOpened(opened);
    if (verdict) refusals.push([i, verdict]);
    if (isRefusal(opened)) continue;
    digests.set(opened.digest, 32 * i);
    ids.set(opened.id, 32 * i);
  }
  const verdicts: Verdicts = { id, digests, ids, refusals };
  parentPort!.postMessage(verdicts, [digests.buffer, ids.buffer]);
});
