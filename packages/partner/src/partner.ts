/**
 * A partner, put together: what it keeps, what it serves, and, once validators answer, how it
 * earns. `startPartner` runs one inside this process, several of them if need be; `daemon.ts` makes
 * a process of its own of it.
 */
import { PalisadeError, SOFTWARE_VERSION } from '@palisade/core';
import {
  createHealth,
  createOperatorPages,
  type DaemonContext,
  launchDaemon,
  pause,
  silentLogger,
} from '@palisade/daemon';
import { UTILITY } from '@palisade/market/schema';
import { AccessDoor } from './access/door.ts';
import { type RunningServer, startServer } from './http/server.ts';
import { goLive, type Live } from './live.ts';
import type { PartnerOptions } from './options.ts';
import { openParts, type Parts } from './parts.ts';
import { sizeOf } from './records/agreement.ts';
import type { AgreementBook } from './records/agreement-book.ts';
import { notReady, setGauges, statusOf } from './status.ts';

export type RunningPartner = {
  /** Base URL of its API, as this machine reaches it. */
  readonly url: string;
  /** ed25519 public key, 32 bytes. */
  readonly nodeKey: Uint8Array;
  /** Signs off, lets what runs end, closes. */
  stop(): Promise<void>;
};

const CONNECT_MS = 10_000;

/**
 * Starts a partner inside this process. Resolves once it is at work, or after `connectMs` when no
 * validator answers yet: then it serves what it holds and goes on looking.
 *
 * @throws PalisadeError `daemon/data-dir-in-use`, `partner/cannot-listen`, `partner/other-chain`,
 * `partner/node-key-unbound`, `partner/node-key-revoked`, `partner/bad-record`, `partner/bad-url`
 *
 * @example
 * const partner = await startPartner({ nodeSecret, dataDir, validators: ['http://127.0.0.1:4600'] });
 * await partner.stop();
 */
export async function startPartner(options: PartnerOptions): Promise<RunningPartner> {
  const { log = silentLogger, dataDir } = options;
  const daemon = launchDaemon('partner', (context) => openPartner(context, options), {
    log,
    dataDir,
    onFail: (error) => log.error('the partner cannot work', { err: error }),
  });
  const opened = await daemon.started;
  const stop = async () => {
    const { open, failed } = await daemon.stop();
    if (failed[0]) throw failed[0].error;
    if (open.length > 0) throw notStopped(open);
  };
  return { ...opened, stop };
}

/** Opens a partner within a daemon's life: everything it opens, it hands to `onStop`. */
export async function openPartner(
  context: DaemonContext,
  options: PartnerOptions,
): Promise<Omit<RunningPartner, 'stop'>> {
  const parts = await openParts(options, context.onStop);
  let live: Live | undefined;
  let publicUrl = '';
  let failure: string | undefined;
  const pages = operatorPages(parts, {
    live: () => live,
    url: () => publicUrl,
    failure: () => failure,
  });
  const server = await listen(parts, context, pages, () => live);
  const url = `http://${hostInUrl(server.host)}:${server.port}`;
  publicUrl = checkedPublicUrl(options.publicUrl ?? url);
  const going = goLive(parts, context, publicUrl).then((up) => {
    live = up;
  });
  let isStarted = false;
  going.catch((error: Error) => {
    failure = error.message;
    if (isStarted && !context.signal.aborted) context.fail(error);
  });
  const patience = new AbortController();
  await Promise.race([going, pause(options.connectMs ?? CONNECT_MS, patience.signal)]);
  patience.abort();
  isStarted = true;
  if (!live) parts.log.warn('no validator answers yet: contents are served, nothing is taken');
  return { url, nodeKey: parts.signer.id };
}

type Told = {
  readonly live: () => Live | undefined;
  readonly url: () => string;
  /** Why the chain's side did not come up, and will not. */
  readonly failure: () => string | undefined;
};

function operatorPages(parts: Parts, { live, url, failure }: Told) {
  const health = createHealth();
  health.check('ready', 'validators', () => failure() ?? notReady(live()));
  return createOperatorPages({
    name: parts.options.name ?? 'partner',
    version: SOFTWARE_VERSION,
    health,
    // Gauges are looked at when somebody asks, and cost nothing otherwise.
    metrics: {
      contentType: parts.metrics.contentType,
      text: () => {
        setGauges(parts);
        return parts.metrics.text();
      },
    },
    status: () => statusOf(parts, url(), live()),
  });
}

/** The door for tunnels, where access is offered. */
function openDoor(
  { access, terms, signer, clock, log, metrics, hooks, options }: Parts,
  live: () => Live | undefined,
): AccessDoor | undefined {
  if (terms.utility !== UTILITY.access) return undefined;
  const door = new AccessDoor({
    terms: access,
    partner: signer.id,
    nowMs: () => clock.nowMs(),
    chain: () => {
      const { domain, tunnels } = live() ?? {};
      return domain && tunnels && { domain, agreements: tunnels };
    },
    log: log.child({ module: 'access' }),
    metrics,
    ...(options.outside ? { outside: options.outside } : {}),
  });
  hooks.onSession = (session) => door.endWith(session);
  return door;
}

async function listen(
  parts: Parts,
  { onStop, signal }: DaemonContext,
  pages: ReturnType<typeof operatorPages>,
  live: () => Live | undefined,
): Promise<RunningServer> {
  const { options, store, book, computer, metrics, log } = parts;
  const door = openDoor(parts, live);
  const server = await startServer({
    onUpgrade: door && ((request, socket, head) => door.enter(request, socket, head)),
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    log: log.child({ module: 'http' }),
    metrics,
    routes: {
      agreements: () => live()?.desk,
      challenges: () => live()?.challenges,
      tunnel: door?.terms,
      proof: parts.mining && ((id) => parts.mining!.shelf.read(id)),
      content: {
        store,
        // What is to be run is for its partner alone.
        sizeOf: (contentId) => (computer ? undefined : storedSize(book, contentId)),
        onBytes: (bytes) => metrics.count('partner_served_bytes_total', {}, bytes),
      },
      pages,
      isStopping: () => signal.aborted,
      requestMs: options.requestMs,
      onReceived: (bytes) => metrics.count('partner_received_bytes_total', {}, bytes),
    },
  });
  onStop('http server', server.stop);
  if (door) onStop('tunnels', async () => door.stop());
  return server;
}

/** The size of a content, by an agreement whose upload was checked against its id. */
function storedSize(book: AgreementBook, contentId: Uint8Array): number | undefined {
  const whole = book.ofContent(contentId).find(({ state }) => state !== 'upload');
  return whole && sizeOf(whole);
}

function hostInUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Clients must be able to reach what READY names. */
function checkedPublicUrl(url: string): string {
  const { hostname } = new URL(url);
  if (hostname !== '0.0.0.0' && hostname !== '[::]') return url.replace(/\/+$/, '');
  throw new PalisadeError({
    code: 'partner/bad-url',
    message: `${url} says where to listen, not where clients reach this partner.`,
    next: 'Set listen.publicUrl to the address that clients use.',
  });
}

function notStopped(open: readonly string[]): PalisadeError {
  return new PalisadeError({
    code: 'partner/not-stopped',
    message: `The partner did not stop in time; still open: ${open.join(', ')}.`,
  });
}
