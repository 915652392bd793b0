/**
 * The validator node: the chain's application on disk, an engine, and one service with its own HTTP
 * port for each validator key that it hosts.
 */
import { committed, type PalisadeApplication, SEAT } from '@palisade/chain';
import { type Domain, isRefusal, SOFTWARE_VERSION } from '@palisade/core';
import {
  createMetrics,
  createOperatorPages,
  type DaemonContext,
  type Metrics,
  type MetricsPage,
} from '@palisade/daemon';
import type { EmbeddedEngine } from '@palisade/engine';
import { createFaucet } from './api/faucet.ts';
import { createApi, listen } from './api/server.ts';
import { healthOf, statusOf } from './api/status.ts';
import { type OpenedApplication, openApplication } from './application.ts';
import { makeEngine } from './engine.ts';
import { catchUpIndex } from './events/catch-up.ts';
import { EventIndex } from './events/event-index.ts';
import { nodeMetrics } from './metrics.ts';
import type { NodeOptions } from './options.ts';
import { Acknowledged } from './services/acknowledged.ts';
import { Discipline } from './services/discipline.ts';
import { Evidence } from './services/evidence.ts';
import { followBlocks } from './services/follow-blocks.ts';
import { JobFiles } from './services/job-files.ts';
import { Meetings } from './services/meetings.ts';
import { OpenJobs } from './services/open-jobs.ts';
import { PartnerBoard, wantsPartners } from './services/partner-board.ts';
import type { DirectoryEntry, Pool } from './services/pool.ts';
import { prober } from './services/probe.ts';
import { ProofDesk } from './services/proof-desk.ts';
import { DEFAULT_POOL_TIMING } from './services/timing.ts';
import { ValidatorService } from './services/validator-service.ts';
import { DrawRoots } from './store/draw-roots.ts';

export type RunningNode = {
  readonly engine: EmbeddedEngine;
  readonly application: PalisadeApplication;
  readonly domain: Domain;
  /** Base URLs of the hosted validators, in the order given. */
  readonly urls: readonly string[];
  /** Base URL of the child chain's API, where there is one. */
  readonly childChainUrl?: string;
  /** Resolves when all that the blocks so far are followed by is done: the engine does not wait for it. */
  settled(): Promise<void>;
};

/** Starts it; `context` stops it, the last part first. Resolves when all ports are open. */
export async function startNode(
  context: DaemonContext,
  options: NodeOptions,
): Promise<RunningNode> {
  const { dataDir, clock } = options;
  const nowMs = () => clock.nowMs();
  const opened = await openApplication(context, options);
  const { application, modules, store } = opened;
  const index = new EventIndex(`${dataDir}/index`, modules, application.known, application.domain);
  context.onStop('event index', () => index.close());
  const services: ValidatorService[] = [];
  const lastBlock = { atMs: clock.nowMs() };
  const jobFiles = openJobFiles(context, options, opened, lastBlock);
  const acknowledged = new Acknowledged(context, `${dataDir}/dropped`, opened);
  const inside = { application, jobFiles, services, acknowledged };
  const engine = makeEngine(context, options, inside);
  const openJobs = new OpenJobs(application, engine, index);
  const directory: DirectoryEntry[] = [];
  const metrics = createMetrics(nodeMetrics);
  const timing = options.pool ?? DEFAULT_POOL_TIMING;
  const board = new PartnerBoard(timing);
  const evidence = new Evidence(`${dataDir}/evidence`, timing.evidenceSessions);
  context.onStop('evidence', () => evidence.close());
  const pool: Pool = {
    application,
    engine,
    jobFiles,
    board,
    discipline: new Discipline(timing.cooldownMs),
    evidence,
    drawRoots: new DrawRoots(`${dataDir}/draw-roots`),
    proofDesk: new ProofDesk({ application, board, nowMs }),
    meetings: makeMeetings(board, metrics, nowMs, services),
    metrics,
    index,
    directory: () => directory,
    nowMs,
    timing,
    openJobs: () => openJobs.list(),
    async askAgain(job) {
      if (!wantsPartners(store, job)) return;
      const envelope = await openJobs.envelopeOf(job);
      if (envelope) for (const service of services) await service.notifier.notify(job, envelope);
    },
    async tellMatch(words) {
      for (const service of services) await service.notifier.tellMatch(words);
    },
  };
  for (const { name, secret } of options.validators)
    services.push(new ValidatorService(pool, name, secret));

  await engine.start();
  context.onStop('engine', () => engine.stop());
  await catchUpIndex(engine, index);
  await acknowledged.load(engine.waiting());
  await openJobs.load();
  for (const envelope of jobFiles.waiting())
    await application.checkTx({ tx: envelope, type: 'new' });
  const log = context.log.child({ module: 'blocks' });
  const follower = followBlocks({ pool, services, openJobs, metrics, log, lastBlock });
  context.onStop('block listener', () => follower.stop());
  context.onStop('challenges', async () => {
    for (const { challenger } of services) await challenger.stop();
  });
  await openDoors(context, options, { pool, services, engine, acknowledged, metrics, directory });
  const { rootChain } = options;
  // Ethereum's packages take 30 MB, and not every network has a child chain.
  const child = rootChain && (await import('./child-chain/open.ts'));
  const childChainUrl = await child?.openChildChain(context, rootChain!, { pool, services });
  return {
    engine,
    application,
    domain: application.domain,
    urls: directory.map(({ url }) => url),
    settled: () => follower.settled(),
    ...(childChainUrl === undefined ? {} : { childChainUrl }),
  };
}

