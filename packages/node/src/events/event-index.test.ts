import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { u64be } from '@palisade/core';
import type { CommittedBlock, EmbeddedEngine } from '@palisade/engine';
import { open } from 'lmdb';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { catchUpIndex } from './catch-up.ts';
import { EventIndex } from './event-index.ts';

const JOB = new Uint8Array(32).fill(7);
const HEIGHT = 3n;

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'palisade-index-'));
});
afterEach(() => rm(path, { recursive: true, force: true }));

const openIndex = () => new EventIndex(path, [], new Map() as never, {} as never);

function blockAt(height: bigint): CommittedBlock {
  const ended = { type: 'ended', attributes: [{ key: 'job', value: `0x${'07'.repeat(32)}` }] };
  const header = { height, timeNs: 0n };
  const results = { events: [ended], txResults: [] };
  return { block: { header, txs: [] }, results } as unknown as CommittedBlock;
}

/** An engine that has all blocks, and tells which it was asked for. */
function engineOf(asked: bigint[]): EmbeddedEngine {
  return {
    status: async () => ({ height: HEIGHT }),
    block: async (height: bigint) => {
      asked.push(height);
      return blockAt(height);
    },
    blockResults: async (height: bigint) => blockAt(height).results,
    commit: async () => ({ commit: {} }),
  } as unknown as EmbeddedEngine;
}

it('an index of another form is made again from the first block, and one of this form is gone on with', async () => {
  const options = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const old = open<Uint8Array, Uint8Array>({ path, ...options });
  const table = (name: string) => old.openDB<Uint8Array, Uint8Array>({ name, ...options });
  // It noted its height elsewhere, and has what is not written any more.
  await table('meta').put(new Uint8Array([0]), u64be(HEIGHT));
  const place = Buffer.concat([u64be(HEIGHT), Buffer.from([0, 0, 0, 9])]);
  await table('events').put(place, Buffer.from('{"height":"9"}'));
  await table('histories').put(Buffer.concat([JOB, place]), new Uint8Array(1));
  await old.close();

  const asked: bigint[] = [];
  for (const wanted of [[1n, 2n, 3n], []]) {
    const index = openIndex();
    asked.length = 0;
    await catchUpIndex(engineOf(asked), index);
    expect(asked).toEqual(wanted);
    expect(index.historyOf(JOB).map(({ height }) => height)).toEqual(['1', '2', '3']);
    await index.close();
  }
});
