import { CODE, nodeKeys, Overlay, params } from '@palisade/chain';
import { DEFAULT_PARAMS } from '@palisade/chain/schema';
import { MemoryStore, refuse } from '@palisade/core';
import type { Submission } from '@palisade/engine';
import { rebut } from '@palisade/market';
import { expect, it } from 'vitest';
import { fileCommand } from './file-command.ts';
import type { Pool } from './pool.ts';
import type { Validator } from './validator.ts';

const KEY = new Uint8Array(32).fill(1);
const hash = new Uint8Array(32);
const refusal = refuse('engine/tx-refused', 'It is refused.');
const bound = { account: new Uint8Array(20), nonce: 3n, revoked: 0, label: '', sinceHeight: 1n };
const committed = new Overlay(new MemoryStore());
nodeKeys.set(committed, [KEY], bound);
params.set(committed, [], DEFAULT_PARAMS);

function filed(submission: Submission) {
  const pool = { application: { committed }, engine: { submit: async () => submission } };
  const self = { nodeKey: KEY, sign: async () => new Uint8Array() };
  const fields = { job: hash, partner: KEY, word: new Uint8Array() };
  return fileCommand(pool as unknown as Pool, self as unknown as Validator, rebut, fields, 100);
}

/** As the application answers; its code says by what a transaction was refused. */
const check = (code: number, codespace: string) => ({ code, codespace, log: '' }) as never;

it('what the rules of a command refuse is over, whichever module they are of; all else is tried again', async () => {
  const no = { accepted: false, hash, refusal } as const;
  expect(await filed({ ...no, check: check(CODE.refused, 'brand-new/not-now') })).toBe('refused');
  expect(await filed({ ...no, check: check(CODE.unpaid, 'accounts/nonce-used') })).toBe('later');
  expect(await filed({ ...no, check: check(CODE.unpaid, 'market/cannot-pay') })).toBe('later');
  expect(await filed(no)).toBe('later');
  expect(await filed({ accepted: true, hash, known: true })).toBe('later');
  expect(await filed({ accepted: true, hash, known: false })).toBe('filed');
});
