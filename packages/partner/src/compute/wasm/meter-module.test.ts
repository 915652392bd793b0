import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble, program } from '../../../test/assemble.ts';
import { type Run, runModule } from '../run-module.ts';
import { meterModule } from './meter-module.ts';

const limits = { fuel: 1_000_000n, memoryBytes: 2 ** 20, outputBytes: 1000 };
const none = new Uint8Array(0);

async function run(body: string, more = '', memory?: string, given = limits): Promise<Run> {
  return runModule(await assemble(program(body, more, memory)), none, given);
}

/** Writes one number, eight bytes, and shows it. */
const show = (value: string) =>
  `(i64.store (i32.const 0) ${value}) (call $output_write (i32.const 0) (i32.const 8))`;

function shown({ output }: Run): bigint {
  return new DataView(output.buffer).getBigUint64(0, true);
}

/** A program as a tree, for writing it down and for working out what it does. */
type Statement =
  | { readonly kind: 'add'; readonly to: number; readonly from: number; readonly constant: number }
  | { readonly kind: 'if'; readonly on: number; readonly yes: Block; readonly no: Block }
  | { readonly kind: 'repeat'; readonly times: number; readonly body: Block }
  | { readonly kind: 'leave'; readonly on: number; readonly body: Block; readonly rest: Block }
  | { readonly kind: 'switch'; readonly on: number; readonly first: Block; readonly second: Block }
  | { readonly kind: 'call'; readonly to: number };
type Block = readonly Statement[];

const VARIABLES = 3;
const variable = fc.integer({ min: 0, max: VARIABLES - 1 });
const { block } = fc.letrec<{ block: Block; statement: Statement }>((tie) => ({
  block: fc.array(tie('statement'), { maxLength: 4, depthIdentifier: 'nesting' }),
  statement: fc.oneof(
    { depthSize: 'small', withCrossShrink: true, depthIdentifier: 'nesting' },
    fc.record({
      kind: fc.constant('add' as const),
      to: variable,
      from: variable,
      constant: fc.integer({ min: -3, max: 3 }),
    }),
    fc.record({ kind: fc.constant('call' as const), to: variable }),
    fc.record({
      kind: fc.constant('if' as const),
      on: variable,
      yes: tie('block'),
      no: tie('block'),
    }),
    fc.record({
      kind: fc.constant('repeat' as const),
      times: fc.integer({ min: 1, max: 4 }),
      body: tie('block'),
    }),
    fc.record({
      kind: fc.constant('leave' as const),
      on: variable,
      body: tie('block'),
      rest: tie('block'),
    }),
    fc.record({
      kind: fc.constant('switch' as const),
      on: variable,
      first: tie('block'),
      second: tie('block'),
    }),
  ),
}));

/** As text. Each repetition counts in a local of its own. */
function written(blocks: Block): { code: string; counters: number } {
  let counters = 0;
  const write = (statements: Block): string => statements.map(one).join('\n');
  const one = (it: Statement): string => {
    switch (it.kind) {
      case 'add':
        return `(local.set ${it.to} (i64.add (i64.add (local.get ${it.to}) (local.get ${it.from})) (i64.const ${it.constant})))`;
      case 'call':
        return `(local.set ${it.to} (call $double (local.get ${it.to})))`;
      case 'if':
        return `(if (i64.gt_s (local.get ${it.on}) (i64.const 0)) (then ${write(it.yes)}) (else ${write(it.no)}))`;
      case 'repeat': {
        const counter = VARIABLES + counters++;
        return `(local.set ${counter} (i64.const ${it.times})) (loop ${write(it.body)}
          (br_if 0 (i64.ne (local.tee ${counter} (i64.sub (local.get ${counter}) (i64.const 1))) (i64.const 0))))`;
      }
      case 'leave':
        return `(block ${write(it.body)} (br_if 0 (i64.gt_s (local.get ${it.on}) (i64.const 0))) ${write(it.rest)})`;
      case 'switch':
        return `(block (block (block (br_table 0 1 2 (i32.wrap_i64 (local.get ${it.on})))) ${write(it.first)} (br 1)) ${write(it.second)})`;
    }
  };
  const code = write(blocks);
  return { code, counters };
}

