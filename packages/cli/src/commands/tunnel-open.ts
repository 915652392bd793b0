/** From a wish to an open tunnel: one that was interrupted is gone on with, else access is bought. */
import {
  type AccessJob,
  type AccessQuote,
  type MarketClient,
  NOTHING_USED,
  type PartnerRecord,
  type UsagePayer,
  type UsageState,
} from '@palisade/client';
import { equalBytes, PalisadeError, toHex } from '@palisade/core';
import { AGREEMENT_STATE, PRICE_UNIT_BYTES, UTILITY } from '@palisade/market/schema';
import {
  holdTunnel,
  type KeptTunnel,
  keptTunnels,
  type TunnelFolder,
  type TunnelOwner,
} from '../files/tunnels.ts';
import type { Session } from '../session/session.ts';
import { countOf, formatAmount, formatDuration, formatSize, shortId } from '../terminal/amounts.ts';
import { facts } from '../terminal/table.ts';
import { TunnelRun } from '../tunnel/tunnel-run.ts';

export type TunnelWish = {
  /** Beginning of a partner's node key, or its URL. */
  readonly via: string | undefined;
  readonly durationMs: number;
  /** Most bytes to pay for. */
  readonly bytes: number;
  /** Most per MiB carried, base units. */
  readonly maxPrice: bigint | undefined;
};

export type OpenTunnel = {
  readonly job: AccessJob;
  readonly payer: UsagePayer;
  readonly run: TunnelRun;
  /** What is known of it on this disk. */
  readonly folder: TunnelFolder;
};

/** Undefined when the price is not agreed to. @throws PalisadeError with the reason that either side gave */
export async function openTunnelFor(
  session: Session,
  market: MarketClient,
  wish: TunnelWish,
): Promise<OpenTunnel | undefined> {
  const [{ genesisHash }, { address }] = await Promise.all([
    market.chain.domain(),
    session.account(),
  ]);
  const owner = { genesisHash: toHex(genesisHash), client: address };
  return (await goOn(session, market, owner, wish)) ?? (await buy(session, market, owner, wish));
}

/** Opens a tunnel whose process died, when what it was agreed on still holds. */
async function goOn(
  session: Session,
  market: MarketClient,
  owner: TunnelOwner,
  wish: TunnelWish,
): Promise<OpenTunnel | undefined> {
  const { tunnels } = session.home;
  const wanted = (await keptTunnels(tunnels, owner)).filter(({ job }) => suits(wish, job));
  for (const kept of wanted) {
    // Another process has it open: that is not the one to go on with.
    const folder = await holdTunnel(tunnels, owner, kept.job).catch(() => undefined);
    if (!folder) continue;
    if (await isOver(market, kept)) {
      await folder.remove();
      continue;
    }
    const { job, used } = kept;
    const most = formatSize(job.size * BigInt(job.sessions));
    session.note(
      `Going on with job ${toHex(job.job)}: ${formatSize(used.units)} of ${most} are paid for.`,
    );
    try {
      return await open(session, market, folder, { job: await whereNow(market, job), used });
    } catch (error) {
      folder.release();
      if (!(error instanceof PalisadeError)) throw error;
      session.note(`${error.message} A new one is bought.`);
    }
  }
  return undefined;
}

function suits({ via, maxPrice }: TunnelWish, { partner, url, rate, size }: AccessJob): boolean {
  const isDear = maxPrice !== undefined && rate * PRICE_UNIT_BYTES > maxPrice * size;
  return !isDear && isNamed(via, partner, url);
}

/** Whether nothing more can be had for it: the partner files the last voucher, the rest comes back. */
async function isOver({ chain }: MarketClient, { job, used }: KeptTunnel): Promise<boolean> {
  if (used.units >= job.size * BigInt(job.sessions)) return true;
  const [view, { number }] = await Promise.all([chain.job(job.job), chain.session()]);
  const line = view?.agreements.find(({ partner }) => equalBytes(partner, job.partner));
  // It was in a block when it was kept, and the chain forgets no job: this validator is not as far.
  if (!line) return false;
  const { state, final, lastSession } = line.agreement;
  return state !== AGREEMENT_STATE.active || final === 1 || lastSession < number;
}

/** A partner that was started again may have another address. */
async function whereNow({ chain }: MarketClient, job: AccessJob): Promise<AccessJob> {
  const records = await chain.partners();
  const now = records.find(({ nodeKey }) => equalBytes(nodeKey, job.partner));
  return { ...job, url: now?.url ?? job.url };
}

/** Asks for the price, locks the money, begins. */
async function buy(
  session: Session,
  market: MarketClient,
  owner: TunnelOwner,
  { via, durationMs, bytes, maxPrice }: TunnelWish,
): Promise<OpenTunnel | undefined> {
  const partner = await choose(market, via);
  const price = maxPrice === undefined ? {} : { maxPrice };
  const quote = await market.quoteAccess({ partner, bytes, durationMs, ...price });
  for (const line of quoteLines(quote)) session.note(line);
  if (!(await session.agreed('Open the tunnel?'))) return undefined;
  const job = await market.buyAccess(quote, {
    onProgress: (progress) => {
      if (progress.step === 'in-block')
        session.note(`Job ${toHex(progress.job)} is in block ${progress.height}.`);
      else if (progress.step === 'started')
        session.note(`Partner ${shortId(toHex(progress.partner))} has begun.`);
    },
  });
  const folder = await holdTunnel(session.home.tunnels, owner, job);
  await folder.save({ job, used: NOTHING_USED });
  return open(session, market, folder, { job, used: NOTHING_USED });
}

async function open(
  session: Session,
  market: MarketClient,
  folder: TunnelFolder,
  { job, used }: KeptTunnel,
): Promise<OpenTunnel> {
  const keep = (now: UsageState) => folder.save({ job, used: now });
  const payer = market.payer(job, keep, used);
  const { signer } = await session.account();
  const run = new TunnelRun({ market, signer, job, payer, say: (text) => session.note(text) });
  await run.open();
  return { job, payer, run, folder };
}

/** The partner that is meant, or the cheapest that offers access. */
async function choose(market: MarketClient, via: string | undefined): Promise<PartnerRecord> {
  const offering = (await market.chain.partners())
    .filter(({ ready }) => ready.utility === UTILITY.access)
    .sort((a, b) => (a.ready.price < b.ready.price ? -1 : 1));
  const found = offering.find(
    ({ nodeKey, url, ready }) =>
      isNamed(via, nodeKey, url) && (via !== undefined || ready.accepting === 1),
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

/** Whether a partner is the one that is named; nobody named is everybody. */
function isNamed(via: string | undefined, nodeKey: Uint8Array, url: string): boolean {
  const wanted = via?.toLowerCase().replace(/\/+$/, '');
  return wanted === undefined || url === wanted || toHex(nodeKey).startsWith(wanted);
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
