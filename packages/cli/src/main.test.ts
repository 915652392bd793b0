/** What every command has in common, settings, and the end of a development network. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ADDRESS, develop, freshHomes, home, json, run } from '../test/cli-kit.ts';

freshHomes();

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

  it.each([['--help'], ['config', 'show'], ['config', 'show', '--json']])(
    '%s ends in silence when nobody reads what it says, as before | head',
    async (...line) => {
      expect(await run(line, { isRead: false })).toMatchObject({ code: 0, out: '', err: '' });
    },
  );

  it('fails with its code, too, when nobody reads why', async () => {
    for (const [line, code] of [
      [['nonsense', '--json'], 2],
      [['status', '--json', '--url', 'http://127.0.0.1:9'], 1],
    ] as const)
      expect(await run(line, { isRead: false })).toMatchObject({ code, out: '' });
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