/** What it does, and how many instructions that takes, from the tree alone. */
function workedOut(blocks: Block): { values: bigint[]; instructions: number } {
  const values = [1n, 2n, -1n];
  let instructions = 0;
  const go = (statements: Block): void => statements.forEach(one);
  const one = (it: Statement): void => {
    switch (it.kind) {
      case 'add':
        instructions += 6;
        values[it.to] = BigInt.asIntN(64, values[it.to]! + values[it.from]! + BigInt(it.constant));
        return;
      case 'call':
        // Three here, three in the function.
        instructions += 6;
        values[it.to] = BigInt.asIntN(64, values[it.to]! * 2n);
        return;
      case 'if':
        instructions += 4;
        go(values[it.on]! > 0n ? it.yes : it.no);
        return;
      case 'repeat':
        instructions += 3;
        for (let left = it.times; left > 0; left--) {
          go(it.body);
          instructions += 7;
        }
        return;
      case 'leave':
        instructions += 1;
        go(it.body);
        instructions += 4;
        if (values[it.on]! <= 0n) go(it.rest);
        return;
      case 'switch': {
        instructions += 6;
        const chosen = BigInt.asUintN(32, values[it.on]!);
        if (chosen === 0n) {
          go(it.first);
          instructions += 1;
        } else if (chosen === 1n) go(it.second);
        return;
      }
    }
  };
  go(blocks);
  return { values, instructions };
}

