import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '@palisade/client';
import { accountSigner, toHex } from '@palisade/core';
import { encryptSecret, LIGHT_COST, publicKeyOf } from '@palisade/daemon';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeNetwork } from '../../client/test/fake-network.ts';
import { main } from './main.ts';
import type { World } from './terminal/world.ts';

const SECRET = new Uint8Array(32).fill(7);
const ADDRESS = toHex(accountSigner(SECRET).id);
const PUBLIC = toHex(publicKeyOf('account', SECRET)).slice(2);
const MIB = 2 ** 20;

let home: string;
let network: FakeNetwork | undefined;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'palisade-cli-'));
});
afterEach(async () => {
  await network?.stop();
  network = undefined;
  rmSync(home, { recursive: true, force: true });
});

type Run = {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly raw: Buffer;
};

/** Runs a command line; `answers` are typed by somebody at a terminal. */
async function run(
  line: readonly string[],
  {
    env = {},
    answers,
    stdin = '',
  }: {
    env?: Record<string, string>;
    answers?: string[];
    stdin?: string;
  } = {},
): Promise<Run> {
  const out: Buffer[] = [];
  let err = '';
  const world: World = {
    env: { PALISADE_HOME: home, ...env },
    stdout: async (data) => void out.push(Buffer.from(data as Uint8Array)),
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
async function develop(partners = 3): Promise<void> {
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

function fileOf(size: number, name = 'plan.bin'): { path: string; bytes: Buffer } {
  const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31) % 251));
  const path = join(home, name);
  writeFileSync(path, bytes);
  return { path, bytes };
}

/** Pauses between attempts are short here; what waits for an answer waits as long as it would. */
const { sleep } = environment();
const quick = {
  sleep: (ms: number, signal?: AbortSignal) =>
    sleep(ms < 6000 && ms !== 2000 ? ms / 50 : ms, signal),
};

const json = (text: string) => JSON.parse(text) as Record<string, never>;
const STORED = ['--replicas', '2', '--for', '1m'];

describe('the command line', () => {
  it('explains itself without any network', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const group of ['Files:', 'Account:', 'Network:', 'Run:']) expect(out).toContain(group);
    expect((await run(['put', '--help'])).out).toContain('$ palisade put report.pdf');
    expect((await run(['--version'])).out).toBe('0.1.0\n');
  });

  it.each([
    [['pt', 'x'], 'Did you mean put?'],
    [['put', 'x', '--replicas', '0'], 'from 1 to 32'],
    [['send', 'nobody', '1'], '40 hex digits'],
    [['send', ADDRESS, '1,5'], '1.5'],
    [['renew', 'abcd'], '--for'],
    [['put'], 'palisade put FILE'],
    [['keys', 'frobnicate'], 'unknown command'],
  ])('%j is bad usage: exit code 2, and a word of help', async (line, word) => {
    const { code, err } = await run(line, { env: { PALISADE_URL: 'http://127.0.0.1:9' } });
    expect(err).toContain(word);
    expect(code).toBe(2);
  });

  it('says in one JSON document what failed, on standard output', async () => {
    const { code, out, err } = await run(['status', '--json']);
    expect(code).toBe(1);
    expect(err).toBe('');
    expect(json(out)).toMatchObject({
      error: { code: 'cli/no-network', next: expect.any(String) },
    });
    const usage = await run(['send', 'x', '1', '--json']);
    expect([usage.code, json(usage.out)]).toMatchObject([2, { error: { code: 'cli/usage' } }]);
  });

  it('tells what, why and next when nobody can be reached', async () => {
    const { code, err } = await run(['status', '--url', 'http://127.0.0.1:9']);
    expect(code).toBe(1);
    for (const word of [
      '✗ client/unreachable',
      '  what  ',
      '  why   http://127.0.0.1:9',
      '  next  ',
    ])
      expect(err).toContain(word);
  });

  it('prefers --url to PALISADE_URL, that to a development network, that to the settings', async () => {
    const failing = async (line: string[], env?: Record<string, string>) =>
      (await run([...line, '--json'], env ? { env } : {})).out;
    writeFileSync(join(home, 'config.toml'), 'url = ["http://127.0.0.1:1"]\n');
    expect(await failing(['partners'])).toContain('http://127.0.0.1:1/');
    const env = { PALISADE_URL: 'http://127.0.0.1:2' };
    expect(await failing(['partners'], env)).toContain('http://127.0.0.1:2/');
    expect(await failing(['partners', '--url', 'http://127.0.0.1:3'], env)).toContain(
      '127.0.0.1:3',
    );
    await develop();
    expect(json(await failing(['partners']))).toHaveProperty('partners');
    expect(await failing(['partners'], env)).toContain('http://127.0.0.1:2/');
  });
});

