import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleScript, type Script } from '../../test/child.ts';
import { silentLogger } from '../log/logger.ts';
import { type DaemonContext, launchDaemon } from './daemon.ts';
import { lockDataDir } from './dataLock.ts';

let root: string;
let dir: string;
let runs = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'palisade-daemon-'));
});
beforeEach(() => {
  dir = join(root, `data-${runs++}`);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('a daemon inside a process', () => {
  const log = silentLogger;

  it('starts with its folder locked, closes the last opened first and the lock last', async () => {
    const order: string[] = [];
    const daemon = launchDaemon(
      'd',
      async (ctx) => {
        ctx.onStop('store', () => void order.push(`store, aborted ${ctx.signal.aborted}`));
        ctx.onStop('door', () => {
          order.push(`door, locked ${readdirSync(join(dir, 'lock')).length}`);
        });
      },
      { log, dataDir: dir },
    );
    await daemon.started;
    expect(await daemon.stop()).toEqual({ open: [], failed: [] });
    expect(await daemon.stop()).toEqual({ open: [], failed: [] });
    expect(order).toEqual(['door, locked 1', 'store, aborted true']);
    expect(readdirSync(join(dir, 'lock'))).toEqual([]);
  });

  it('closes what a failed start had opened, and tells the failure', async () => {
    const closed: string[] = [];
    const start = async (ctx: DaemonContext) => {
      ctx.onStop('store', () => void closed.push('store'));
      throw new Error('no port');
    };
    const daemon = launchDaemon('d', start, { log, dataDir: dir });
    await expect(daemon.started).rejects.toThrow('no port');
    expect(closed).toEqual(['store']);
    await expect(lockDataDir(dir, 'next').then((lock) => lock.release())).resolves.toBeUndefined();
  });

  it('may fail in its first step, when the caller already knows it', async () => {
    const failures: unknown[] = [];
    const start = async (ctx: DaemonContext) => {
      ctx.fail('at once');
      ctx.fail('again');
    };
    const onFail = (error: unknown) => failures.push(error, daemon);
    const daemon = launchDaemon('d', start, { log, onFail });
    await daemon.started;
    expect(failures).toEqual(['at once', daemon]);
  });

  it('a start that does not end is named when the time is up', async () => {
    const daemon = launchDaemon('d', () => new Promise(() => {}), { log, drainMs: 20 });
    expect(await daemon.stop()).toEqual({ open: ['start of d'], failed: [] });
  });
});

describe('the lock of a data folder', () => {
  it('is held once, also within one process', async () => {
    const lock = await launchLock();
    await expect(lockDataDir(dir, 'b')).rejects.toMatchObject({
      code: 'daemon/data-dir-in-use',
      data: { dir, pid: process.pid, name: 'a' },
    });
    lock.release();
    (await lockDataDir(dir, 'b')).release();
  });

  it('of a pid that now belongs to another process counts for nothing', async () => {
    (await launchLock()).release();
    // Our own parent lives, but did not start at tick 1.
    writeFileSync(join(dir, 'lock', `${process.ppid}-1`), '{}');
    (await lockDataDir(dir, 'b')).release();
    expect(readdirSync(join(dir, 'lock'))).toEqual([]);
  });

  const launchLock = () => {
    mkdirSync(dir);
    return lockDataDir(dir, 'a');
  };
});

/** A daemon whose behaviour is chosen by its arguments. */
const SCRIPT = `
  import { createLogger } from '../log/logger.ts';
  import { logSection } from '../log/section.ts';
  import { runDaemon } from './runDaemon.ts';
  const [dataDir, behaviour, pace] = process.argv.slice(2);
  const log = createLogger(logSection.parse({ format: 'json' }), { name: 'child' });
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  await runDaemon('child', async (ctx) => {
    ctx.onStop('store', () => log.info('store closed'));
    if (behaviour === 'broken') throw new Error('no port');
    if (behaviour === 'slow start') {
      log.info('starting');
      await new Promise((done) => ctx.signal.addEventListener('abort', done));
    }
    if (behaviour === 'stuck part') ctx.onStop('peers', () => new Promise(() => {}));
    if (behaviour === 'bad part') ctx.onStop('peers', () => { throw new Error('jammed'); });
    ctx.signal.addEventListener('abort', () => log.info('aborted'));
    if (behaviour === 'throws') setTimeout(() => { throw Object.assign(new Error('bug'), { code: 'x/bug' }); }, 5);
    if (behaviour === 'rejects') setTimeout(() => Promise.reject(new Error('forgotten')), 5);
    if (behaviour === 'fails') setTimeout(() => { ctx.fail(new Error('engine died')); ctx.fail(new Error('again')); }, 5);
    ctx.onStop('requests', async () => { await wait(20); log.info('drained'); });
  }, { log, dataDir, drainMs: Number(pace ?? 5000) });
`;

describe('a daemon that is a process', () => {
  let script: Script;
  beforeAll(async () => {
    script = await bundleScript(SCRIPT, import.meta.dirname);
  });
  afterAll(() => script?.remove());
  const messages = (child: ReturnType<Script['run']>) => child.lines().map((line) => line.msg);

  it.each(['SIGTERM', 'SIGINT'] as const)('drains on %s and exits with 0', async (signal) => {
    const child = script.run(dir, 'good');
    await child.saw('started');
    child.kill(signal);
    expect(await child.ended).toBe(0);
    const expected = ['started', 'stopping', 'aborted', 'drained', 'store closed', 'stopped'];
    expect(messages(child)).toEqual(expected);
    expect(readdirSync(join(dir, 'lock'))).toEqual([]);
  });

  it('exits with 1 and names what is open when the drain takes too long', async () => {
    const child = script.run(dir, 'stuck part', '150');
    await child.saw('started');
    child.kill('SIGTERM');
    expect(await child.ended).toBe(1);
    const line = await child.saw('stopped before all was closed');
    expect(line.open).toEqual(['peers', 'store', 'lock of the data folder']);
  });

  it('exits with 1 when a part cannot be closed, and closes the rest', async () => {
    const child = script.run(dir, 'bad part');
    await child.saw('started');
    child.kill('SIGTERM');
    expect(await child.ended).toBe(1);
    expect(await child.saw('could not close')).toMatchObject({
      part: 'peers',
      err: { message: 'jammed' },
    });
    expect(messages(child)).toContain('store closed');
  });

  it('exits at once on a second signal', async () => {
    const child = script.run(dir, 'stuck part', '60000');
    await child.saw('started');
    child.kill('SIGTERM');
    await child.saw('stopping');
    child.kill('SIGINT');
    expect(await child.ended).toBe(128 + 2);
  });

  it('stops in order when a signal comes while it starts', async () => {
    const child = script.run(dir, 'slow start');
    await child.saw('starting');
    child.kill('SIGTERM');
    expect(await child.ended).toBe(0);
    expect(messages(child)).toContain('store closed');
    expect(messages(child)).not.toContain('started');
  });

  it.each([
    ['broken', 'could not start', 'no port', 'store closed'],
    ['throws', 'uncaught error', 'bug', 'aborted'],
    ['rejects', 'uncaught error', 'forgotten', 'aborted'],
    ['fails', 'failed', 'engine died', 'store closed'],
  ])('that %s says so with the error and exits with 1', async (behaviour, msg, why, then) => {
    const child = script.run(dir, behaviour);
    expect(await child.ended).toBe(1);
    const fatal = child.lines().filter((line) => line.level === 'fatal');
    expect(fatal).toMatchObject([{ msg, err: { message: why } }]);
    if (behaviour === 'throws') expect(fatal[0]!.err).toMatchObject({ code: 'x/bug' });
    expect(messages(child)).toContain(then);
  });

  it('refuses a folder that a living process holds, naming its pid', async () => {
    const first = script.run(dir, 'good');
    await first.saw('started');
    const second = script.run(dir, 'good');
    expect(await second.ended).toBe(1);
    const { err } = (await second.saw('could not start')) as { err: Record<string, unknown> };
    expect(err.code).toBe('daemon/data-dir-in-use');
    expect(err.message).toContain(`process ${first.pid} (child, since `);
    first.kill('SIGTERM');
    expect(await first.ended).toBe(0);
  });

  it('takes over the folder of one that was killed with -9', async () => {
    const first = script.run(dir, 'good');
    await first.saw('started');
    first.kill('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');
    expect(readdirSync(join(dir, 'lock'))).toHaveLength(1);
    const second = script.run(dir, 'good');
    await second.saw('started');
    expect(readdirSync(join(dir, 'lock'))).toEqual([expect.stringMatching(`^${second.pid}-`)]);
    second.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  });

  it('never holds a folder twice, however many want it after a kill -9 at once', async () => {
    const first = script.run(dir, 'good');
    await first.saw('started');
    first.kill('SIGKILL');
    await first.ended;
    const children = Array.from({ length: 4 }, () => script.run(dir, 'good'));
    const outcomes = await Promise.all(
      children.map((child) => Promise.race([child.ended, startedOf(child)])),
    );
    expect(outcomes.filter((outcome) => outcome === 'started').length).toBeLessThanOrEqual(1);
    expect(outcomes.filter((outcome) => outcome === 1).length).toBeGreaterThanOrEqual(3);
  });
});

/** 'started', or never: a child that ends without it is told by `ended`. */
function startedOf(child: ReturnType<Script['run']>): Promise<string> {
  return child.saw('started').then(
    () => 'started',
    () => new Promise(() => {}),
  );
}