describe('metering', () => {
  it('changes no result, and counts every instruction that is executed', async () => {
    await fc.assert(
      fc.asyncProperty(block, async (statements) => {
        const { code, counters } = written(statements);
        const body = `(local ${'i64 '.repeat(VARIABLES + counters)})
          (local.set 0 (i64.const 1)) (local.set 1 (i64.const 2)) (local.set 2 (i64.const -1))
          ${code}
          ${[0, 1, 2].map((i) => `(i64.store (i32.const ${8 * i}) (local.get ${i}))`).join('')}
          (call $output_write (i32.const 0) (i32.const 24))`;
        const double =
          '(func $double (param i64) (result i64) (i64.mul (local.get 0) (i64.const 2)))';
        const result = await run(body, double);
        const { values, instructions } = workedOut(statements);
        expect(result.end).toBe('finished');
        const seen = new DataView(result.output.buffer);
        expect([0, 1, 2].map((i) => seen.getBigInt64(8 * i, true))).toEqual(values);
        // Around it: three sets of two, three stores of three, a call of three, 24 bytes written,
        // and one for every eight locals.
        const around = 6 + 9 + 3 + 3 + ((VARIABLES + counters) >> 3);
        expect(Number(result.fuelUsed)).toBe(instructions + around);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['an endless loop', '(loop (br 0))', ''],
    [
      'recursion that doubles',
      '(call $f (i32.const 60))',
      '(func $f (param i32) (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 1))))))',
    ],
    ['an endless loop of calls', '(loop (call $f) (br 0))', '(func $f)'],
    ['endless asking', '(loop (drop (call $input_size)) (br 0))', ''],
  ])('%s ends when its fuel does, everywhere at the same place', async (_, body, more) => {
    const small = { ...limits, fuel: 12_345n };
    const result = await run(body, more, undefined, small);
    expect(result).toMatchObject({ end: 'out-of-fuel', fuelUsed: 12_345n });
  });

  it('ends a run whose fuel is short by one', async () => {
    const body = '(drop (i32.const 1))';
    expect(await run(body, '', undefined, { ...limits, fuel: 2n })).toMatchObject({
      end: 'finished',
      fuelUsed: 2n,
    });
    expect(await run(body, '', undefined, { ...limits, fuel: 1n })).toMatchObject({
      end: 'out-of-fuel',
      fuelUsed: 1n,
    });
  });

  it('a trap leaves what was used until the last branch or call', async () => {
    const body =
      '(local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100)))) (call $f) (unreachable)';
    const result = await run(body, '(func $f)');
    expect(result).toMatchObject({ end: 'trapped', fuelUsed: 1n + 100n * 7n + 1n + 1n });
  });

  it('what moves memory is paid by its length, before', async () => {
    const fill = (bytes: number) =>
      `(memory.fill (i32.const 0) (i32.const 1) (i32.const ${bytes}))`;
    expect((await run(fill(0))).fuelUsed).toBe(4n);
    expect((await run(fill(65_536))).fuelUsed).toBe(4n + 8192n);
    expect((await run('(memory.copy (i32.const 0) (i32.const 8) (i32.const 800))')).fuelUsed).toBe(
      104n,
    );
    expect(
      (await run('(loop (memory.fill (i32.const 0) (i32.const 1) (i32.const -1)) (br 0))')).end,
    ).toBe('out-of-fuel');
    const init = await run(
      '(memory.init 0 (i32.const 0) (i32.const 0) (i32.const 16)) (data.drop 0)',
      '(data "0123456789abcdef")',
    );
    expect(init).toMatchObject({ end: 'finished', fuelUsed: 4n + 2n + 1n });
  });

  it('input and output are paid by their length, too', async () => {
    const module = await assemble(
      program(
        '(drop (call $input_read (i32.const 2) (i32.const 0) (i32.const 1000))) (call $output_write (i32.const 0) (call $input_size))',
      ),
    );
    const input = Uint8Array.from({ length: 100 }, (_, i) => i);
    const result = runModule(module, input, limits);
    expect(result.output.subarray(0, 98)).toEqual(input.subarray(2));
    expect(result.output.length).toBe(100);
    expect(result.fuelUsed).toBe(5n + 12n + 3n + 12n);
  });

  it.each([
    '(call $output_write (i32.const 65530) (i32.const 7))',
    '(call $output_write (i32.const -8) (i32.const 16))',
  ])('nothing outside of its memory is read: %s', async (body) => {
    expect(await run(body)).toMatchObject({ end: 'trapped', output: none });
  });

  it('memory grows up to what the module declares, and the run ends where it is allowed less', async () => {
    const grow = (pages: number) => show(`(i64.extend_i32_s (memory.grow (i32.const ${pages})))`);
    const own = '(memory (export "memory") 1 3)';
    expect(shown(await run(grow(2), '', own))).toBe(1n);
    expect(BigInt.asIntN(64, shown(await run(grow(3), '', own)))).toBe(-1n);
    const open = '(memory (export "memory") 1)';
    expect(shown(await run(grow(15), '', open))).toBe(1n);
    expect(await run(grow(16), '', open)).toMatchObject({ end: 'memory-limit', output: none });
    expect(await run('', '', '(memory (export "memory") 17)')).toMatchObject({
      end: 'memory-limit',
      fuelUsed: 0n,
    });
    expect(await run('', '(data (i32.const 65535) "xy")')).toMatchObject({ end: 'trapped' });
  });

  it('a NaN that can be seen is the canonical one', async () => {
    const odd64 = '(f64.reinterpret_i64 (i64.const 0xfff4000000000123))';
    const odd32 = '(f32.reinterpret_i32 (i32.const 0xffa00123))';
    const seen = [
      show(`(i64.reinterpret_f64 ${odd64})`),
      show(`(i64.reinterpret_f64 (f64.neg (f64.add ${odd64} (f64.const 1))))`),
      show(`(i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const 0)))`),
      `(f64.store (i32.const 0) ${odd64}) (call $output_write (i32.const 0) (i32.const 8))`,
    ];
    for (const body of seen) expect(shown(await run(body))).toBe(0x7ff8000000000000n);
    const small = [
      show(`(i64.extend_i32_u (i32.reinterpret_f32 ${odd32}))`),
      `(f32.store (i32.const 0) ${odd32}) (call $output_write (i32.const 0) (i32.const 8))`,
    ];
    for (const body of small) expect(shown(await run(body))).toBe(0x7fc00000n);
    // The sign of a NaN is its only bit that decides something.
    const sign = (nan: string) => show(`(i64.reinterpret_f64 (f64.copysign (f64.const 2) ${nan}))`);
    expect(shown(await run(sign(odd64)))).toBe(0x4000000000000000n);
    expect(shown(await run(sign('(f64.const -3)')))).toBe(0xc000000000000000n);
  });

  it('leaves every other float as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), async (bits) => {
        const view = new DataView(new ArrayBuffer(8));
        view.setBigUint64(0, bits);
        fc.pre(!Number.isNaN(view.getFloat64(0)));
        const text = `0x${bits.toString(16)}`;
        const result = await run(
          `(f64.store (i32.const 0) (f64.reinterpret_i64 (i64.const ${text}))) (call $output_write (i32.const 0) (i32.const 8))`,
        );
        expect(shown(result)).toBe(bits);
      }),
      { numRuns: 50 },
    );
  });

  it('gives the same bytes for the same module and limits', async () => {
    const module = await assemble(program('(loop (br 0))'));
    expect(meterModule(module, limits)).toEqual(meterModule(module, limits));
  });
});
