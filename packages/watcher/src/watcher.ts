/**
 * A watcher, put together: the root chain, the child chain's API, the disk, the challenger, its own API.
 * `startWatcher` runs one inside this process; `daemon/run-watch.ts` makes a process of its own of it.
 */
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { type Clock, fromHex, PalisadeError, SOFTWARE_VERSION, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  createHealth,
  createMetrics,
  createOperatorPages,
  type DaemonContext,
  type Logger,
  launchDaemon,
  pause,
  serveRpc,
  silentLogger,
} from '@palisade/daemon';
import { LmdbStore } from '@palisade/daemon/store';
import { DIALECTS, paymentDomain } from '@palisade/payments';
import {
  createSender,
  follow,
  httpRpc,
  type OnTrouble,
  type Rpc,
  type Sender,
} from '@palisade/rootchain';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { EventStream } from './api/event-stream.ts';
import { watcherMethods } from './api/methods.ts';
import { type ChildChain, httpChildChain } from './blocks/child-chain.ts';
import { type WatchSettings, watchSection } from './daemon/config.ts';
import { checkMargins, defaultSlaBlocks } from './lateness.ts';
import { setGauges, watcherMetrics } from './metrics.ts';
import { findContracts, RootChain } from './root/root-chain.ts';
import { notReady, statusOf } from './status.ts';
import { Watch } from './watch/watch.ts';

export type WatcherOptions = {
  /** What is left out has the default of the schema. */
  readonly settings: Partial<WatchSettings>;
  /** secp256k1 secret of the challenger, 32 bytes; needed in `defensive` mode. */
  readonly challengerSecret?: Uint8Array | undefined;
  readonly dataDir: string;
  readonly host?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
  /** For tests: the ways to both chains. */
  readonly rpc?: Rpc;
  readonly childChain?: ChildChain;
};

export type RunningWatcher = {
  /** Base URL of its API. */
  readonly url: string;
  /** The account that challenges, `0x` hex; undefined in `watch-only` mode. */
  readonly challenger: string | undefined;
  readonly watch: Watch;
  stop(): Promise<void>;
};

/**
 * Starts a watcher inside this process. Resolves when its API serves; it syncs from then on.
 *
 * @throws PalisadeError `watcher/no-challenger`, `watcher/challenger-is-a-contract`, `watcher/no-framework`,
 * `watcher/margin-too-long`, `rpc/cannot-listen`, `daemon/data-dir-in-use`
 *
 * @example
 * const watcher = await startWatcher({ settings: { framework, rootChain, childChain }, challengerSecret, dataDir });
 * await watcher.stop();
 */
export async function startWatcher(options: WatcherOptions): Promise<RunningWatcher> {
  const { log = silentLogger, dataDir } = options;
  const daemon = launchDaemon('watcher', (context) => openWatcher(context, options), {
    log,
    dataDir,
    onFail: (err) => log.error('the watcher cannot work', { err }),
  });
  const opened = await daemon.started;
  return {
    ...opened,
    stop: async () => {
      const { failed } = await daemon.stop();
      if (failed[0]) throw failed[0].error;
    },
  };
}

/** Opens a watcher within a daemon's life: everything it opens, it hands to `onStop`. */
export async function openWatcher(
  context: DaemonContext,
  options: WatcherOptions,
): Promise<Omit<RunningWatcher, 'stop'>> {
  const parsed: WatchSettings = watchSection.parse(options.settings);
  // Each node once, however its address is written: nobody is his own witness.
  const rootChain = [...new Set(parsed.rootChain.map((url) => new URL(url).href))];
  const settings = { ...parsed, rootChain };
  setMaxListeners(MAX_WAITING, context.signal);
  const watch = await openWatch(context, options, settings);
  const events = new EventStream();
  watch.onFindings = (findings) => events.tell(findings);
  const url = await serve(context, options, watch, events);
  // Before the server, which would wait for its readers.
  context.onStop('event streams', async () => events.close());
  const following = run(context, watch, settings, nodesOf(settings, watch));
  context.onStop('following the root chain', () => following);
  return { url, challenger: watch.challenger?.address, watch };
}

async function openWatch(
  { signal, onStop, log }: DaemonContext,
  options: WatcherOptions,
  settings: WatchSettings,
): Promise<Watch> {
  const { dataDir, clock = { nowMs: () => Date.now() } } = options;
  const { framework, mode, dryRun, finalityMargin, blockTimeMs } = settings;
  if (framework === undefined) throw noFramework();
  const onTrouble: OnTrouble = (err) => log.warn('the root chain has trouble', { err });
  const patience = { signal, onTrouble };
  const rpc = options.rpc ?? httpRpc({ urls: settings.rootChain });
  const contracts = await findContracts(rpc, framework, BigInt(settings.deployedAt), patience);
  const dialect = DIALECTS[settings.dialect];
  const root = new RootChain(rpc, contracts, patience, dialect);
  const minExitPeriodSeconds = await root.minExitPeriodSeconds();
  const slaBlocks = settings.slaMarginBlocks ?? defaultSlaBlocks(minExitPeriodSeconds, blockTimeMs);
  const margins = { slaBlocks, blockTimeMs };
  checkMargins(margins, minExitPeriodSeconds);
  const sender =
    mode === 'watch-only'
      ? undefined
      : await openSender(options, settings, { rpc, root, signal, onTrouble });
  const store = new LmdbStore(join(dataDir, 'store'));
  onStop('store', () => store.close());
  const watch = new Watch({
    ...{ store, checkpointPath: join(dataDir, 'ledger'), root, dialect, margins },
    childChain: options.childChain ?? httpChildChain(settings.childChain),
    judging: {
      domain: paymentDomain(dialect, fromHex(contracts.framework)),
      recover: secp256k1.recover,
    },
    ...{ minExitPeriodSeconds, finalityMargin, patienceMs: settings.withholdingMs },
    ...{
      mode,
      dryRun,
      sender,
      clock,
      signal,
      log,
      isWitnessed: options.rpc === undefined && settings.rootChain.length > 1,
    },
  });
  await watch.open();
  onStop('ledger', () => watch.writeCheckpoint());
  return watch;
}

