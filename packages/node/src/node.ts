/**
 * The validator node: the chain's application on disk, an engine, and one service with its own HTTP
 * port for each validator key that it hosts.
 */
import {
  accountsGenesis,
  committed,
  createApplication,
  currentSession,
  encodeGenesis,
  type Genesis,
  type PalisadeApplication,
  SEAT,
  validators,
  validatorsGenesis,
} from '@palisade/chain';
import { type Clock, type Domain, isRefusal, toBinaryString, toHex } from '@palisade/core';
import {
  createHealth,
  createMetrics,
  createOperatorPages,
  type DaemonContext,
  type Health,
} from '@palisade/daemon';
import { createEmbeddedEngine, type EmbeddedEngine, type FaultPoint } from '@palisade/engine';
import { Acknowledged } from './api/acknowledged.ts';
import { createFaucet } from './api/faucet.ts';
import { createApi, listen, type RunningApi } from './api/server.ts';
import { composeModules, domainOf, jobFileRule } from './compose.ts';
import { EventIndex } from './events/event-index.ts';
import { nodeMetrics } from './metrics.ts';
import { JobFiles } from './services/job-files.ts';
import { OpenJobs } from './services/open-jobs.ts';
import { PartnerBoard, wantsPartners } from './services/partner-board.ts';
import type { Pool } from './services/pool.ts';
import { ValidatorService } from './services/validator-service.ts';
import { asReplica } from './shadow/replica.ts';
import { makeShadow } from './shadow/thread-shadow.ts';
import { LmdbStore } from './store/lmdb-store.ts';
import { SnapshotFolder } from './store/snapshot-folder.ts';
import { threadOpener } from './verification/thread-opener.ts';

/** A validator key that this process hosts, and where its API listens. */
export type HostedValidator = {
  readonly name: string;
  readonly secret: Uint8Array;
  readonly port: number;
};

export type NodeOptions = {
  readonly genesis: Genesis;
  readonly dataDir: string;
  readonly validators: readonly HostedValidator[];
  readonly host: string;
  readonly blockTimeMs: number;
  /** Time before a block in which requests go to the next file, ms. */
  readonly guardMs: number;
  readonly clock: Clock;
  /** Secret of the account that gives away tokens; development networks only. */
  readonly faucetSecret?: Uint8Array;
  /** Runs a second replica beside the first and compares every block. */
  readonly shadow: boolean;
  /** Replaces the shadow by a cold one every so many blocks, 0 never; else every second session. */
  readonly shadowRestartEvery?: number;
  readonly faults?: (point: FaultPoint, height: bigint) => void | Promise<void>;
};

export type RunningNode = {
  readonly engine: EmbeddedEngine;
  readonly application: PalisadeApplication;
  readonly domain: Domain;
  /** Base URLs of the hosted validators, in the order given. */
  readonly urls: readonly string[];
  stop(): Promise<void>;
};

const VERSION = '0.1.0';

