import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeSigner, PalisadeError, toHex } from '@palisade/core';
import { createMetrics, silentLogger } from '@palisade/daemon';
import { answerAudit, auditDueQuery, jobQuery, marketParamsQuery } from '@palisade/market/schema';
import { expect, it } from 'vitest';
import { DEVELOPMENT_TIMING } from '../config.ts';
import { partnerMetrics } from '../metrics.ts';
import type { Network } from '../network.ts';
import { hexOf } from '../records/agreement.ts';
import { Ledger } from '../records/ledger.ts';
import { Auditor } from './auditor.ts';

const signer = nodeSigner(new Uint8Array(32).fill(9));
const job = new Uint8Array(32).fill(4);
const transaction = new Uint8Array(32).fill(7);
const RATE = 5n;
const SESSION = 3n;
const HEIGHT = 40n;
const session = { number: SESSION, randomness: new Uint8Array(32), randomnessHeight: 30n };
const record = { job, state: 'active', firstSession: 2n, lastSession: 9n, size: 100n };

/** A chain that takes an answer, whose sender gives up waiting just before it would hear of it. */
function slowChain(tell: () => Promise<void>) {
  let isAnswered = false;
  const answers = new Map<unknown, unknown>([
    [marketParamsQuery, { auditSamples: 1 }],
    [auditDueQuery, { jobs: [job] }],
    [jobQuery, { job: { size: 100n }, agreements: [{ partner: signer.id, agreement: {} }] }],
  ]);
  const value = { job: toHex(job) };
  const found = {
    id: transaction,
    name: answerAudit.name,
    code: 0,
    sender: toHex(signer.id),
    value,
  };
  return {
    find: async (query: unknown) => answers.get(query),
    session: async () => session,
    block: async () => ({ transactions: [found] }),
    async post() {
      if (isAnswered) throw new PalisadeError({ code: 'market/audit-answered', message: 'It is.' });
      return { id: transaction, envelope: transaction };
    },
    async waitFor() {
      isAnswered = true;
      await tell();
      throw new PalisadeError({ code: 'client/not-included', message: 'No.', retry: 'later' });
    },
  } as unknown as Network;
}

it('[P2V-5] an answer that came into its block after all is in the book, though nobody waited for it any more', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'palisade-auditor-'));
  const ledger = await Ledger.open(folder);
  const amount = RATE;
  const network = slowChain(() => auditor.noteAnswered({ job, session: SESSION, amount }, HEIGHT));
  const auditor: Auditor = new Auditor({
    ...{ network, signer, ledger, sessionMs: 1000, log: silentLogger },
    book: { all: () => [record], get: () => record } as never,
    store: { prove: async () => ({ ok: true, value: [] }) } as never,
    timing: { ...DEVELOPMENT_TIMING, retryMs: 1, auditSpreadPpm: 0 },
    clock: { nowMs: () => 0 },
    metrics: createMetrics(partnerMetrics, { process: false }),
    signal: new AbortController().signal,
    tend: () => {},
  });
  await auditor.look(session as never);
  await expect.poll(() => ledger.hasAnswer(SESSION, hexOf(job))).toBe(true);
  await auditor.stop();
  const [line, end] = (await readFile(join(folder, `${SESSION}.jsonl`), 'utf8')).split('\n');
  expect(end).toBe('');
  const answered = expect.objectContaining({ height: `${HEIGHT}` });
  const known = { session: `${SESSION}`, job: toHex(job), rate: `${RATE}`, answered };
  expect(JSON.parse(line!)).toMatchObject({ ...known, transaction: toHex(transaction) });
  await rm(folder, { recursive: true });
});