describe('files', () => {
  it('are stored, listed, fetched, shared and ended', async () => {
    await develop();
    const { path, bytes } = fileOf(2 * MIB + 5);
    const put = await run(['put', path, ...STORED]);
    expect([put.code, put.err]).toEqual([0, expect.stringContaining(`funded account ${ADDRESS}`)]);
    const job = /0x[0-9a-f]{64}/.exec(put.out)![0];
    const list = json((await run(['ls', '--json'])).out);
    expect(list.files).toMatchObject([{ job, name: 'plan.bin', copies: 2, wanted: 2 }]);
    expect((await run(['ls'])).out).toContain('plan.bin');

    const to = join(home, 'back.bin');
    const got = await run(['get', job.slice(0, 10), '-o', to, '--json']);
    expect(json(got.out)).toMatchObject({ job, name: 'plan.bin', size: bytes.length, path: to });
    expect(readFileSync(to).equals(bytes)).toBe(true);
    const piped = await run(['get', job, '-o', '-']);
    expect(piped.raw.equals(bytes)).toBe(true);

    const shared = (await run(['share', job])).out.trim();
    const friend = mkdtempSync(join(tmpdir(), 'palisade-friend-'));
    const env = { PALISADE_HOME: friend, PALISADE_URL: network!.urls[0]! };
    const theirs = join(friend, 'theirs');
    expect((await run(['get', shared, '-o', theirs], { env })).code).toBe(0);
    expect(readFileSync(theirs).equals(bytes)).toBe(true);
    expect((await run(['get', job, '-o', `${theirs}2`], { env })).err).toContain(
      'content/wrong-key',
    );
    rmSync(friend, { recursive: true });

    expect((await run(['job', job])).out).toContain('market.agreement-started');
    const removed = json((await run(['rm', job, '--json'])).out);
    expect(removed).toMatchObject({ removed: true, cancelled: false });
    expect(readdirSync(join(home, 'spool'))).toEqual([]);
  });

  it('in a folder come back as a folder, or as its archive', async () => {
    await develop();
    const folder = join(home, 'photos');
    mkdirSync(join(folder, 'deep'), { recursive: true });
    writeFileSync(join(folder, 'deep/a.txt'), 'hello');
    const { job } = json((await run(['put', folder, ...STORED, '--json'])).out);
    const to = join(home, 'back');
    expect((await run(['get', job!, '-o', to])).code).toBe(0);
    expect(readFileSync(join(to, 'deep/a.txt'), 'utf8')).toBe('hello');
    expect((await run(['get', job!, '-o', to])).err).toContain('is not empty');
    const tar = join(home, 'x.tar');
    await run(['get', job!, '-o', tar, '--no-unpack']);
    expect(readFileSync(tar).includes('deep/a.txt')).toBe(true);
  });

  it('stored in public can be read by somebody without any key', async () => {
    await develop();
    const { path, bytes } = fileOf(1000);
    const { job } = json((await run(['put', path, ...STORED, '--public', '--json'])).out);
    const env = { PALISADE_HOME: join(home, 'other'), PALISADE_URL: network!.urls[0]! };
    const to = join(home, 'public.bin');
    expect((await run(['get', job!, '-o', to], { env })).code).toBe(0);
    expect(readFileSync(to).equals(bytes)).toBe(true);
    expect((await run(['share', job!])).err).toContain('client/not-sealed');
  });

  it('are not replaced unless that is meant', async () => {
    await develop();
    const { path } = fileOf(100);
    const { job } = json((await run(['put', path, ...STORED, '--json'])).out);
    expect(await run(['get', job!, '-o', path])).toMatchObject({ code: 2 });
    expect((await run(['get', job!, '-o', path, '--force'])).code).toBe(0);
  });

  it('go on where an earlier get was broken off, with what is this job alone', async () => {
    await develop();
    const { path, bytes } = fileOf(3 * MIB);
    const { job } = json((await run(['put', path, ...STORED, '--json'])).out);
    const short = String(job).slice(2, 12);
    const serve = (change: (byte: number, at: number) => number) => {
      for (const partner of network!.partners)
        partner.serveBytes = (sent, from) =>
          from < 0 ? sent : sent.map((byte, i) => change(byte, from + i));
    };
    serve((byte, at) => (at > 2 * MIB ? byte ^ 1 : byte));
    const to = join(home, 'broken');
    const { code, err } = await run(['get', job!, '-o', to]);
    expect([code, err]).toEqual([1, expect.stringContaining('client/no-source')]);
    const left = readdirSync(home).filter((name) => name.startsWith('broken'));
    expect(left).toEqual([`broken.${short}.part`]);
    const { size } = statSync(join(home, left[0]!));
    expect(size).toBeGreaterThan(MIB);
    // What has arrived is not fetched again; the first group is, because it tells what the file is.
    serve((byte, at) => (at >= MIB && at < size - MIB ? byte ^ 1 : byte));
    const again = await run(['get', job!, '-o', to]);
    expect([again.code, again.err]).toEqual([0, expect.stringContaining('Going on after')]);
    expect(readFileSync(to).equals(bytes)).toBe(true);
    expect(readdirSync(home).filter((name) => name.startsWith('broken'))).toEqual(['broken']);

    writeFileSync(join(home, `other.${short}.part`), Buffer.alloc(4 * MIB));
    serve((byte) => byte);
    expect((await run(['get', job!, '-o', join(home, 'other')])).code).toBe(0);
    expect(readFileSync(join(home, 'other')).equals(bytes)).toBe(true);
  });
});

