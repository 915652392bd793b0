import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { TreeBuilder } from '@palisade/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { assemble, program } from '../../test/assemble.ts';
import { type BundledThread, bundleRunThread } from '../../test/run-thread.ts';
import { STACK_PLACES } from './limits.ts';
import { Runner, type RunOrder } from './runner.ts';

const MIB = 2 ** 20;
const limits = { fuel: 10n ** 8n, memoryBytes: 16 * MIB, outputBytes: MIB };
/** More than any run here needs on a busy machine. */
const PATIENT = 30_000;
const none = new Uint8Array(0);

let thread: BundledThread;
let runner: Runner;

beforeAll(async () => {
  thread = await bundleRunThread();
});
afterEach(() => runner.stop());
afterAll(() => thread.remove());

function start(slots = 1): Runner {
  runner = new Runner({ slots, thread: thread.url });
  return runner;
}

async function order(body: string, more = '', given: Partial<RunOrder> = {}): Promise<RunOrder> {
  const module = await assemble(program(body, more));
  return { module, input: none, limits, timeMs: PATIENT, ...given };
}

const ECHO = `(drop (call $input_read (i32.const 0) (i32.const 0) (call $input_size)))
  (call $output_write (i32.const 0) (call $input_size))`;

describe('a partner runs modules of strangers', () => {
  it('gives input in and output out, with the name of the output', async () => {
    const input = Uint8Array.from({ length: 5000 }, (_, i) => i % 251);
    const result = await start().run(await order(ECHO, '', { input }));
    const tree = new TreeBuilder();
    tree.push(input);
    expect(result).toMatchObject({
      end: 'finished',
      output: input,
      outputId: tree.finish().contentId,
    });
  });

  it('an endless loop costs its fuel', async () => {
    const result = await start().run(await order('(loop (br 0))'));
    expect(result).toMatchObject({ end: 'out-of-fuel', fuelUsed: limits.fuel });
  });

  it('an endless loop with endless fuel costs the time that this machine gives it', async () => {
    const endless = { ...limits, fuel: 2n ** 62n };
    const given = { limits: endless, timeMs: 200 };
    const result = await start().run(await order('(loop (br 0))', '', given));
    expect(result.end).toBe('time-limit');
    expect(await runner.run(await order(''))).toMatchObject({ end: 'finished' });
  });

  it('a memory bomb stops at the limit, and its memory is given back', async () => {
    const bomb = `(loop (drop (memory.grow (i32.const 16)))
      (memory.fill (i32.const 0) (i32.const 7) (i32.mul (memory.size) (i32.const 65536))) (br 0))`;
    const before = process.memoryUsage().rss;
    const result = await start().run(await order(bomb));
    expect(result.end).toBe('memory-limit');
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * MIB);
  });

  it('an output flood stops at the limit', async () => {
    const flood = '(loop (call $output_write (i32.const 0) (i32.const 60000)) (br 0))';
    const result = await start().run(await order(flood));
    expect(result.end).toBe('output-limit');
    expect('output' in result && result.output.length).toBe(Math.floor(MIB / 60_000) * 60_000);
  });

  it.each([
    ['wasi_snapshot_preview1', 'fd_write'],
    ['env', 'memory'],
    ['palisade', 'constructor'],
    ['palisade', 'toString'],
  ])('an import of %s.%s is refused before anything runs', async (namespace, name) => {
    const module = await assemble(
      `(module (import "${namespace}" "${name}" (func)) (memory (export "memory") 1) (func (export "run")))`,
    );
    const result = await start().run({ module, input: none, limits, timeMs: PATIENT });
    expect(result).toMatchObject({ end: 'refused', fuelUsed: 0n, output: none });
  });

  it('what is no module is refused', async () => {
    const module = new Uint8Array(100).fill(7);
    const result = await start().run({ module, input: none, limits, timeMs: PATIENT });
    expect(result).toMatchObject({ end: 'refused', output: none });
  });

  it('calls nest as deep as the stack is wide, the same on every machine', async () => {
    const down = (locals: string) =>
      order(
        '(call $down)',
        `(global $n (mut i64) (i64.const 0)) (func $down ${locals}
           (global.set $n (i64.add (global.get $n) (i64.const 1)))
           (i64.store (i32.const 0) (global.get $n)) (call $down))`,
      );
    // `run` takes 16 places and one for each of its 2 instructions; $down 16 and 9, and its locals.
    const deepest = (frame: number) => BigInt(Math.floor((STACK_PLACES - 18) / frame));
    const plain = await start().run(await down(''));
    expect(plain).toMatchObject({ end: 'trapped', fuelUsed: 1n + 8n * deepest(25) });
    const wide = await runner.run(await down('(local i64 i64 i64 i64 i64)'));
    expect(wide).toMatchObject({ end: 'trapped', fuelUsed: 1n + 8n * deepest(30) });
  });

  it.each([
    [10, 0],
    [100, 0],
    [3000, 0],
    [10, 100],
    [10, 2000],
  ])(
    'a frame never needs more of the stack than is counted: %i values, %i locals',
    async (values, locals) => {
      // All values, and all locals, live across the call.
      const loads = Array.from(
        { length: values },
        (_, i) => `(i64.load (i32.const ${8 * (i % 64)}))`,
      );
      const sums = 'i64.add '.repeat(values - 1);
      const sets = Array.from(
        { length: locals },
        (_, i) => `(local.set ${i} (i64.load (i32.const ${8 * (i % 64)})))`,
      );
      const uses = Array.from(
        { length: locals },
        (_, i) => `(i64.store (i32.const 0) (local.get ${i}))`,
      );
      const deep = await order(
        '(call $deep)',
        `(func $deep (local ${'i64 '.repeat(locals)}) ${sets.join(' ')} ${loads.join(' ')} (call $deep) ${sums} drop ${uses.join(' ')})`,
      );
      for (let round = 0; round < 3; round++)
        expect(await (runner?.free ? runner : start()).run(deep)).toMatchObject({
          end: 'trapped',
          reason: 'its calls nested too deep',
        });
    },
  );

  it('runs as many at once as it has slots, and says when there is none', async () => {
    const long = await order('(loop (br 0))', '', { limits: { ...limits, fuel: 2n ** 62n } });
    const stop = new AbortController();
    const running = [start(2).run(long, stop.signal), runner.run(long, stop.signal)];
    const ended = Promise.allSettled(running);
    expect(runner.free).toBe(0);
    await expect(runner.run(long)).rejects.toMatchObject({ code: 'partner/no-run-slot' });
    stop.abort(new Error('not wanted any more'));
    expect(await ended).toMatchObject([
      { reason: { message: 'not wanted any more' } },
      { reason: { message: 'not wanted any more' } },
    ]);
    expect(runner.free).toBe(2);
  });

  it('a run that is not wanted does not begin', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(start().run(await order(''), gone)).rejects.toThrow('gone');
    expect(runner.free).toBe(1);
  });

  it('a machine that fails has no result, and goes on with the next run', async () => {
    const url = new URL('./broken.js', thread.url);
    await writeFile(
      fileURLToPath(url),
      `import { parentPort } from 'node:worker_threads';
       parentPort.once('message', () => { throw new Error('out of memory'); });`,
    );
    runner = new Runner({ slots: 1, thread: url });
    for (let round = 0; round < 2; round++)
      await expect(runner.run(await order(''))).rejects.toMatchObject({
        code: 'partner/run-failed',
        retry: 'later',
      });
  });

  it('a stop ends what runs', async () => {
    const long = await order('(loop (br 0))', '', { limits: { ...limits, fuel: 2n ** 62n } });
    const running = start().run(long);
    const ended = expect(running).rejects.toMatchObject({ code: 'partner/run-failed' });
    await runner.stop();
    await ended;
  });

  it('says so when its thread is not there', async () => {
    runner = new Runner({ slots: 1, thread: new URL('file:///nowhere.js') });
    await expect(runner.run(await order(''))).rejects.toThrow(/whose program is not at/);
  });
});
