import { nodeSigner, PalisadeError, toHex, type ValueOf } from '@palisade/core';
import { createMetrics, silentLogger } from '@palisade/daemon';
import { JOB_STATE, type Job, type ready, responsibleFor, UTILITY } from '@palisade/market/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEVELOPMENT_TIMING } from '../config.ts';
import { partnerMetrics } from '../metrics.ts';
import type { Network } from '../network.ts';
import { Complainer } from './complainer.ts';

const signer = nodeSigner(new Uint8Array(32).fill(9));
const id = new Uint8Array(32).fill(4);
const job: Job = {
  client: new Uint8Array(20),
  utility: UTILITY.storage,
  subject: new Uint8Array(32),
  size: 100n,
  partners: 1,
  sessions: 2,
  maxRate: 9n,
  height: 7n,
  session: 3n,
  state: JOB_STATE.confirmed,
  active: 0,
  escrow: 18n,
  committed: 0n,
  paid: 0n,
  refunded: 0n,
  endHeight: 0n,
  reason: '',
};
const said: ValueOf<typeof ready> = {
  sequence: 1n,
  atMs: 0n,
  expiresMs: 1n,
  url: '',
  utility: UTILITY.storage,
  price: 9n,
  maxSize: 100n,
  maxSessions: 2,
  freeBytes: 100n,
  freeSlots: 1,
  direct: 0,
  accepting: 1,
  reason: '',
};
const validators = [1, 2, 3, 4].map((seed) => ({
  nodeKey: nodeSigner(new Uint8Array(32).fill(seed)).id,
  url: `http://validator.example:${seed}`,
}));
const keys = validators.map(({ nodeKey }) => nodeKey);
const answering = responsibleFor(signer.id, job.session, keys).map(toHex);
const [first, second] = validators.filter(({ nodeKey }) => answering.includes(toHex(nodeKey)));
const other = validators.find(({ nodeKey }) => !answering.includes(toHex(nodeKey)))!;

let complaints: { validator: Uint8Array; job: Uint8Array }[];
let refusals: string[];
let found: Job | undefined;
let listening: Set<string>;
let ackHeight: bigint;
let value: typeof said;
let isOpen: boolean;
let complainer: Complainer;
const network = {
  find: async () => found && { id, job: found, agreements: [] },
  async post(_: unknown, fields: (typeof complaints)[number]) {
    const code = refusals.shift();
    if (code) throw new PalisadeError({ code, message: 'no' });
    complaints.push(fields);
    return { id, envelope: id };
  },
  waitFor: async () => ({}),
} as unknown as Network;

beforeEach(() => {
  [complaints, refusals, found, isOpen, ackHeight, value] = [[], [], job, true, 6n, said];
  listening = new Set(validators.map(({ url }) => url));
  complainer = new Complainer({
    network,
    signer,
    validators: () => validators,
    heardBefore: (_, height) =>
      ackHeight < height ? { ready: id, value, acknowledgement: id, height: ackHeight } : undefined,
    isListening: (url) => listening.has(url),
    isOpen: () => isOpen,
    session: () => 3n,
    timing: { ...DEVELOPMENT_TIMING, complainMs: 20, retryMs: 5 },
    log: silentLogger,
    metrics: createMetrics(partnerMetrics, { process: false }),
    signal: new AbortController().signal,
  });
});
afterEach(() => complainer.stop());

/** A job comes, and time enough to tell of it: as many complaints as there must be, and no more. */
async function pass(count: number, before: () => void = () => {}): Promise<string[]> {
  complainer.noteJob(id, job.height);
  before();
  await settle(count);
  return complaints.map(({ validator }) => toHex(validator)).sort();
}

async function settle(count: number): Promise<void> {
  await expect.poll(() => complaints.length).toBeGreaterThanOrEqual(count);
  await new Promise((resolve) => setTimeout(resolve, 100));
}

describe('a partner that is told of nothing', () => {
  it('[P2V-2.G1] complains about the two that answer for it, and about nobody else', async () => {
    expect(await pass(2)).toEqual([...answering].sort());
    expect(complaints[0]!.job).toEqual(id);
  });

  it('[P2V-2.G1] says nothing when one of the two told it, and does when only another did', async () => {
    expect(await pass(0, () => complainer.noteHeard(id, first!))).toEqual([]);
    complainer.noteHeard(new Uint8Array(32).fill(5), other);
    complainer.noteJob(new Uint8Array(32).fill(5), job.height);
    await settle(2);
    expect(complaints).toHaveLength(2);
  });

  const silent: Readonly<Record<string, () => void>> = {
    'that does not fit': () => (found = { ...job, maxRate: 8n }),
    'that is not on the chain': () => (found = undefined),
    'while it is full': () => (isOpen = false),
    'that came before the validators knew it': () => (ackHeight = 7n),
    'while its READY took nothing': () => (value = { ...said, accepting: 0 }),
    'while no stream was open': () => listening.clear(),
  };
  for (const [what, set] of Object.entries(silent))
    it(`[P2V-2.G1] says nothing of a job ${what}`, async () => {
      set();
      expect(await pass(0)).toEqual([]);
    });

  it('accuses only those to which it listened', async () => {
    listening.delete(first!.url);
    expect(await pass(1)).toEqual([toHex(second!.nodeKey)]);
  });

  it('tries again when the chain’s clock is behind, and gives up what is refused', async () => {
    refusals = ['market/too-early', 'market/no-bond'];
    expect(await pass(1)).toHaveLength(1);
    await expect.poll(() => refusals).toEqual([]);
  });

  it('complains four times in a session, and thanks no more for what it complained about', async () => {
    for (let i = 0; i < 4; i++) complainer.noteJob(new Uint8Array(32).fill(i), job.height);
    expect(await pass(4)).toHaveLength(4);
    expect(complaints).toHaveLength(4);
    const [{ job: accused }] = complaints as [(typeof complaints)[number]];
    expect(complainer.noteHeard(accused, first!)).toBe(false);
    expect(complainer.noteHeard(accused, other)).toBe(true);
  });
});
