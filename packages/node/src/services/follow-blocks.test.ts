import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { currentSession, Overlay } from '@palisade/chain';
import { MemoryStore } from '@palisade/core';
import { silentLogger } from '@palisade/daemon';
import { draws } from '@palisade/power';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DrawRoots } from '../store/draw-roots.ts';
import { keepDrawRoots } from './follow-blocks.ts';

const ROOTS = [{ name: 'power', root: `0x${'07'.repeat(32)}` }];
const DRAW = {
  ...{ seats: 1, reserve: 0, leastPower: 1n, candidates: 1, winners: [] },
  seed: new Uint8Array(32),
};
const drawn = (session: bigint) => {
  const fields = { session: `${session}`, candidates: '1', seats: '1', winners: '[]' };
  const attributes = Object.entries(fields).map(([key, value]) => ({ key, value, index: false }));
  return { results: { events: [{ type: 'power.seats-drawn', attributes }] } } as never;
};

describe('the roots of a session in which seats were drawn', () => {
  let folder: string;
  let drawRoots: DrawRoots;
  let warned: unknown[];
  const log = { ...silentLogger, warn: (...said: unknown[]) => void warned.push(said) };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'palisade-roots-'));
    drawRoots = new DrawRoots(folder);
    warned = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A node whose chain is in one session when it asks for the roots, and in another when it has them. */
  function nodeIn(before: bigint, after = before) {
    const committed = new Overlay(new MemoryStore());
    currentSession.set(committed, [], before);
    draws.set(committed, [7n], DRAW);
    const query = async () => {
      currentSession.set(committed, [], after);
      return { height: 40n, value: Buffer.from(JSON.stringify(ROOTS)) };
    };
    return { application: { committed, query }, drawRoots } as never;
  }

  it('[P8] are kept under that session', async () => {
    await keepDrawRoots(nodeIn(7n), drawn(7n), log);
    expect(await drawRoots.find(7n)).toEqual({ height: '40', roots: ROOTS });
    expect(await drawRoots.find(8n)).toBeUndefined();
    expect(warned).toEqual([]);
  });

  it.each([
    [7n, 8n],
    [8n, 8n],
  ])('[P8] are lost with a word when the session is over: %s, %s', async (before, after) => {
    await keepDrawRoots(nodeIn(before, after), drawn(7n), log);
    expect(await drawRoots.find(7n)).toBeUndefined();
    expect(await drawRoots.find(8n)).toBeUndefined();
    expect(warned).toEqual([[expect.stringContaining('lost'), { session: 7n }]]);
  });

  it('[P8] that cannot be read are not said to be missing', async () => {
    await mkdir(join(folder, '7.json'));
    await expect(drawRoots.find(7n)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});