describe('paying', () => {
  it('shows the price before it asks, and a no costs nothing', async () => {
    await develop();
    const { path } = fileOf(100);
    const { code, out, err } = await run(['put', path, ...STORED], { answers: ['n'] });
    expect(code).toBe(0);
    expect(out).toContain('nothing was paid');
    const asked = err.indexOf('Store it? [y/N]');
    for (const word of ['locked', 'fee', 'rate']) {
      expect(err.indexOf(word)).toBeGreaterThan(-1);
      expect(err.indexOf(word)).toBeLessThan(asked);
    }
    expect(network!.chain.jobs.size).toBe(0);
    expect(readdirSync(join(home, 'spool'))).toEqual([]);
  });

  it('asks nobody when nobody is there, or with --yes', async () => {
    await develop();
    const { path } = fileOf(100);
    expect((await run(['put', path, ...STORED, '--yes'], { answers: [] })).code).toBe(0);
    expect((await run(['put', path, ...STORED])).code).toBe(0);
    expect(network!.chain.jobs.size).toBe(2);
  });

  it('refuses partners above the price that was allowed', async () => {
    await develop();
    const { path } = fileOf(100);
    const line = ['put', path, ...STORED, '--max-price', '0.000000000000000999', '--json'];
    const { code, out } = await run(line);
    expect([code, json(out)]).toMatchObject([1, { error: { code: 'client/too-few-partners' } }]);
  });

  it('shows fee and amount of a transfer, and sends it after a yes', async () => {
    await develop();
    const to = `0x${'11'.repeat(20)}`;
    const { out, err } = await run(['send', to, '1.5'], { answers: ['yes'] });
    expect(err).toMatch(/amount {2}1\.5 PAL\nfee {5}0\.00\d+ PAL/);
    expect(out).toContain('Sent in block');
    expect(network!.chain.nonces.get(`${ADDRESS}/main`)).toBe(1n);
  });
});

describe('standing', () => {
  const KEY = `0x${'ab'.repeat(32)}`;

  it('[P2V-2.G3] of a partner says what it is trusted with, and why it gets no new work', async () => {
    await develop();
    const chain = network!.chain;
    const challenge = { challengeFinding: 2, challengeSession: 12n };
    chain.standing = { score: 317, failuresInRow: 5, contained: 1, receipts: 3, ...challenge };
    chain.mayTake = { ...chain.mayTake, code: 'market/low-score', message: 'Low.', next: 'Wait.' };
    const { out } = await run(['standing', KEY]);
    expect(out).toContain('317 of 1000');
    expect(out).toMatch(/failures\s+5 in a row, contained until it passes a challenge/);
    expect(out).toMatch(/bond\s+4 PAL/);
    expect(out, '[P2V-1.G2]').toMatch(/challenge\s+failed: no answer \(session 12\)/);
    expect(out).toMatch(/new work\s+no: Low\. Wait\./);
    const view = json((await run(['standing', KEY, '--json'])).out);
    expect(view).toMatchObject({ role: 2, score: 317, barred: { code: 'market/low-score' } });
  });

  it('of a client or a validator has no limits', async () => {
    await develop();
    const { out } = await run(['standing', ADDRESS]);
    expect(out).toContain('444 of 1000');
    expect(out).not.toContain('bond');
    const validator = await run(['standing', KEY, '--validator', '--json']);
    expect(json(validator.out)).toMatchObject({ role: 3, score: 444 });
    expect((await run(['standing', '0x12'])).code).not.toBe(0);
  });

  it('a bond goes back after a yes', async () => {
    await develop();
    const no = await run(['return-bond', KEY], { answers: ['no'] });
    expect(no.out).toContain('Nothing was sent');
    const { out, err } = await run(['return-bond', KEY], { answers: ['yes'] });
    expect(err).toMatch(/bond\s+4 PAL/);
    expect(out).toMatch(/4 PAL are free again since block \d+/);
    expect(network!.chain.nonces.get(`${ADDRESS}/main`)).toBe(1n);
  });

  it('[C2V-4.1] is shown with every partner, and put chooses by it', async () => {
    await develop();
    for (const [i, score] of [444, 900].entries())
      network!.partners[i]!.standing = { score, receipts: 7, bond: `${4n * 10n ** 18n}` };
    const { out } = await run(['partners']);
    expect(out).toMatch(/score\s+receipts\s+bond\s+challenge/);
    expect(out).toMatch(/900\s+7\s+4 PAL\s+none/);
    const { path } = fileOf(100);
    const refused = await run(['put', path, ...STORED, '--min-score', '500', '--json']);
    expect(json(refused.out)).toMatchObject({ error: { code: 'client/too-few-partners' } });
    const line = ['put', path, '--replicas', '1', '--for', '1m', '--min-score', '500', '--yes'];
    const stored = await run([...line, '--json']);
    expect(stored.code).toBe(0);
    const [agreement] = [...network!.chain.jobs.values()][0]!.agreements.keys();
    expect(agreement).toBe(toHex(network!.partners[1]!.signer.id));
  });
});