/** A witness that is silent for so long, ms, is not waited for: batches come every few seconds. */
const WITNESS_MS = 5000;

/** Whom logs are asked for. Nobody else asks them, so that it is known who answered. */
type Nodes = { readonly rpc: Rpc; readonly witness?: Rpc };

/** The witness is another node than the one that answered: no counter tells of an exit whose log a node leaves out. */
function nodesOf(settings: WatchSettings, { parts }: Watch): Nodes {
  if (!parts.isWitnessed) return { rpc: parts.root.rpc };
  const { rootChain: urls } = settings;
  const rpc = httpRpc({ urls });
  return { rpc, witness: httpRpc({ urls, timeoutMs: WITNESS_MS, except: () => rpc.node }) };
}

type SenderParts = {
  readonly rpc: Rpc;
  readonly root: RootChain;
  readonly signal: AbortSignal;
  readonly onTrouble: OnTrouble;
};

const GWEI = 1_000_000_000n;
/** What waits for the end at once: a challenge each, and calls under way. */
const MAX_WAITING = 1000;

async function openSender(
  { challengerSecret }: WatcherOptions,
  { maxFeeGwei, pollMs, finalityMargin }: WatchSettings,
  { rpc, root, signal, onTrouble }: SenderParts,
): Promise<Sender> {
  if (!challengerSecret) throw noChallenger();
  const account = privateKeyToAccount(toHex(challengerSecret) as Hex);
  const code = await root.client.getCode({ address: account.address });
  if (code !== undefined && code !== '0x') throw isContract(account.address);
  return createSender({
    ...{ rpc, account, signal, onTrouble },
    chainId: root.contracts.chainId,
    maxFeePerGas: BigInt(maxFeeGwei) * GWEI,
    // Booked, and not sent again any more, when it counts.
    confirmations: BigInt(finalityMargin),
    receiptPollMs: Math.min(pollMs, 3000),
  });
}

async function serve(
  { onStop, log }: DaemonContext,
  options: WatcherOptions,
  watch: Watch,
  events: EventStream,
): Promise<string> {
  const health = createHealth();
  health.check('ready', 'watch', () => notReady(watch));
  const metrics = createMetrics(watcherMetrics);
  const pages = createOperatorPages({
    ...{ name: 'watcher', version: SOFTWARE_VERSION, health },
    metrics: {
      contentType: metrics.contentType,
      text: () => {
        setGauges(metrics, watch);
        return metrics.text();
      },
    },
    status: () => statusOf(watch),
  });
  const server = await serveRpc({
    ...{ host: options.host ?? '127.0.0.1', port: options.port ?? 0, pages },
    service: 'watcher',
    version: `1.0.5+palisade-${SOFTWARE_VERSION}`,
    methods: watcherMethods(watch),
    onGet: (request, response, path) => path === '/v1/events' && events.serve(request, response),
    log: log.child({ module: 'api' }),
  });
  onStop('api', server.stop);
  return server.url;
}

/** Follows the root chain, and looks again in between: time passes, blocks come, others challenge. */
async function run(
  { signal, fail, log }: DaemonContext,
  watch: Watch,
  { pollMs }: WatchSettings,
  nodes: Nodes,
): Promise<void> {
  const looking = (async () => {
    while (!signal.aborted) {
      await pause(pollMs, signal);
      if (!signal.aborted) await watch.look();
    }
  })();
  try {
    await followRoot(watch, nodes, { signal, pollMs, log });
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
  await looking;
  await watch.settle();
}

type Following = {
  readonly signal: AbortSignal;
  readonly pollMs: number;
  readonly log: Logger;
};

async function followRoot(
  watch: Watch,
  nodes: Nodes,
  { signal, pollMs, log }: Following,
): Promise<void> {
  const { root, finalityMargin } = watch.parts;
  const steps = follow({
    ...{ ...nodes, contracts: root.contracts, sources: root.sources, signal, pollMs },
    resume: watch.facts.checkpoints(),
    margin: BigInt(finalityMargin),
    onTrouble: (err) => log.warn('the root chain has trouble', { err }),
  });
  for await (const step of steps)
    for (;;) {
      try {
        await watch.step(step);
        break;
      } catch (err) {
        if (signal.aborted) return;
        log.error('a step along the root chain failed, and is tried again', { err });
        await pause(pollMs, signal);
      }
    }
}

function noFramework(): PalisadeError {
  return new PalisadeError({
    code: 'watcher/no-framework',
    message: 'The address of the framework contract is not known.',
    next: 'Give it by --framework, or as framework in [watch].',
  });
}

function noChallenger(): PalisadeError {
  return new PalisadeError({
    code: 'watcher/no-challenger',
    message: 'In defensive mode a watcher needs an account that challenges.',
    next: 'palisade keys create challenger, send it some ether for gas, set PALISADE_CHALLENGER_PASSPHRASE; or run with --mode watch-only.',
  });
}

/** Bonds are paid with 2 300 gas, which contracts can make too little. */
function isContract(address: string): PalisadeError {
  return new PalisadeError({
    code: 'watcher/challenger-is-a-contract',
    message: `${address} is a contract: bonds are paid with too little gas for one, and its challenges could fail.`,
    next: 'Challenge from an ordinary account.',
  });
}
