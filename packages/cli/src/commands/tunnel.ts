/** `palisade tunnel`: a metered way out at a partner, as a SOCKS server on this machine. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import type { AccessJob, AccessQuote, MarketClient, PartnerRecord } from '@palisade/client';
import { PalisadeError, toHex } from '@palisade/core';
import { atomicWrite, ensureDir } from '@palisade/daemon';
import { UTILITY } from '@palisade/market/schema';
import { accountLeaf, type Context, execute, type Report } from '../command.ts';
import { plainJson, type Session } from '../session/session.ts';
import {
  countOf,
  formatAmount,
  formatDuration,
  formatSize,
  parseAmount,
  parseCount,
  parseDuration,
  parseSize,
  shortId,
} from '../terminal/amounts.ts';
import { usageError } from '../terminal/print-error.ts';
import { facts } from '../terminal/table.ts';
import { startSocks } from '../tunnel/socks-server.ts';
import { TunnelRun } from '../tunnel/tunnel-run.ts';

/** Where programs look for a SOCKS server. */
const DEFAULT_PORT = 1080;
const DEFAULT_BYTES = 256 * 2 ** 20;
const DEFAULT_MS = 600_000;
/** How often the line with the counts is drawn, ms. */
const DRAW_MS = 500;
const PRIVATE = 0o700;

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
  const market = await session.market();
  const partner = await choose(market, options.via);
  const durationMs = options.for ?? DEFAULT_MS;
  const { most: bytes = DEFAULT_BYTES, maxPrice } = options;
  const wish = { partner, bytes, durationMs, ...(maxPrice === undefined ? {} : { maxPrice }) };
  const quote = await market.quoteAccess(wish);
  for (const line of quoteLines(quote)) session.note(line);
  if (!(await session.agreed('Open the tunnel?')))
    return { json: { opened: false }, lines: ['Nothing was opened, nothing was paid.'] };
  const job = await market.buyAccess(quote, {
    onProgress: (progress) => {
      if (progress.step === 'in-block')
        session.note(`Job ${toHex(progress.job)} is in block ${progress.height}.`);
      else if (progress.step === 'started')
        session.note(`Partner ${shortId(toHex(progress.partner))} has begun.`);
    },
  });
  return serve(session, market, job, options, durationMs);
}

/** The partner that is meant, or the cheapest that offers access. */
async function choose(market: MarketClient, via: string | undefined): Promise<PartnerRecord> {
  const offering = (await market.chain.partners())
    .filter(({ ready }) => ready.utility === UTILITY.access)
    .sort((a, b) => (a.ready.price < b.ready.price ? -1 : 1));
  const wanted = via?.toLowerCase().replace(/\/+$/, '');
  const found = offering.find(
    ({ nodeKey, url, ready }) =>
      (wanted === undefined && ready.accepting === 1) ||
      url === wanted ||
      (wanted !== undefined && toHex(nodeKey).startsWith(wanted)),
  );
  if (found) return found;
  throw new PalisadeError({
    code: 'cli/no-such-partner',
    message:
      via === undefined
        ? 'No partner offers access now.'
        : `No partner of access has the URL or a key that begins with ${via.slice(0, 80)}.`,
    next: 'palisade partners lists who is ready, and for what.',
    retry: 'later',
  });
}

function quoteLines({
  partner,
  price,
  size,
  rate,
  sessions,
  sessionMs,
  escrow,
  fee,
  terms,
}: AccessQuote) {
  const term = formatDuration(Number(sessionMs) * sessions);
  return facts([
    ['partner', `${shortId(toHex(partner.nodeKey))} at ${partner.url}`],
    ['leads to', terms.allow.join(', ')],
    ['price', `${formatAmount(price)} per MiB carried, both directions`],
    [
      'at most',
      `${formatSize(size * BigInt(sessions))} for ${formatAmount(rate * BigInt(sessions))}`,
    ],
    ['term', `${countOf(sessions, 'session')}, about ${term}`],
    ['locked', `${formatAmount(escrow)}; what is not used comes back`],
    ['fee', formatAmount(fee)],
  ]);
}

async function serve(
  session: Session,
  market: MarketClient,
  job: AccessJob,
  { port = DEFAULT_PORT, auth }: TunnelOptions,
  durationMs: number,
): Promise<Report> {
  const folder = join(session.home.root, 'tunnels');
  await ensureDir(folder, PRIVATE);
  const path = join(folder, `${toHex(job.job)}.json`);
  const payer = market.payer(job, async (used) => {
    const text = JSON.stringify(plainJson({ version: 1, ...job, ...used }));
    await atomicWrite(path, `${text}\n`, { mode: 0o600 });
  });
  const { signer } = await session.account();
  const say = (text: string) => session.note(text);
  const run = new TunnelRun({ market, signer, job, payer, say });
  await run.open();
  const socks = await startSocks({
    port,
    check: auth === undefined ? undefined : checkOf(auth),
    connect: (host, to) => run.connect(host, to),
    onRefused: (where, reason) => say(`${where}: ${reason.message}`),
  });
  const address = `${socks.host}:${socks.port}`;
  await announce(session, { job, address, auth });
  const line = counter(session, run, job);
  const reason = await Promise.race([run.keep(), interrupted(durationMs)]);
  line.end();
  say(reason.message);
  try {
    // Programs lose their connections first: nothing moves any more while the last voucher is made.
    await socks.stop();
    if (reason.code === 'cli/stopped') await run.finish();
    const { fee } = await market.endAccess(job, payer.state);
    return report(job, run, payer.state, fee);
  } catch (error) {
    if (!(error instanceof PalisadeError)) throw error;
    // Not lost: the partner files the last voucher, and what is not used comes back with the term.
    say(`No receipt: ${error.message} The last voucher stands.`);
    return { ...report(job, run, payer.state, undefined), exitCode: 1 };
  }
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
function counter({ isJson, world }: Session, run: TunnelRun, { rate, size }: AccessJob) {
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
function interrupted(ms: number): Promise<{ readonly code: string; readonly message: string }> {
  return new Promise((resolve) => {
    const stop = (message: string) => {
      clearTimeout(timer);
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
      resolve({ code: 'cli/stopped', message });
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