/** What becomes of matches; disagreements are looked into by a passive validator, where there is one. */
function makeMeetings(
  board: PartnerBoard,
  metrics: Metrics<typeof nodeMetrics>,
  nowMs: () => number,
  services: readonly ValidatorService[],
): Meetings {
  const probe = prober();
  return new Meetings({
    nowMs,
    sequenceOf: (partner) => board.find(partner, nowMs())?.value.sequence,
    probe(partner) {
      const url = board.find(partner, nowMs())?.value.url;
      const hasPassive = services.some(({ self }) => self.seat === SEAT.passive);
      return url !== undefined && hasPassive ? probe(url) : undefined;
    },
    onOutcome: (validator, outcome) => metrics.count('connections_total', { validator, outcome }),
    onFinding: (finding) => metrics.count('probes_total', { finding }),
  });
}

/** The two open job files, which know when the next block is due from when the last one came. */
function openJobFiles(
  context: DaemonContext,
  { dataDir, guardMs, blockTimeMs, clock }: NodeOptions,
  { application, store }: OpenedApplication,
  lastBlock: { readonly atMs: number },
): JobFiles {
  const jobFiles = new JobFiles({
    path: `${dataDir}/job-files`,
    guardMs,
    nowMs: () => clock.nowMs(),
    next: () => ({
      height: (committed.get(store)?.height ?? 0n) + 1n,
      dueMs: lastBlock.atMs + blockTimeMs,
    }),
    idOf: async (tx) => {
      const [opened] = await application.opener.open([tx]);
      return opened && !isRefusal(opened) ? opened.id : undefined;
    },
  });
  context.onStop('job files', () => jobFiles.close());
  return jobFiles;
}

type Inside = {
  readonly pool: Pool;
  readonly services: readonly ValidatorService[];
  readonly engine: EmbeddedEngine;
  readonly acknowledged: Acknowledged;
  readonly metrics: Metrics<typeof nodeMetrics> & MetricsPage;
  readonly directory: DirectoryEntry[];
};

/** One HTTP server per hosted validator; each one is in the directory when it listens. */
async function openDoors(
  context: DaemonContext,
  { validators, host, blockTimeMs, faucetSecret }: NodeOptions,
  { pool, services, engine, acknowledged, metrics, directory }: Inside,
): Promise<void> {
  for (const [i, { name, port }] of validators.entries()) {
    const service = services[i]!;
    const pages = createOperatorPages({
      name,
      version: SOFTWARE_VERSION,
      health: healthOf(engine),
      metrics,
      status: () => statusOf(pool, service, engine, blockTimeMs),
    });
    const api = createApi({
      pool,
      service,
      pages,
      acknowledged,
      faucet: faucetSecret ? createFaucet(pool, service, faucetSecret) : undefined,
      log: context.log.child({ module: 'api', validator: name }),
    });
    const running = await listen(api, host, port);
    directory.push({ nodeKey: service.self.nodeKey, name, url: running.url });
    context.onStop(`API of ${name}`, () => running.stop());
  }
}
