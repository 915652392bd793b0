/**
 * The main job, told as it happens: a real file is stored with three partners, proven held, and paid
 * for at the end of the session. It ends with the books: every unit of the genesis issuance is
 * somewhere.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { formatAmount } from '@palisade/chain/schema';
import {
  type ChainClient,
  type ChainEvent,
  connect,
  memorySpool,
  openMarket,
  type PutProgress,
  spoolFile,
} from '@palisade/client';
import { accountSigner, type Json, PalisadeError, toHex } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import type { RunningDevnet } from './devnet.ts';
import { keepVouchersIn } from './files.ts';

const REPLICAS = 3;
/** Sessions that the story may take before it counts as failed: start, audit, payout, and patience. */
const PATIENCE_SESSIONS = 3;
/** Time for all that is not a session, ms. */
const PATIENCE_MS = 60_000;

export type Tell = (line: string) => void;

/** What the story ended with. @throws PalisadeError `devnet/story-failed` and what its steps throw. */
export type StoryEnd = {
  readonly job: string;
  readonly session: string;
  /** What each partner was paid, base units, by name. */
  readonly paid: ReadonlyMap<string, bigint>;
  readonly totals: readonly TotalsLine[];
};

export type TotalsLine = {
  readonly denom: string;
  readonly balances: bigint;
  readonly holds: bigint;
  readonly escrow: bigint;
  readonly feePot: bigint;
  readonly archive: bigint;
  readonly burned: bigint;
  readonly minted: bigint;
  readonly genesis: bigint;
};

export type StoryOptions = {
  /** The file that is stored. */
  readonly file: string;
  /** Folder of the client: it keeps its vouchers there. */
  readonly folder: string;
  readonly tell: Tell;
  readonly signal: AbortSignal;
};

