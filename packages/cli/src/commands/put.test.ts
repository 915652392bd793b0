/** Files, from the put to the end: stored, paid, interrupted. */
import {
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
import { describe, expect, it } from 'vitest';
import {
  ADDRESS,
  develop,
  fileOf,
  freshHomes,
  home,
  json,
  MIB,
  network,
  run,
  STORED,
} from '../../test/cli-kit.ts';

freshHomes();

async function waitUntil(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

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
    expect((await run(['get', job!, '-o', to])).out).toMatch(
      /folder +.*back\nsize .* in 2 entries/,
    );
    expect(readFileSync(join(to, 'deep/a.txt'), 'utf8')).toBe('hello');
    expect((await run(['get', job!, '-o', to])).err).toContain('is not empty');
    const tar = join(home, 'x.tar');
    const packed = await run(['get', job!, '-o', tar, '--no-unpack']);
    expect(packed.out).toMatch(/file +.*x.tar\nsize .* KiB\n/);
    expect(readFileSync(tar).includes('deep/a.txt')).toBe(true);

    const hollow = join(home, 'hollow');
    mkdirSync(hollow);
    const stored = json((await run(['put', hollow, ...STORED, '--json'])).out);
    const got = await run(['get', stored.job!, '-o', `${hollow}-back`]);
    expect(got.out).toContain('a folder without files');
    expect(readdirSync(`${hollow}-back`)).toEqual([]);
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
    expect(await run(['put', '--resume'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('palisade put FILE begins one'),
    });
  });
});