describe('an interrupted put', () => {
  it('goes on with the same job when the same command is given again', async () => {
    await develop();
    const { path, bytes } = fileOf(5 * MIB);
    for (const { server } of network!.partners.slice(1))
      server.fault = (_, method) => (method === 'PUT' ? 'reset' : undefined);
    // Nobody waits a minute for offers in a test: the put is ended from outside.
    const interrupted = run(['put', path, ...STORED]);
    await waitUntil(() => network!.partners[0]!.contents.size === 1);
    process.emit('SIGINT', 'SIGINT');
    expect(await interrupted).toMatchObject({
      code: 1,
      err: expect.stringContaining('cli/interrupted'),
    });
    expect(readdirSync(join(home, 'spool'))).toHaveLength(1);

    for (const { server } of network!.partners) server.fault = () => undefined;
    const again = await run(['put', path, ...STORED]);
    expect([again.code, again.err]).toEqual([0, expect.stringContaining('Going on with the put')]);
    expect(network!.chain.jobs.size).toBe(1);
    const job = [...network!.chain.jobs.keys()][0]!;
    const to = join(home, 'back');
    await run(['get', job, '-o', to]);
    expect(readFileSync(to).equals(bytes)).toBe(true);
    expect(readdirSync(join(home, 'spool'))).toEqual([]);
  });

  it('of a file that has changed begins anew', async () => {
    await develop();
    const { path } = fileOf(100);
    for (const { server } of network!.partners)
      server.fault = (_, method) => (method === 'PUT' ? 'reset' : undefined);
    const interrupted = run(['put', path, ...STORED]);
    await waitUntil(() => network!.chain.jobs.size === 1);
    process.emit('SIGINT', 'SIGINT');
    await interrupted;
    for (const { server } of network!.partners) server.fault = () => undefined;
    writeFileSync(path, 'something else');
    expect((await run(['put', path, ...STORED])).code).toBe(0);
    expect(network!.chain.jobs.size).toBe(2);
    expect(await run(['put', '--resume'])).toMatchObject({ code: 0 });
    expect(network!.chain.jobs.size).toBe(2);
    expect(await run(['put', '--resume'])).toMatchObject({ code: 2 });
  });
});

async function waitUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

