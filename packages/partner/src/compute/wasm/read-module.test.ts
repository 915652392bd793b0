import { describe, expect, it } from 'vitest';
import { assemble, program } from '../../../test/assemble.ts';
import { runModule } from '../run-module.ts';

const limits = { fuel: 1_000_000n, memoryBytes: 2 ** 20, outputBytes: 1000 };
const none = new Uint8Array(0);

async function refusal(text: string): Promise<string> {
  const { end, reason } = runModule(await assemble(text), none, limits);
  expect(end).toBe('refused');
  return reason;
}

describe('the contract of a module', () => {
  it('a module that keeps it runs', async () => {
    const run = runModule(await assemble(program('')), none, limits);
    expect(run).toMatchObject({ end: 'finished', fuelUsed: 0n, output: none });
  });

  it.each([
    ['a clock', '(import "wasi_snapshot_preview1" "clock_time_get" (func (result i32)))'],
    ['an unknown function of ours', '(import "palisade" "fetch" (func (result i32)))'],
    ['a memory', '(import "palisade" "memory" (memory 1))'],
    ['a global', '(import "palisade" "input_size" (global i32))'],
    ['a table', '(import "palisade" "input_size" (table 1 funcref))'],
  ])('refuses a module that imports %s', async (_, declaration) => {
    const module = `(module ${declaration} (memory (export "memory") 1) (func (export "run")))`;
    expect(await refusal(module)).toMatch(/^it imports .*there are only the functions/);
  });

  it('refuses imports with other arguments', async () => {
    const module = `(module (import "palisade" "input_size" (func (param i32)))
      (memory (export "memory") 1) (func (export "run")))`;
    expect(await refusal(module)).toContain('other arguments');
  });

  it.each([
    ['no memory', '(module (func (export "run")))', /no memory/],
    ['a hidden memory', '(module (memory 1) (func (export "run")))', /export its memory/],
    ['a shared memory', program('', '', '(memory (export "memory") 1 1 shared)'), /shared/],
    ['a memory of 64 bits', program('', '', '(memory (export "memory") i64 1)'), /64 bits/],
    ['two memories', program('', '(memory 1)'), /2 memories/],
    ['a huge table', program('', '(table 200000 funcref)'), /more than 100000 entries/],
    ['a table of references', program('', '(table 1 externref)'), /else than functions/],
    ['no run', '(module (memory (export "memory") 1))', /no function `run`/],
    [
      'a run with arguments',
      '(module (memory (export "memory") 1) (func (export "run") (param i32)))',
      /without arguments/,
    ],
    ['a start function', program('', '(start $s) (func $s)'), /start function/],
    ['vectors', program('(drop (v128.const i64x2 0 0))'), /0xfd, which is not allowed/],
    ['threads', program('(drop (i32.atomic.load (i32.const 0)))'), /0xfe, which is not allowed/],
    ['tail calls', program('(return_call $f)', '(func $f)'), /0x12, which is not allowed/],
    [
      'changes of its table',
      program('(drop (table.grow (ref.null func) (i32.const 9)))', '(table 1 funcref)'),
      /not allowed/,
    ],
    [
      'several results',
      program('', '(func (result i32 i32) unreachable)'),
      /results of a function/,
    ],
    ['locals without end', program('', `(func (local ${'i64 '.repeat(10_001)}))`), /locals/],
  ])('refuses %s', async (_, module, reason) => {
    expect(await refusal(module)).toMatch(reason);
  });

  it('refuses code that reaches for what metering adds', async () => {
    // Valid but for the index: globals and locals that are only there once the code was rewritten.
    const bytes = await assemble(
      program('(global.set 0 (i64.const 9))', '(global (mut i64) (i64.const 0))'),
    );
    const at = bytes.lastIndexOf(0x24);
    expect(bytes[at + 1]).toBe(0);
    bytes[at + 1] = 1;
    expect(runModule(bytes, none, limits).reason).toBe('it uses an unknown global');
    const local = await assemble(program('(local i64) (local.set 0 (i64.const 9))'));
    local[local.lastIndexOf(0x21) + 1] = 1;
    expect(runModule(local, none, limits).reason).toBe('it uses an unknown local');
  });

  it('refuses code that is not valid, whatever is counted around it', () => {
    return assemble(program('(local i32) (local.set 0 (i32.const 1))')).then((bytes) => {
      bytes[bytes.lastIndexOf(0x41)] = 0x42;
      expect(runModule(bytes, none, limits)).toMatchObject({ end: 'refused', fuelUsed: 0n });
    });
  });

  it('takes any bytes for a module, and ends', async () => {
    const good = await assemble(
      program(
        '(local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 9)))) (call $output_write (i32.const 0) (i32.const 4))',
        '(global (mut f64) (f64.const 1)) (table 2 funcref) (elem (i32.const 0) 3) (data (i32.const 0) "abcd")',
      ),
    );
    const ends = new Map<string, number>();
    const note = (bytes: Uint8Array) => {
      const { end } = runModule(bytes, none, limits);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    };
    for (let cut = 0; cut < good.length; cut++) note(good.subarray(0, cut));
    for (let at = 0; at < good.length; at++)
      for (const change of [1, 2, 0x40, 0x80, 0xff]) {
        const bytes = good.slice();
        bytes[at]! ^= change;
        note(bytes);
      }
    expect(ends.get('refused')).toBeGreaterThan(good.length);
    expect(ends.get('finished')).toBeGreaterThan(0);
  });
});
