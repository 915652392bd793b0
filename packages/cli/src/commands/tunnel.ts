/** `palisade tunnel`: a metered way out at a partner, as a SOCKS server on this machine. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccessJob, MarketClient, Reason } from '@palisade/client';
import { PalisadeError, toHex } from '@palisade/core';
import { accountLeaf, type Context, execute, type Report } from '../command.ts';
import { plainJson, type Session } from '../session/session.ts';
import {
  countOf,
  formatAmount,
  formatSize,
  parseAmount,
  parseCount,
  parseDuration,
  parseSize,
} from '../terminal/amounts.ts';
import { usageError } from '../terminal/print-error.ts';
import { facts } from '../terminal/table.ts';
import { startSocks } from '../tunnel/socks-server.ts';
import type { TunnelRun } from '../tunnel/tunnel-run.ts';
import { type OpenTunnel, openTunnelFor } from './tunnel-open.ts';

/** Where programs look for a SOCKS server. */
const DEFAULT_PORT = 1080;
const DEFAULT_BYTES = 256 * 2 ** 20;
const DEFAULT_MS = 600_000;
/** How often the line with the counts is drawn, ms. */
const DRAW_MS = 500;
/** The end that its user wants. */
const STOPPED = 'cli/stopped';

type TunnelOptions = {
  readonly via?: string | undefined;
  readonly port?: number | undefined;
  readonly for?: number | undefined;
  readonly most?: number | undefined;
  readonly maxPrice?: bigint | undefined;
  readonly auth?: string | undefined;
};

export function tunnelCommand(context: Context) {
  return accountLeaf(
    'tunnel',
    'Reach places through a partner, paid by the byte: a SOCKS5 server on this machine',
    'palisade tunnel --via 0x3f21 --for 10m --most 100MiB',
  )
    .option('--via <partner>', 'beginning of its node key, or its URL; the cheapest, unless given')
    .option('--port <port>', 'of the SOCKS server; 0 takes a free one', parseCount(0, 65_535))
    .option('--for <time>', 'how long at most, as 10m or 4h', parseDuration)
    .option('--most <size>', 'bytes to pay for at most, as 100MiB', parseSize)
    .option('--max-price <amount>', 'most per MiB carried, in PAL', parseAmount)
    .option('--auth <user:password>', 'what programs must show to the SOCKS server')
    .option('-y, --yes', 'do not ask before paying')
    .action((options) => execute(context, options, (session) => tunnel(session, options)));
}

async function tunnel(session: Session, options: TunnelOptions): Promise<Report> {
  const { via, for: durationMs = DEFAULT_MS, most: bytes = DEFAULT_BYTES, maxPrice } = options;
  const { port = DEFAULT_PORT, auth } = options;
  const market = await session.market();
  let tunnel: OpenTunnel | undefined;
  // Its port first: whoever cannot listen buys nothing.
  const socks = await startSocks({
    port,
    check: auth === undefined ? undefined : checkOf(auth),
    connect: async (host, to) => {
      if (!tunnel) throw notYet();
      return tunnel.run.connect(host, to);
    },
    onRefused: (where, reason) => session.note(`${where}: ${reason.message}`),
  });
  try {
    tunnel = await openTunnelFor(session, market, { via, durationMs, bytes, maxPrice });
    if (!tunnel)
      return { json: { opened: false }, lines: ['Nothing was opened, nothing was paid.'] };
    const address = `${socks.host}:${socks.port}`;
    await announce(session, { job: tunnel.job, address, auth });
    const line = counter(session, tunnel);
    const reason = await Promise.race([tunnel.run.keep(), interrupted(durationMs)]);
    line.end();
    session.note(reason.message);
    // Programs lose their connections first: nothing moves any more while the last voucher is made.
    await socks.stop();
    return await end(session, market, tunnel, reason);
  } finally {
    tunnel?.folder.release();
    await socks.stop();
  }
}