describe('keys', () => {
  const env = { PALISADE_PASSPHRASE: 'correct horse' };
  const light = async () =>
    JSON.stringify({
      ...(await encryptSecret(SECRET, env.PALISADE_PASSPHRASE, { cost: LIGHT_COST })),
      pubkey: '',
    });

  it('are imported, listed, used and exported, and never shown', async () => {
    const secret = toHex(SECRET);
    const made = await run(['keys', 'import', 'alice'], { env, stdin: `${secret}\n` });
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining(ADDRESS) });
    const file = join(home, 'keys/alice.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const list = await run(['keys', 'list', '--json']);
    expect(json(list.out).keys).toMatchObject([
      { name: 'alice', kind: 'account', address: ADDRESS },
    ]);
    const exported = await run(['keys', 'export', 'alice']);
    expect(JSON.parse(exported.out)).toHaveProperty('crypto');
    for (const { out, err } of [made, list, exported])
      expect(out + err).not.toContain(secret.slice(2));
  });

  it('of other tools are imported with their passphrase', async () => {
    const path = join(home, 'foreign.json');
    writeFileSync(path, await light());
    const made = await run(['keys', 'import', 'bob', '--file', path, '--json'], { env });
    expect(json(made.out)).toMatchObject({ name: 'bob', address: ADDRESS });
    const wrong = { PALISADE_PASSPHRASE: 'wrong horse' };
    const refused = await run(['keys', 'import', 'eve', '--file', path], { env: wrong });
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('wrong-passphrase') });
  });

  it('ask for a passphrase twice, and say so when there is nobody to ask', async () => {
    const differ = await run(['keys', 'new', 'carol'], {
      answers: ['one passphrase', 'another one'],
    });
    expect(differ).toMatchObject({ code: 2, err: expect.stringContaining('differ') });
    expect(existsSync(join(home, 'keys/carol.json'))).toBe(false);
    const nobody = await run(['keys', 'new', 'carol']);
    expect(nobody).toMatchObject({ code: 2, err: expect.stringContaining('--passphrase-file') });
  });

  it('are to be made when there are none, and named when there are several', async () => {
    const url = { PALISADE_URL: 'http://127.0.0.1:9' };
    expect((await run(['balance'], { env: url })).err).toContain('palisade keys new NAME');
    const file = JSON.stringify({ ...JSON.parse(await light()), kind: 'account', pubkey: PUBLIC });
    mkdirSync(join(home, 'keys'), { recursive: true, mode: 0o700 });
    for (const name of ['a', 'b']) writeFileSync(join(home, `keys/${name}.json`), file);
    const which = await run(['balance'], { env: url });
    expect(which.err).toContain('There are several keys: a, b.');
    await develop();
    const chosen = { ...env, PALISADE_URL: network!.urls[0]! };
    const { out } = await run(['balance', '--key', 'b', '--json'], { env: chosen });
    expect(json(out)).toMatchObject({ address: ADDRESS });
  });
});

describe('settings', () => {
  it('are written, shown with their origin, and checked', async () => {
    expect((await run(['config', 'init'])).code).toBe(0);
    expect((await run(['config', 'init'])).err).toContain('files/exists');
    expect(await run(['config', 'check'])).toMatchObject({ code: 0 });
    writeFileSync(join(home, 'config.toml'), 'replicas = 5\n');
    const env = { PALISADE_DURATION: '2d', PALISADE_PASSPHRASE: 'very secret' };
    const { out } = await run(['config', 'show', '--origin'], { env });
    expect(out).toMatch(/replicas +5 +file:.*config\.toml/);
    expect(out).toMatch(/duration +"2d" +env:PALISADE_DURATION/);
    expect(out).not.toContain('very secret');
    expect((await run(['config', 'show'])).out).not.toContain('default');
  });

  it('that are wrong are named, with what was likely meant', async () => {
    writeFileSync(join(home, 'config.toml'), 'replica = 5\nduration = "soon"\n');
    const { code, out } = await run(['config', 'check']);
    expect(code).toBe(1);
    expect(out).toContain('Did you mean replicas?');
    expect(out).toContain('must read like 10m');
    expect(json((await run(['config', 'check', '--json'])).out).problems).toHaveLength(2);
  });
});

describe('reset', () => {
  it('deletes the development network, after a yes', async () => {
    await develop();
    expect(await run(['reset'])).toMatchObject({ code: 2 });
    expect((await run(['reset'], { answers: ['no'] })).out).toContain('Nothing was deleted');
    expect(existsSync(join(home, 'devnet'))).toBe(true);
    expect((await run(['reset'], { answers: ['y'] })).code).toBe(0);
    expect(existsSync(join(home, 'devnet'))).toBe(false);
    expect((await run(['reset', '--yes'])).code).toBe(0);
  });

  it('refuses while something runs in it', async () => {
    await develop();
    const other = spawn('sleep', ['60']);
    const started = readFileSync(`/proc/${other.pid}/stat`, 'latin1').split(' ')[21];
    mkdirSync(join(home, 'devnet/node/lock'), { recursive: true });
    writeFileSync(
      join(home, `devnet/node/lock/${other.pid}-${started}`),
      JSON.stringify({ name: 'node', since: 'now' }),
    );
    const { code, err } = await run(['reset', '--yes']);
    other.kill();
    expect([code, err]).toEqual([1, expect.stringContaining('daemon/data-dir-in-use')]);
    expect(existsSync(join(home, 'devnet/network.json'))).toBe(true);
  });
});
