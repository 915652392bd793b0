/** The network's process, as the one who kills it sees it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Said } from './network-child.ts';
import type { Point } from './points.ts';

/** Validators and partners of a development network. */
const VALIDATORS = 6;
const PARTNERS = 5;
/** Below the ports that systems give to outgoing connections, which could be in the way later. */
const FIRST_PORT = 12_000;
const PORTS = 15_000;
let nextPort = Math.floor(Math.random() * PORTS);

async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + (nextPort++ % PORTS);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]).catch(() => false);
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

export class Network {
  readonly root: string;
  readonly urls: readonly string[];
  readonly partnerPorts: readonly number[];
  /** Signal or code with which the last process ended. */
  ended: NodeJS.Signals | number | undefined;
  /** When it was killed, ms of `performance.now`. */
  killedAt: number | undefined;
  readonly errors: string[] = [];
  #child: ChildProcess | undefined;
  #closed: Promise<unknown> = Promise.resolve();

  private constructor(root: string, ports: readonly number[]) {
    this.root = root;
    this.urls = ports.slice(0, VALIDATORS).map((port) => `http://127.0.0.1:${port}`);
    this.partnerPorts = ports.slice(VALIDATORS);
  }

  /** A folder and ports for a network; nothing runs yet. */
  static async create(): Promise<Network> {
    const root = await mkdtemp(join(tmpdir(), 'palisade-crash-'));
    const ports: number[] = [];
    for (let i = 0; i < VALIDATORS + PARTNERS; i++) ports.push(await freePort());
    const [validators, partners] = [ports.slice(0, VALIDATORS), ports.slice(VALIDATORS)];
    await writeFile(join(root, 'ports.json'), JSON.stringify({ validators, partners }));
    return new Network(root, ports);
  }

  /** Starts the process; resolves when everything in it is up, or it has ended before: false. */
  start(point: Point | undefined): Promise<boolean> {
    const program = fileURLToPath(new URL('network-child.js', import.meta.url));
    const child = spawn(
      process.execPath,
      ['--enable-source-maps', program, this.root, JSON.stringify(point ?? null)],
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    this.#child = child;
    this.ended = undefined;
    child.stderr!.on('data', (data: Buffer) => this.errors.push(data.toString()));
    return new Promise((resolve) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (line.startsWith('ready')) resolve(true);
      });
      this.#closed = once(child, 'close').then(([code, signal]) => {
        this.ended = (signal ?? code) as NodeJS.Signals | number;
        if (signal === 'SIGKILL') this.killedAt ??= performance.now();
        resolve(false);
      });
    });
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Resolves when the process is gone. */
  gone(): Promise<unknown> {
    return this.#closed;
  }

  /** Lets it end in order; answers with its exit code. */
  async stop(): Promise<NodeJS.Signals | number | undefined> {
    this.#child?.kill('SIGTERM');
    await this.#closed;
    return this.ended;
  }

  /** All that daemons of this network have promised. A last line that was cut is no promise. */
  said(): readonly Said[] {
    const path = join(this.root, 'said.jsonl');
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Said);
  }
}