/** Signs for what was used, with the partner if it can be reached. */
async function end(
  session: Session,
  market: MarketClient,
  { job, run, payer, folder }: OpenTunnel,
  reason: Reason,
): Promise<Report> {
  try {
    if (reason.code === STOPPED) await run.finish();
    const { fee } = await market.endAccess(job, payer.state);
    await folder.remove();
    return report(job, run, payer.state, fee);
  } catch (error) {
    if (!(error instanceof PalisadeError)) throw error;
    // Not lost: the partner files the last voucher, and what is not used comes back with the term.
    session.note(`No receipt: ${error.message} The last voucher stands.`);
    return { ...report(job, run, payer.state, undefined), exitCode: 1 };
  }
}

function notYet(): PalisadeError {
  return new PalisadeError({ code: 'access/not-open', message: 'The tunnel is not open yet.' });
}

/** Whether a program shows what was agreed on; told in constant time. */
function checkOf(auth: string): (user: string, password: string) => boolean {
  const colon = auth.indexOf(':');
  if (colon < 1 || colon === auth.length - 1)
    throw usageError('--auth wants a user and a password.', 'Write it as USER:PASSWORD.');
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(auth);
  return (user, password) => timingSafeEqual(digest(`${user}:${password}`), wanted);
}

async function announce(
  { isJson, world }: Session,
  told: { readonly job: AccessJob; readonly address: string; readonly auth: string | undefined },
): Promise<void> {
  const { job, address, auth } = told;
  const proxy = `socks5h://${auth === undefined ? '' : 'USER:PASSWORD@'}${address}`;
  if (isJson) {
    const opened = { tunnel: 'open', job: job.job, partner: job.partner, socks: address };
    await world.stdout(`${JSON.stringify(plainJson(opened), null, 2)}\n`);
    return;
  }
  const lines = facts([
    ['SOCKS5', address],
    ['try', `curl --proxy ${proxy} https://example.org/`],
    ['end', 'Ctrl-C'],
  ]);
  await world.stdout(`${lines.join('\n')}\n`);
}

/** A line of bytes and money, on a terminal; elsewhere nothing. */
function counter({ isJson, world }: Session, { run, job: { rate, size } }: OpenTunnel) {
  if (isJson || !world.isTerminal) return { end: () => {} };
  const draw = () => {
    const { sent, received, units, paid, streams, stopped } = run.totals;
    const owed = formatAmount((units * rate) / size);
    const state = stopped ? `  stopped: ${stopped.message}` : '';
    world.stderr(
      `\r\u001b[K${formatSize(sent)} up  ${formatSize(received)} down  ${owed}, ${formatSize(paid)} vouched for  ${countOf(streams, 'connection')}${state}`,
    );
  };
  const timer = setInterval(draw, DRAW_MS);
  return {
    end: () => {
      clearInterval(timer);
      world.stderr('\r\u001b[K');
    },
  };
}

/** Until somebody says stop, or the time is over. */
function interrupted(ms: number): Promise<Reason> {
  return new Promise((resolve) => {
    const stop = (message: string) => {
      clearTimeout(timer);
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
      resolve({ code: STOPPED, message });
    };
    const onSignal = () => stop('You end the tunnel.');
    const timer = setTimeout(() => stop('The time is over.'), ms);
    process.once('SIGINT', onSignal);
    process.once('SIGTERM', onSignal);
  });
}

function report(
  { job, partner }: AccessJob,
  run: TunnelRun,
  used: { readonly units: bigint; readonly amount: bigint; readonly sequence: number },
  fee: bigint | undefined,
): Report {
  const { sent, received } = run.totals;
  const { units, amount, sequence } = used;
  const isReceipted = fee !== undefined;
  return {
    json: {
      ...{ tunnel: 'closed', job, partner, sent, received, units, amount, sequence },
      ...{ receipt: isReceipted, ...(isReceipted ? { fee } : {}) },
    },
    lines: facts([
      ['job', toHex(job)],
      ['carried', `${formatSize(sent)} up, ${formatSize(received)} down`],
      ['paid', `${formatAmount(amount)} for ${formatSize(units)}`],
      ['receipt', isReceipted ? 'signed by both, and filed' : 'none: the last voucher stands'],
      ['fee', fee === undefined ? undefined : formatAmount(fee)],
    ]),
  };
}
