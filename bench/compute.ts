/**
 * `npm run bench -- compute`: what a metered run costs over a bare call of WebAssembly.
 *
 * Ours is everything that a partner does: a thread, the module checked, rewritten and compiled, the
 * input handed over, fuel counted, the output taken and named. The anchor compiles the same module
 * and calls it on the thread that is there. `call` is a job of about 100 ms that computes CRCs,
 * multiplies matrices of floats and sorts; `tight` is the worst that counting meets: a sieve, whose
 * loops are of three instructions.
 */
import { pathToFileURL } from 'node:url';
import { Runner, type RunResult } from '../packages/partner/src/compute/runner.ts';
import type { Instance } from '../packages/partner/src/compute/webassembly.ts';
import { assemble, program } from '../packages/partner/test/assemble.ts';
import { type Round, report, rowOf, timed } from './kit.ts';

/** Turns of measuring; an odd number has a middle. */
const ROUNDS = 15;
/** Turns before, not counted. */
const WARM_UP = 3;
/** How long a call of the anchor shall take, ms of processor time. */
const JOB_MS = 100;

const LIMITS = { fuel: 2n ** 62n, memoryBytes: 64 * 2 ** 20, outputBytes: 2 ** 20 };
const MEMORY = '(memory (export "memory") 32)';
/** Runs a part as often as the input's first four bytes say, and shows its result. */
const repeated = (part: string) => `(local $left i32)
  (drop (call $input_read (i32.const 0) (i32.const 0) (i32.const 4)))
  (local.set $left (i32.load (i32.const 0)))
  (loop $again ${part}
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $output_write (i32.const 0) (i32.const 8))`;

/** CRC-32 of 16 KiB, bit by bit (the polynomial is that of ITU-T V.42). */
const CRC = `(func $crc (local $at i32) (local $crc i32) (local $bit i32)
  (local.set $crc (i32.const -1))
  (loop $byte
    (local.set $crc (i32.xor (local.get $crc) (i32.load8_u offset=65536 (local.get $at))))
    (local.set $bit (i32.const 8))
    (loop $bits
      (local.set $crc (i32.xor (i32.shr_u (local.get $crc) (i32.const 1))
        (i32.and (i32.const 0xedb88320)
          (i32.sub (i32.const 0) (i32.and (local.get $crc) (i32.const 1))))))
      (br_if $bits (local.tee $bit (i32.sub (local.get $bit) (i32.const 1)))))
    (br_if $byte (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 16384))))
  (i32.store (i32.const 0) (local.get $crc)))`;

/** A 64 x 64 matrix of doubles at 128 KiB times itself, into 192 KiB. */
const MATRIX = `(func $multiply (local $i i32) (local $j i32) (local $k i32) (local $sum f64)
  (local.set $i (i32.const 0))
  (loop $rows
    (local.set $j (i32.const 0))
    (loop $columns
      (local.set $k (i32.const 0))
      (local.set $sum (f64.const 0.5))
      (loop $sum
        (local.set $sum (f64.add (local.get $sum) (f64.mul
          (f64.load offset=131072 (i32.add (local.get $i) (local.get $k)))
          (f64.load offset=131072 (i32.add (local.get $j) (i32.shl (local.get $k) (i32.const 6)))))))
        (br_if $sum (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 8))) (i32.const 512))))
      (f64.store offset=196608 (i32.add (local.get $i) (local.get $j)) (local.get $sum))
      (br_if $columns (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 8))) (i32.const 512))))
    (br_if $rows (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 512))) (i32.const 32768)))))`;

/** Sorts 4096 numbers of a simple generator at 256 KiB, by heap. */
const SORT = `(func $fill (local $at i32) (local $x i32)
    (local.set $x (i32.const 12345))
    (loop $next
      (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1103515245)) (i32.const 12345)))
      (i32.store offset=262144 (local.get $at) (local.get $x))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 16384)))))
  (func $sift (param $root i32) (param $end i32) (local $child i32) (local $value i32)
    (local.set $value (i32.load offset=262144 (local.get $root)))
    (block $placed (loop $down
      (local.set $child (i32.add (i32.shl (local.get $root) (i32.const 1)) (i32.const 4)))
      (br_if $placed (i32.ge_u (local.get $child) (local.get $end)))
      (if (i32.lt_u (i32.add (local.get $child) (i32.const 4)) (local.get $end)) (then
        (if (i32.lt_s (i32.load offset=262144 (local.get $child)) (i32.load offset=262148 (local.get $child)))
          (then (local.set $child (i32.add (local.get $child) (i32.const 4)))))))
      (br_if $placed (i32.ge_s (local.get $value) (i32.load offset=262144 (local.get $child))))
      (i32.store offset=262144 (local.get $root) (i32.load offset=262144 (local.get $child)))
      (local.set $root (local.get $child))
      (br $down)))
    (i32.store offset=262144 (local.get $root) (local.get $value)))
  (func $sort (local $at i32) (local $greatest i32)
    (call $fill)
    (local.set $at (i32.const 8192))
    (loop $build
      (call $sift (local.tee $at (i32.sub (local.get $at) (i32.const 4))) (i32.const 16384))
      (br_if $build (local.get $at)))
    (local.set $at (i32.const 16380))
    (loop $take
      (local.set $greatest (i32.load (i32.const 262144)))
      (i32.store (i32.const 262144) (i32.load offset=262144 (local.get $at)))
      (i32.store offset=262144 (local.get $at) (local.get $greatest))
      (call $sift (i32.const 0) (local.get $at))
      (br_if $take (local.tee $at (i32.sub (local.get $at) (i32.const 4)))))
    (i32.store (i32.const 4) (i32.load (i32.const 262160))))`;