export async function startNode(
  context: DaemonContext,
  options: NodeOptions,
): Promise<RunningNode> {
  const { genesis, dataDir, clock } = options;
  const { log } = context;
  const domain = domainOf(genesis);
  const modules = composeModules(domain);
  const store = new LmdbStore(`${dataDir}/state`);
  context.onStop('state', () => store.close());
  const snapshots = await SnapshotFolder.open(`${dataDir}/snapshots`, (message, cause) =>
    log.warn(message, { cause }),
  );
  const threads = { stop: async () => {} };
  const application = createApplication({
    modules,
    store,
    domain,
    jobFile: jobFileRule,
    snapshots,
    opener: (known, its) => {
      const opener = threadOpener(known, its);
      threads.stop = opener.stop;
      return opener.opener;
    },
  });
  context.onStop('verification thread', () => threads.stop());
  const index = new EventIndex(`${dataDir}/index`, modules, application.known, domain);
  context.onStop('event index', () => index.close());

  let lastBlockMs = clock.nowMs();
  const jobFiles = new JobFiles({
    path: `${dataDir}/job-files`,
    guardMs: options.guardMs,
    nowMs: () => clock.nowMs(),
    next: () => ({
      height: (committed.get(store)?.height ?? 0n) + 1n,
      dueMs: lastBlockMs + options.blockTimeMs,
    }),
    idOf: async (tx) => {
      const [opened] = await application.opener.open([tx]);
      return opened && !isRefusal(opened) ? opened.id : undefined;
    },
  });
  context.onStop('job files', () => jobFiles.close());

  const services: ValidatorService[] = [];
  const genesisValidators = validatorsGenesis.fromJson(
    genesis.state.validators ?? null,
    'validators',
  );
  const restartEvery = options.shadowRestartEvery ?? blocksOfTwoSessions(options);
  const engine = createEmbeddedEngine({
    application: asReplica(application),
    ...(options.shadow
      ? {
          shadow: {
            make: () => makeShadow(domain),
            ...(restartEvery > 0 ? { restartEvery } : {}),
          },
        }
      : {}),
    genesis: {
      chainId: genesis.chainId,
      timeNs: BigInt(genesis.timeMs) * 1_000_000n,
      initialHeight: 1n,
      validators: genesisValidators.validators
        .filter(({ validator }) => validator.seat === SEAT.active)
        .map(({ nodeKey, validator }) => ({
          publicKey: nodeKey,
          power: validator.weight,
          name: validator.name,
        })),
      consensusParams: CONSENSUS_PARAMS,
      appState: encodeGenesis(genesis),
    },
    hostedKeys: options.validators.map(({ secret }, i) => ({
      secret,
      extendVote: (request) => services[i]!.extendVote(request),
    })),
    dataDir,
    blockTimeMs: options.blockTimeMs,
    clock,
    proposalSources: [jobFiles],
    ...(options.faults ? { faults: options.faults } : {}),
    onDivergence: (divergence) => log.fatal('the two replicas disagree', { divergence }),
    onFailure: (error) => context.fail(error),
    onNotice: ({ message, code, data }) => log.info(message, { code, ...data }),
  });

  const board = new PartnerBoard();
  const openJobs = new OpenJobs(application, engine, index);
  const directory: { nodeKey: Uint8Array; name: string; url: string }[] = [];
  const pool: Pool = {
    application,
    engine,
    jobFiles,
    board,
    index,
    directory: () => directory,
    nowMs: () => clock.nowMs(),
    openJobs: () => openJobs.list(),
    async askAgain(job) {
      if (!wantsPartners(store, job)) return;
      const envelope = await openJobs.envelopeOf(job);
      if (envelope) for (const service of services) await service.notify(job, envelope);
    },
    async tellMatch(words) {
      for (const service of services) await service.tellMatch(words);
    },
  };
  for (const { name, secret } of options.validators)
    services.push(new ValidatorService(pool, name, secret));

  const metrics = createMetrics(nodeMetrics);
  await engine.start();
  context.onStop('engine', () => engine.stop());
  await catchUpIndex(engine, index);
  await openJobs.load();
  for (const envelope of jobFiles.waiting())
    await application.checkTx({ tx: envelope, type: 'new' });

  const stopListening = engine.onBlock(async (block) => {
    const now = clock.nowMs();
    metrics.observe('block_interval_seconds', (now - lastBlockMs) / 1000);
    lastBlockMs = now;
    await index.add(block);
    metrics.set('block_height', Number(block.block.header.height));
    metrics.set('partners_ready', board.list(now).length);
    for (const { code } of block.results.txResults)
      metrics.count('block_transactions_total', { outcome: code === 0 ? 'ok' : 'refused' });
    for (const envelope of jobFiles.waiting())
      await application.checkTx({ tx: envelope, type: 'recheck' });
    const fresh = await openJobs.add(block);
    for (const service of services) {
      service.forgetPromises(fresh.map(({ job }) => job));
      for (const { job, envelope } of fresh) await service.notify(job, envelope);
    }
  });
  context.onStop('block listener', stopListening);

  const acknowledged = new Acknowledged();
  const apis: RunningApi[] = [];
  for (const [i, validator] of options.validators.entries()) {
    const service = services[i]!;
    const api = createApi({
      pool,
      service,
      pages: createOperatorPages({
        name: validator.name,
        version: VERSION,
        health: healthOf(engine),
        metrics,
        status: async () => statusOf(pool, service, engine, directory, options),
      }),
      acknowledged,
      faucet: options.faucetSecret ? createFaucet(pool, service, options.faucetSecret) : undefined,
      log: log.child({ module: 'api', validator: validator.name }),
    });
    const running = await listen(api, options.host, validator.port);
    apis.push(running);
    directory.push({ nodeKey: service.nodeKey, name: validator.name, url: running.url });
    context.onStop(`API of ${validator.name}`, () => running.stop());
  }
  return {
    engine,
    application,
    domain,
    urls: apis.map(({ url }) => url),
    stop: async () => {},
  };
}

