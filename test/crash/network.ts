/** The network's process, as the one who kills it sees it. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { POPULATION } from '@palisade/devnet';
import { Child } from './child.ts';
import type { Said } from './network-child.ts';
import type { Point } from './points.ts';

/** Ports of a development network: for its validators, and for all partners that it can have. */
const VALIDATORS = POPULATION.active + POPULATION.passive;
const PARTNERS = POPULATION.partners + POPULATION.computers + 1;
/** Below those of other development networks, and of outgoing connections, which could be in the way later. */
const FIRST_PORT = 12_000;
const PORTS = 14_000;
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
  /** When it was first killed, ms of `performance.now`. */
  killedAt: number | undefined;
  readonly #child = new Child('network-child.js');

  private constructor(root: string, ports: readonly number[]) {
    this.root = root;
    this.urls = ports.slice(0, VALIDATORS).map((port) => `http://127.0.0.1:${port}`);
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

  get ended(): NodeJS.Signals | number | undefined {
    return this.#child.ended;
  }

  /** What it wrote to its standard error. */
  get errors(): string {
    return this.#child.errors.join('');
  }

  /** Starts the process; resolves when everything in it is up, or it has ended before: false. */
  start(point: Point | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      this.#child.start([this.root, JSON.stringify(point ?? null)], (line) => {
        if (line.startsWith('ready')) resolve(true);
      });
      void this.gone().then(() => {
        if (this.ended === 'SIGKILL') this.killedAt ??= performance.now();
        resolve(false);
      });
    });
  }

  /** The step after which it counts blocks is there. */
  arm(): void {
    this.#child.say('armed');
  }

  kill(): void {
    this.#child.kill();
  }

  /** Resolves when the process is gone. */
  gone(): Promise<void> {
    return this.#child.gone();
  }

  /** Lets it end in order; answers with its exit code. */
  async stop(): Promise<NodeJS.Signals | number | undefined> {
    this.#child.kill('SIGTERM');
    await this.gone();
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