/** Primes below 65 536. */
const SIEVE = `(func $sieve (local $i i32) (local $j i32)
  (memory.fill (i32.const 65536) (i32.const 0) (i32.const 65536))
  (local.set $i (i32.const 2))
  (loop $next
    (if (i32.eqz (i32.load8_u offset=65536 (local.get $i))) (then
      (local.set $j (i32.mul (local.get $i) (local.get $i)))
      (loop $strike
        (i32.store8 offset=65536 (local.get $j) (i32.const 1))
        (br_if $strike (i32.lt_u (local.tee $j (i32.add (local.get $j) (local.get $i))) (i32.const 65536))))))
    (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 256))))
  (local.set $j (i32.const 0))
  (local.set $i (i32.const 0))
  (loop $count
    (local.set $j (i32.add (local.get $j) (i32.load8_u offset=65536 (local.get $i))))
    (br_if $count (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 65536))))
  (i32.store (i32.const 0) (local.get $j)))`;

/** Compiles and calls a module as anybody would; returns its output. */
function bare(module: Uint8Array, input: Uint8Array): Uint8Array {
  let output: Uint8Array = new Uint8Array(0);
  const memory = (): ArrayBuffer => instance.exports.memory.buffer;
  const instance: Instance = new WebAssembly.Instance(new WebAssembly.Module(module), {
    palisade: {
      input_size: () => input.length,
      input_read: (offset, pointer, length) => {
        const part = input.subarray(offset, offset! + length!);
        new Uint8Array(memory()).set(part, pointer);
        return part.length;
      },
      output_write: (pointer, length) => {
        output = new Uint8Array(memory()).slice(pointer, pointer! + length!);
      },
    },
  });
  instance.exports.run();
  return output;
}

function times(count: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(count).buffer);
}

/** Processor time of all threads, ms: other work on the machine does not show in it. */
async function taken(run: () => unknown): Promise<number> {
  return (await timed(run)).cpu * 1000;
}

/** How often a part must be repeated to take about as long as a job shall. */
async function repetitions(module: Uint8Array): Promise<number> {
  let count = 1;
  for (;;) {
    const ms = await taken(() => bare(module, times(count)));
    if (ms > JOB_MS / 2) return Math.round((count * JOB_MS) / ms);
    count *= 2;
  }
}

async function measure(runner: Runner, module: Uint8Array): Promise<Round[]> {
  const input = times(await repetitions(module));
  const rounds: Round[] = [];
  for (let round = 1 - WARM_UP; round <= ROUNDS; round++) {
    let wanted: Uint8Array | undefined;
    const anchor = await taken(() => {
      wanted = bare(module, input);
    });
    let result: RunResult | undefined;
    const ours = await taken(async () => {
      result = await runner.run({ module, input, limits: LIMITS, timeMs: 60_000 });
    });
    if (result?.end !== 'finished' || !Buffer.from(result.output).equals(wanted!))
      throw new Error(`another result: ${result?.end}, ${result?.reason}`);
    if (round > 0) rounds.push({ ours, anchor });
  }
  return rounds;
}

const call = await assemble(
  program(
    repeated('(call $crc) (call $multiply) (call $sort)'),
    `${CRC} ${MATRIX} ${SORT}`,
    MEMORY,
  ),
);
const tight = await assemble(program(repeated('(call $sieve)'), SIEVE, MEMORY));
const thread = new URL('./run-thread.js', pathToFileURL(process.argv[1]!));
const runner = new Runner({ slots: 2, thread });
try {
  const what = `whole run of a job of ${JOB_MS} ms; anchor: compiled and called, without thread, limits and fuel.`;
  report('compute', [
    rowOf(
      { case: 'call', unit: 'ms', note: `${what} CRC, floats, sorting. At most 1.3 is the goal.` },
      await measure(runner, call),
    ),
    rowOf(
      { case: 'tight', unit: 'ms', note: `${what} A sieve, the worst for counting; no goal.` },
      await measure(runner, tight),
    ),
  ]);
} finally {
  await runner.stop();
}
