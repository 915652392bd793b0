/**
 * `npm run bench -- transfer`: how fast a file goes to three partners, and comes back.
 *
 * Ours is the client library with partners in processes of their own: sealing, spool, tree, uploads
 * with resume points, checks and syncs at the partners, download, checks, opening. The anchor does
 * the same to the bytes with three plain servers (plain-transfer.ts). The time that a put waits for
 * the chain (blocks, offers) is left out of `put` and shown as `put-chain`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type MarketClient, openMarket, spoolFile } from '@palisade/client';
import { accountSigner, fromHex } from '@palisade/core';
import { fileSpool } from '../packages/cli/src/files/spool-file.ts';
import { type Round, report, rowOf } from './kit.ts';
import { PlainClient, servePlain, writeTo } from './plain-transfer.ts';
import { startNetwork } from './running-network.ts';

const MIB = 2 ** 20;
const SIZE = 128 * MIB;
const REPLICAS = 3;
/** Turns of measuring; an odd number has a middle. */
const ROUNDS = 5;
/** Turns before, not counted: compilers warm up on both sides. */
const WARM_UP = 1;
/** Term of what is stored: longer than the benchmark. */
const TERM_MS = 1_200_000;

const now = () => performance.now() / 1000;
const speed = (seconds: number) => SIZE / 1e6 / seconds;

async function plainServer(folder: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [process.argv[1]!, 'plain-server', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((resolve) =>
    child.stdout!.once('data', (line) => resolve(Number(line))),
  );
  return { child, port };
}

type Paths = { readonly source: string; readonly spool: string; readonly back: string };
type Put = { readonly job: Uint8Array; readonly moving: number; readonly chain: number };

/** Stores the file; `moving` is the time that its bytes were worked on, `chain` the rest. */
async function store(market: MarketClient, ownerSecret: Uint8Array, paths: Paths): Promise<Put> {
  const began = now();
  const manifest = { name: 'bench', kind: 'file' as const, size: SIZE };
  const source = createReadStream(paths.source);
  const spooled = await spoolFile(source, manifest, { ownerSecret }, fileSpool(paths.spool));
  const sealed = now();
  const { sessions, maxRate } = await market.quote({
    size: spooled.size,
    replicas: REPLICAS,
    durationMs: TERM_MS,
  });
  let first = 0;
  let last = 0;
  const { job } = await market.put({
    ...spooled,
    replicas: REPLICAS,
    sessions,
    maxRate,
    onProgress(progress) {
      if (progress.step === 'matched') first ||= now();
      if (progress.step === 'uploading' && progress.sent === progress.size) last = now();
    },
  });
  const moving = sealed - began + (last - first);
  return { job, moving, chain: now() - began - moving };
}

async function fetchBack(market: MarketClient, job: Uint8Array, paths: Paths): Promise<number> {
  const began = now();
  const { bytes } = await market.get(job);
  await writeTo(paths.back, bytes);
  return now() - began;
}

async function taken(run: Promise<void>, began = now()): Promise<number> {
  await run;
  return now() - began;
}

function same(paths: Paths): void {
  if (!readFileSync(paths.source).equals(readFileSync(paths.back)))
    throw new Error('another file came back');
}

async function measure(
  folder: string,
  network: { folder: string; url: string },
  plain: PlainClient,
) {
  const at = (name: string) => join(folder, name);
  const paths = { source: at('source'), spool: at('spool'), back: at('back') };
  writeFileSync(paths.source, randomBytes(SIZE));
  const { client } = JSON.parse(readFileSync(join(network.folder, 'network.json'), 'utf8'));
  const secret = fromHex(client.secret);
  const account = { signer: accountSigner(secret), ownerSecret: secret };
  const market = openMarket(connect({ urls: [network.url] }), account);
  const puts: Round[] = [];
  const gets: Round[] = [];
  const waits: Round[] = [];
  for (let round = 1 - WARM_UP; round <= ROUNDS; round++) {
    const plainPut = await taken(plain.put(paths.source, paths.spool));
    const { job, moving, chain } = await store(market, secret, paths);
    const plainGet = await taken(plain.get(paths.back));
    same(paths);
    const get = await fetchBack(market, job, paths);
    same(paths);
    const put = { ours: speed(moving), anchor: speed(plainPut) };
    const got = { ours: speed(get), anchor: speed(plainGet) };
    console.error(
      `round ${round} of ${ROUNDS}: put ${put.ours.toFixed(1)} of ${put.anchor.toFixed(1)} MB/s, get ${got.ours.toFixed(1)} of ${got.anchor.toFixed(1)} MB/s, ${chain.toFixed(1)} s for the chain`,
    );
    if (round < 1) continue;
    puts.push(put);
    gets.push(got);
    waits.push({ ours: chain, anchor: plainPut });
  }
  return { puts, gets, waits };
}

async function bench(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'palisade-bench-'));
  const servers = await Promise.all(Array.from({ length: REPLICAS }, () => plainServer(folder)));
  const plain = new PlainClient(servers.map(({ port }) => port));
  const network = await startNetwork(join(folder, 'network'), ['--processes']);
  try {
    const { puts, gets, waits } = await measure(folder, network, plain);
    const what = `${SIZE / MIB} MiB; anchor: the same done to the bytes by plain Node servers.`;
    report('transfer', [
      rowOf(
        {
          case: 'put',
          unit: 'MB/s',
          note: `file to ${REPLICAS} partners, waiting for the chain left out, ${what} At least 0.7 is the goal.`,
        },
        puts,
      ),
      rowOf(
        { case: 'get', unit: 'MB/s', note: `back from one, ${what} At least 0.7 is the goal.` },
        gets,
      ),
      rowOf(
        {
          case: 'put-chain',
          unit: 's',
          note: 'what a put waits for the chain; anchor: the plain put.',
        },
        waits,
      ),
    ]);
  } finally {
    plain.close();
    for (const { child } of servers) child.kill();
    await network.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[2] === 'plain-server') servePlain(process.argv[3]!);
else await bench();
