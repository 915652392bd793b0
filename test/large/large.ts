/**
 * `npm run test:large [-- MIB]`: a file of a GiB and an empty one through the command line and a
 * network of processes, while partners are killed, and no process may need 200 MB (Linux only).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Peaks, partnerWithOpen, watchMemory } from './processes.ts';

const PROGRAM = join(import.meta.dirname, 'palisade.js');
const MIB = 2 ** 20;
/** Least size with which a kill still finds its transfer running. */
const LEAST_MIB = 256;
const SIZE = Math.max(LEAST_MIB, Number(process.argv[2] ?? 1024)) * MIB;
/** Resident memory that no process may reach, bytes. */
const MEMORY_LIMIT = 200e6;
/** A transfer is under way when this much has arrived; what follows is long enough to be killed in. */
const UNDER_WAY = 64 * MIB;
/** How often a transfer is looked at, ms. */
const LOOK_MS = 20;
/** A job that nobody has started after some sessions is cancelled: a slow disk takes minutes. */
const SESSION = '120s';
const NETWORK_PATIENCE_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'palisade-large-'));
const env = { ...process.env, PALISADE_HOME: join(folder, 'home') };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function say(line: string): void {
  console.log(`${process.uptime().toFixed(1).padStart(7)}s  ${line}`);
}

function palisade(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Runs a command to its end and reads its answer. @throws Error when it fails */
async function answerOf(child: ChildProcess): Promise<Record<string, unknown>> {
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let text = '';
  for await (const part of child.stdout!) text += part;
  const code = await ended;
  if (code !== 0) throw new Error(`${child.spawnargs[2]} ended with ${code}: ${text}`);
  return JSON.parse(text);
}

async function startNetwork(): Promise<ChildProcess> {
  const child = palisade(
    'devnet',
    '--processes',
    '--no-root-chain',
    '--json',
    '--session',
    SESSION,
  );
  const ready = (async () => {
    let text = '';
    for await (const part of child.stdout!) {
      text += part;
      if (text.endsWith('}\n')) return; // the only object it prints
    }
    throw new Error(`the network did not start: ${text}`);
  })();
  const late = pause(NETWORK_PATIENCE_MS).then(() => {
    throw new Error('the network did not start in time');
  });
  late.catch(() => {}); // it was ready before
  await Promise.race([ready, late]);
  return child;
}

/** Bytes that look random, the same for the same seed: no file system or transport can shorten them. */
async function writeFile(path: string, size: number, seed: number): Promise<void> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  const zeros = Buffer.alloc(MIB);
  function* parts() {
    for (let left = size; left > 0; left -= MIB) yield cipher.update(zeros.subarray(0, left));
  }
  await pipeline(Readable.from(parts()), createWriteStream(path));
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path, { highWaterMark: MIB })) hash.update(part);
  return hash.digest('hex');
}

/** Kills a partner that takes part in a transfer, once that is under way. @throws Error when it ended first */
async function killPartner(transfer: ChildProcess, openFolder: string, arrived: () => number) {
  for (;;) {
    if (transfer.exitCode !== null)
      throw new Error('the transfer ended before a partner was killed');
    const partner = arrived() >= UNDER_WAY ? partnerWithOpen(openFolder) : undefined;
    if (partner) {
      process.kill(partner.pid, 'SIGKILL');
      say(`${partner.name} is killed with -9`);
      return;
    }
    await pause(LOOK_MS);
  }
}

/** Bytes that have arrived: what the partners' uploads have, or what is there of a file. */
function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

function uploaded(): number {
  const sizes = [1, 2, 3, 4, 5].map((number) => {
    const uploads = join(folder, 'home/devnet', `partner-${number}`, 'content/uploads');
    const found = existsSync(uploads) ? readdirSync(uploads) : [];
    return found.reduce((sum, id) => sum + sizeOf(join(uploads, id, 'data')), 0);
  });
  return Math.max(...sizes);
}

/** Bytes that have arrived of a file that is being fetched: its job's number stands in its name. */
function fetched(start: string): number {
  const part = readdirSync(folder).find((one) => one.startsWith(start) && one.endsWith('.part'));
  return part ? sizeOf(join(folder, part)) : 0;
}

/** Stores a file and fetches it again. @throws Error when another one comes back */
async function roundTrip(name: string, size: number, withKills: boolean): Promise<void> {
  const path = join(folder, name);
  const back = `${path}.back`;
  await writeFile(path, size, 7);
  const began = performance.now();
  const put = palisade('put', path, '--replicas', '3', '--for', '30m', '--yes', '--json');
  const stored = answerOf(put);
  const firstKill = withKills ? killPartner(put, 'uploads', uploaded) : undefined;
  const [{ job }] = await Promise.all([stored, firstKill]);
  say(`put of ${name}: ${speedOf(size, began)}`);
  const again = performance.now();
  const get = palisade('get', String(job), '-o', back, '--json');
  const answer = answerOf(get);
  const secondKill = withKills
    ? killPartner(get, 'contents', () => fetched(`${name}.back.`))
    : undefined;
  await Promise.all([answer, secondKill]);
  say(`get of ${name}: ${speedOf(size, again)}`);
  const [sent, came] = await Promise.all([hashOf(path), hashOf(back)]);
  if (sent !== came) throw new Error(`${name} came back as ${came}, it was ${sent}`);
  say(`${name} is the same: ${size} bytes, SHA-256 ${sent}`);
}

function speedOf(size: number, beganMs: number): string {
  const seconds = (performance.now() - beganMs) / 1000;
  return `${seconds.toFixed(1)} s, ${(size / 1e6 / seconds).toFixed(0)} MB/s`;
}

/** Prints the peaks. Answers whether all are below the limit. */
function tellMemory(peaks: Peaks): boolean {
  console.log(`\npeak resident memory, MB; the limit is ${MEMORY_LIMIT / 1e6}`);
  for (const [name, bytes] of [...peaks].sort(([a], [b]) => a.localeCompare(b))) {
    const note = bytes < MEMORY_LIMIT ? '' : '  TOO MUCH';
    console.log(`  ${name.padEnd(12)} ${(bytes / 1e6).toFixed(1).padStart(7)}${note}`);
  }
  return [...peaks.values()].every((bytes) => bytes < MEMORY_LIMIT);
}

const peaks: Peaks = new Map();
const stopWatching = watchMemory(peaks);
let network: ChildProcess | undefined;
let failed = false;
try {
  network = await startNetwork();
  say('a network in processes of its own runs');
  await roundTrip('empty', 0, false);
  await roundTrip('large', SIZE, true);
} catch (error) {
  failed = true;
  console.error(error);
} finally {
  stopWatching();
  if (network && network.exitCode === null) {
    const ended = new Promise((resolve) => network!.once('exit', resolve));
    network.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
}
const isSmall = tellMemory(peaks);
console.log(failed || !isSmall ? 'failed' : 'passed');
process.exitCode = failed || !isSmall ? 1 : 0;