export async function tellStory(
  devnet: RunningDevnet,
  { file, folder, tell, signal }: StoryOptions,
): Promise<StoryEnd> {
  const { network, timing, urls } = devnet;
  const names = new Map(
    network.partners.map(({ name, nodeSecret }) => [toHex(ed25519.publicKey(nodeSecret)), name]),
  );
  const secret = network.clientSecret;
  const keepVoucher = keepVouchersIn(join(folder, 'vouchers'));
  const account = { signer: accountSigner(secret), ownerSecret: secret, keepVoucher };
  const chain = connect({ urls });
  const market = openMarket(chain, account);
  const patience = AbortSignal.timeout(PATIENCE_SESSIONS * timing.sessionMs + PATIENCE_MS);
  const stop = AbortSignal.any([signal, patience]);

  const bytes = new Uint8Array(await readFile(file));
  const manifest = { name: basename(file), kind: 'file' as const, size: bytes.length };
  const spooled = await spoolFile(once(bytes), manifest, { ownerSecret: secret }, memorySpool);
  const durationMs = 2 * timing.sessionMs;
  const quote = await market.quote({ size: spooled.size, replicas: REPLICAS, durationMs });
  tell(
    `the client seals ${manifest.name} (${bytes.length} bytes) and asks for ${REPLICAS} copies over ${quote.sessions} sessions:`,
  );
  tell(
    `  at most ${formatAmount(quote.maxRate)} per copy and session, ${formatAmount(quote.escrow)} locked, fee ${formatAmount(quote.fee)}`,
  );
  const onProgress = teller(tell, names);
  const { job, height } = await market.put({
    ...spooled,
    replicas: REPLICAS,
    sessions: quote.sessions,
    maxRate: quote.maxRate,
    onProgress,
    signal: stop,
  });
  const id = toHex(job);
  const session = await followToPayout(chain, { id, from: height, names, tell, stop });
  const got = await market.get(job);
  const back = await collect(got.bytes);
  if (Buffer.compare(back, bytes) !== 0) throw failed('The file that came back is not the same.');
  tell(`the client gets ${manifest.name} back from the partners: the same ${back.length} bytes`);
  const totals = await readTotals(urls[0]!);
  tellTotals(totals, tell);
  return { job: id, ...session, totals };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function teller(tell: Tell, names: ReadonlyMap<string, string>): (step: PutProgress) => void {
  const nameOf = (partner: Uint8Array) => names.get(toHex(partner)) ?? toHex(partner);
  return (step) => {
    if (step.step === 'confirmed')
      tell(
        `${step.by.validators} validators with ${step.by.weight} of ${step.by.total} votes confirm job ${toHex(step.job)}`,
      );
    if (step.step === 'in-block') tell(`the job stands in the job file of block ${step.height}`);
    if (step.step === 'matched')
      tell(
        `the client takes up the offer of ${nameOf(step.partner)}: ${formatAmount(step.rate)} per session`,
      );
    if (step.step === 'uploading' && step.sent === step.size)
      tell(`${nameOf(step.partner)} has all ${step.size} bytes`);
    if (step.step === 'partner-failed')
      tell(`${nameOf(step.partner)} failed: ${step.error.message}`);
  };
}

type Following = {
  readonly id: string;
  readonly from: bigint;
  readonly names: ReadonlyMap<string, string>;
  readonly tell: Tell;
  readonly stop: AbortSignal;
};

/** Follows the job's events until a payout file with all of its partners is closed. */
async function followToPayout(
  chain: ChainClient,
  { id, from, names, tell, stop }: Following,
): Promise<{ readonly session: string; readonly paid: ReadonlyMap<string, bigint> }> {
  const paid = new Map<string, bigint>();
  for await (const event of chain.events({ topics: ['market.'], from, signal: stop })) {
    const { job, partner, amount, session, root, rows } = fieldsOf(event);
    const name = names.get(String(partner)) ?? String(partner);
    const line = lineOf(event, name);
    if (job === id && line) tell(`block ${event.height}: ${line}`);
    if (job === id && event.name === 'market.partner-paid')
      paid.set(name, (paid.get(name) ?? 0n) + BigInt(String(amount)));
    if (event.name === 'market.payout-closed' && paid.size > 0) {
      tell(
        `block ${event.height}: the payout file of session ${session} is closed: ${rows} rows, root ${root}`,
      );
      if (paid.size === REPLICAS) return { session: String(session), paid };
    }
  }
  throw failed(
    stop.aborted && !paid.size
      ? 'No payout came within the time it should take.'
      : `Only ${paid.size} of ${REPLICAS} partners were paid.`,
  );
}

function lineOf(event: ChainEvent, partner: string): string | undefined {
  const { name } = event;
  const data = fieldsOf(event);
  const amount = () => formatAmount(BigInt(String(data.amount)));
  switch (name) {
    case 'market.agreement-started':
      return `${partner} starts: audited and paid from session ${data.firstSession} to ${data.lastSession}`;
    case 'market.audit-answered':
      return `${partner} proves to hold the file in session ${data.session}: ${amount()} earned`;
    case 'market.audit-missed':
      return `${partner} MISSED its audit of session ${data.session}: nothing is paid for it`;
    case 'market.partner-paid':
      return `${partner} is paid ${amount()} for session ${data.session}`;
    default:
      return undefined;
  }
}

/** Events carry an object of their declared fields. */
function fieldsOf({ data }: ChainEvent): { readonly [field: string]: Json } {
  return data as { readonly [field: string]: Json };
}

async function readTotals(url: string): Promise<TotalsLine[]> {
  const response = await fetch(`${url}/v1/dev/totals`);
  const { totals } = (await response.json()) as { totals: Record<string, string>[] };
  return totals.map((line) => {
    const { denom, ...amounts } = line;
    const entries = Object.entries(amounts).map(([key, value]) => [key, BigInt(value)]);
    return { denom, ...Object.fromEntries(entries) } as TotalsLine;
  });
}

/** Prints the books per denomination. @throws when they do not add up. */
function tellTotals(totals: readonly TotalsLine[], tell: Tell): void {
  for (const line of totals) {
    const parts = [line.balances, line.holds, line.escrow, line.feePot, line.archive, line.burned];
    const sum = parts.reduce((a, b) => a + b, 0n);
    tell(`the books of ${line.denom}, base units:`);
    const rows = ['balances', 'holds', 'escrow', 'feePot', 'archive', 'burned'] as const;
    for (const row of rows) tell(`  ${row.padEnd(10)} ${`${line[row]}`.padStart(28)}`);
    tell(`  ${'sum'.padEnd(10)} ${`${sum}`.padStart(28)}`);
    tell(`  ${'genesis'.padEnd(10)} ${`${line.genesis}`.padStart(28)}`);
    if (sum !== line.genesis + line.minted)
      throw failed(`The books of ${line.denom} do not add up.`);
  }
}

function failed(message: string): PalisadeError {
  return new PalisadeError({
    code: 'devnet/story-failed',
    message,
    next: 'The log files in the folder of the network say more.',
  });
}