/** Limits of a block; evidence lives as long as the development values say (market chapter). */
const CONSENSUS_PARAMS = {
  block: { maxBytes: 8_388_608n, maxGas: -1n },
  evidence: {
    maxAgeNumBlocks: 100_000n,
    maxAgeDurationNs: 172_800_000_000_000n,
    maxBytes: 1_048_576n,
  },
  validator: { pubKeyTypes: ['ed25519'] },
  version: { app: 1n },
  abci: { voteExtensionsEnableHeight: 1n },
} as const;

/**
 * Blocks between two cold restarts of the shadow: a snapshot is a session old by then. None where
 * blocks are only made on demand.
 */
function blocksOfTwoSessions({ genesis, blockTimeMs }: NodeOptions): number {
  if (blockTimeMs === 0) return 0;
  const { params } = accountsGenesis.fromJson(genesis.state.accounts ?? null, 'accounts');
  return Math.max(1, Math.round((2 * Number(params.sessionMs)) / blockTimeMs));
}

/** Indexes blocks that were committed but not indexed when the process died. */
async function catchUpIndex(engine: EmbeddedEngine, index: EventIndex): Promise<void> {
  const { height } = await engine.status();
  for (let at = index.height + 1n; at <= height; at++) {
    const [block, results, commit] = await Promise.all([
      engine.block(at),
      engine.blockResults(at),
      engine.commit(at),
    ]);
    if (block && results && commit) await index.add({ ...block, results, commit: commit.commit });
  }
}

function healthOf(engine: EmbeddedEngine): Health {
  const health = createHealth();
  health.check('alive', 'engine', async () => (await engine.status()).failure?.message);
  health.check('ready', 'blocks', async () =>
    (await engine.status()).height === 0n ? 'the first block is not made yet' : undefined,
  );
  return health;
}

async function statusOf(
  pool: Pool,
  service: ValidatorService,
  engine: EmbeddedEngine,
  directory: readonly { nodeKey: Uint8Array; name: string; url: string }[],
  options: NodeOptions,
): Promise<Record<string, unknown>> {
  const status = await engine.status();
  const state = pool.application.committed;
  const seats = new Map(
    [...validators.list(state)].map(([[nodeKey], held]) => [toBinaryString(nodeKey), held]),
  );
  const names = ['passive', 'active', 'excluded'];
  const lines = directory.map(({ nodeKey, name, url }) => {
    const held = seats.get(toBinaryString(nodeKey));
    return {
      nodeKey: toHex(nodeKey),
      url,
      name,
      seat: names[held?.seat ?? 0],
      weight: `${held?.weight ?? 0n}`,
    };
  });
  lines.sort((a, b) => (a.seat === b.seat ? 0 : a.seat === 'active' ? -1 : 1));
  return {
    chainId: status.chainId,
    genesisHash: toHex(pool.application.domain.genesisHash),
    nodeKey: toHex(service.nodeKey),
    seat: names[service.seat],
    url: directory.find(({ name }) => name === service.name)?.url,
    height: status.height.toString(),
    timeMs: (status.blockTimeNs / 1_000_000n).toString(),
    session: `${currentSession.get(state) ?? 0n}`,
    appHash: toHex(status.appHash),
    engine: status.description,
    blockTimeMs: options.blockTimeMs,
    mempool: status.mempool,
    shadow: status.shadow
      ? { height: `${status.shadow.height}`, restarts: status.shadow.restarts }
      : null,
    directory: lines,
  };
}
