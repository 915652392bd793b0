/** Command lines as tests give them: a home folder of their own, a network that answers in this process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_POLICY, DEVELOPMENT_POLICY, environment } from '@palisade/client';
import { accountSigner, toHex } from '@palisade/core';
import { afterEach, beforeEach } from 'vitest';
import { FakeNetwork } from '../../client/test/fake-network.ts';
import { main } from '../src/main.ts';
import type { World } from '../src/terminal/world.ts';

export const SECRET = new Uint8Array(32).fill(7);
export const ADDRESS = toHex(accountSigner(SECRET).id);
export const MIB = 2 ** 20;

/** The home folder of the running test. */
export let home: string;
/** Its network, when it has one. */
export let network: FakeNetwork | undefined;
/** Gives each test of a file a home folder, and stops its network after it. */
export function freshHomes(): void {
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'palisade-cli-'));
  });
  afterEach(async () => {
    await network?.stop();
    network = undefined;
    rmSync(home, { recursive: true, force: true });
  });
}

export type Run = {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly raw: Buffer;
};

/** Runs a command line; `answers` are typed by somebody at a terminal, or nobody reads what it says. */
export async function run(
  line: readonly string[],
  {
    env = {},
    answers,
    stdin = '',
    isRead = true,
  }: {
    env?: Record<string, string>;
    answers?: string[];
    stdin?: string;
    isRead?: boolean;
  } = {},
): Promise<Run> {
  const out: Buffer[] = [];
  let err = '';
  const world: World = {
    env: { PALISADE_HOME: home, ...env },
    stdout: async (data) => {
      if (!isRead) throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
      out.push(Buffer.from(data as Uint8Array));
    },
    stderr: (text) => {
      err += text;
    },
    isTerminal: answers !== undefined,
    hasColor: false,
    columns: 100,
    ask: async (question) => {
      err += question;
      return answers!.shift() ?? '';
    },
    stdin: async () => Buffer.from(stdin),
    nowMs: () => Date.now(),
    environment: quick,
  };
  const code = await main(line, world);
  const raw = Buffer.concat(out);
  return { code, out: raw.toString(), err, raw };
}

/** What a development network leaves for the command line. */
export async function develop(partners = 3): Promise<void> {
  network = await FakeNetwork.start(partners);
  const { genesisHash } = network.chain.domain;
  mkdirSync(join(home, 'devnet/node'), { recursive: true });
  writeFileSync(
    join(home, 'devnet/network.json'),
    JSON.stringify({
      chainId: 'fake',
      genesisHash: toHex(genesisHash),
      urls: network.urls,
      faucet: true,
      client: { address: ADDRESS, secret: toHex(SECRET) },
    }),
  );
}

export function fileOf(size: number, name = 'plan.bin'): { path: string; bytes: Buffer } {
  const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31) % 251));
  const path = join(home, name);
  writeFileSync(path, bytes);
  return { path, bytes };
}

/** Times that an answer may take, ms: not shorter here, or a busy machine has answered too late. */
const PATIENCE_MS = [DEVELOPMENT_POLICY, DEFAULT_POLICY].map(({ timeoutMs }) => timeoutMs);
const LONGEST_MS = Math.max(...PATIENCE_MS);
/** Pauses between attempts are short here; what waits for an answer waits as long as it would. */
const { sleep } = environment();
const quick = {
  sleep: (ms: number, signal?: AbortSignal) =>
    sleep(ms < LONGEST_MS && !PATIENCE_MS.includes(ms) ? ms / 50 : ms, signal),
};

export const json = (text: string) => JSON.parse(text) as Record<string, never>;
export const STORED = ['--replicas', '2', '--for', '1m'];
