/**
 * What a job costs a validator that tells partners of it: 10 000 of them listen, each with limits of
 * its own. The notice is signed and handed to every stream that it is for; sockets are not measured.
 */
import { join } from 'node:path';
import { accountSigner, isRefusal, nodeSigner, signEnvelope } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { createMetrics } from '@palisade/daemon';
import { ready, request } from '@palisade/market';
import type { Network } from '../packages/devnet/src/network.ts';
import { nodeMetrics } from '../packages/node/src/metrics.ts';
import { Discipline } from '../packages/node/src/services/discipline.ts';
import { Evidence } from '../packages/node/src/services/evidence.ts';
import { Notifier } from '../packages/node/src/services/notifier.ts';
import type { OpenJob } from '../packages/node/src/services/open-jobs.ts';
import { PartnerBoard } from '../packages/node/src/services/partner-board.ts';
import { openMessage } from '../packages/node/src/services/pool.ts';
import { DEFAULT_POOL_TIMING } from '../packages/node/src/services/timing.ts';
import { Validator } from '../packages/node/src/services/validator.ts';
import { type DrivenChain, indexBytes, openChain } from './driven-chain.ts';
import { type Round, type Row, rowOf, timed } from './kit.ts';

/** As many as the board of a validator holds. */
const PARTNERS = 10_000;
/** Jobs that one in a hundred partners wants, and jobs that all of them want, of one turn. */
const JOBS = { few: 100, all: 5 } as const;
const ROUNDS = 7;
const MIB = 1024n * 1024n;
const MAX_FEE = 10n ** 18n;

/** Partner number i asks i + 1 base units: a job that pays n is for the n cheapest. */
const PAYS = { few: BigInt(PARTNERS / 100), all: BigInt(PARTNERS) } as const;

async function askJobs(chain: DrivenChain, { clientSecret }: Network): Promise<OpenJob[][]> {
  const client = accountSigner(clientSecret);
  const fields = {
    utility: 1,
    subject: new Uint8Array(32),
    size: MIB,
    partners: 1,
    sessions: 6,
    maxFee: MAX_FEE,
  };
  let nonce = 0n;
  const askFor = async (count: number, maxRate: bigint) => {
    const asked: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const value = { ...fields, maxRate, nonce: nonce++ };
      asked.push(await signEnvelope(request, value, chain.domain, client));
    }
    const { txResults } = await chain.block(asked);
    const failed = txResults.find(({ code }) => code !== 0);
    if (failed) throw new Error(`a request was refused: ${failed.log}`);
    const opened = await chain.application.opener.open(asked);
    return opened.flatMap((tx, i) => (isRefusal(tx) ? [] : { job: tx.id, envelope: asked[i]! }));
  };
  return [await askFor(JOBS.few, PAYS.few), await askFor(JOBS.all, PAYS.all)];
}

/** A READY of each partner on the board, as it comes in. */
async function announceAll(board: PartnerBoard, { domain }: DrivenChain, nowMs: number) {
  const partners: Uint8Array[] = [];
  for (let i = 0; i < PARTNERS; i++) {
    const secret = new Uint8Array(32);
    secret.set(indexBytes(i + 1));
    const value = {
      sequence: 1n,
      atMs: BigInt(nowMs),
      expiresMs: BigInt(nowMs + 600_000),
      url: 'http://127.0.0.1:1',
      utility: 1,
      price: BigInt(i + 1),
      maxSize: 100n * MIB,
      maxSessions: 10,
      freeBytes: 10n * MIB,
      freeSlots: 4,
      direct: 0,
      accepting: 1,
      reason: '',
    };
    const envelope = await signEnvelope(ready, value, domain, nodeSigner(secret));
    const opened = openMessage(envelope, ready, domain);
    const refusal = isRefusal(opened) ? opened : board.announce(opened, envelope, nowMs);
    if (refusal) throw new Error(refusal.message);
    partners.push(nodeSigner(secret).id);
  }
  return partners;
}

/** Rows of `notify`: one in a hundred partners wants a job, and all of them do. */
export async function notifyRows(folder: string, network: Network): Promise<Row[]> {
  const chain = await openChain(join(folder, 'notify'), network, []);
  const [few, all] = await askJobs(chain, network);
  const nowMs = network.genesis.timeMs;
  const board = new PartnerBoard(DEFAULT_POOL_TIMING);
  const { cooldownMs, evidenceSessions } = DEFAULT_POOL_TIMING;
  const evidence = new Evidence(join(folder, 'evidence'), evidenceSessions);
  const pool = {
    application: chain.application,
    board,
    discipline: new Discipline(cooldownMs),
    metrics: createMetrics(nodeMetrics),
    nowMs: () => nowMs,
    openJobs: () => [],
    directory: () => [],
    evidence,
  };
  const { name, nodeSecret } = network.validators[0]!;
  const notifier = new Notifier(pool, new Validator(pool, name, nodeSecret));
  let sent = 0;
  for (const partner of await announceAll(board, chain, nowMs)) {
    const refusal = await notifier.subscribe(partner, () => {
      sent++;
    });
    if (isRefusal(refusal)) throw new Error(refusal.message);
  }
  const tell = async (jobs: readonly OpenJob[], expected: bigint) => {
    sent = 0;
    const taken = await timed(async () => {
      for (const { job, envelope } of jobs) await notifier.notify(job, envelope);
    });
    if (sent !== jobs.length * Number(expected)) throw new Error(`${sent} notices were sent`);
    return (taken.cpu / jobs.length) * 1e6;
  };
  const digest = new Uint8Array(32).fill(7);
  const sign = async () => {
    const taken = await timed(() => {
      for (let i = 0; i < JOBS.few; i++) ed25519.sign(digest, nodeSecret);
    });
    return (taken.cpu / JOBS.few) * 1e6;
  };
  const rounds: { few: Round[]; all: Round[] } = { few: [], all: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const anchor = await sign();
    const one = { ours: await tell(few!, PAYS.few), anchor };
    const every = { ours: await tell(all!, PAYS.all), anchor };
    // The first round warms up.
    if (round === 0) continue;
    rounds.few.push(one);
    rounds.all.push(every);
    console.error(
      `notify ${round} of ${ROUNDS}: ${one.ours.toFixed(0)} us, ${every.ours.toFixed(0)} us to all`,
    );
  }
  await evidence.close();
  await chain.stop();
  return [
    rowOf(
      {
        case: 'notify',
        unit: 'us/job',
        note: `processor time of a job that ${PAYS.few} of ${PARTNERS} listening partners want; anchor: the bare signature that a notice needs. Below 1000 us is the goal.`,
      },
      rounds.few,
    ),
    rowOf(
      {
        case: 'notify-all',
        unit: 'us/job',
        note: 'the same for a job that all of them want: as many messages.',
      },
      rounds.all,
    ),
  ];
}
