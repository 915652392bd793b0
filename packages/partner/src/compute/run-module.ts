/**
 * Runs one module to its end. Synchronous: it belongs into a thread of its own (`run-thread.ts`),
 * which somebody else can end.
 */
import type { RunLimits } from './limits.ts';
import { STOPPED } from './wasm/meter-function.ts';
import { meterModule } from './wasm/meter-module.ts';
import { NAMESPACE } from './wasm/read-module.ts';
import type { Instance } from './webassembly.ts';

/**
 * How a run ended. Everybody who runs the same module on the same input under the same limits comes
 * to the same end, fuel and output.
 */
export type RunEnd =
  | 'finished'
  | 'trapped'
  | 'out-of-fuel'
  | 'memory-limit'
  | 'output-limit'
  | 'refused';

export type Run = {
  readonly end: RunEnd;
  /** What happened, for people; its words may differ between machines. */
  readonly reason: string;
  /** What it wrote until the end, whichever that was. */
  readonly output: Uint8Array;
  readonly fuelUsed: bigint;
  /** Memory that it had in the end. */
  readonly memoryBytes: number;
};

/** Input and output cost one fuel per so many bytes, as moving memory does. */
const BYTES_PER_FUEL = 8;

/** Ends a run from inside a call of the module. */
class OutputFull extends Error {}

/** @throws when the machine, not the module, is at fault: out of memory, a fault of the engine */
export function runModule(module: Uint8Array, input: Uint8Array, limits: RunLimits): Run {
  const metered = meterModule(module, limits);
  if (!('bytes' in metered)) return { ...metered, ...NOTHING };
  let compiled: object;
  try {
    compiled = new WebAssembly.Module(metered.bytes);
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return { end: 'refused', reason: `it is not valid: ${error.message}`, ...NOTHING };
  }
  const output = new Output(limits.outputBytes);
  let instance: Instance | undefined;
  let end: End;
  try {
    instance = new WebAssembly.Instance(compiled, {
      [NAMESPACE]: imports(() => instance!, input, output),
    });
    instance.exports.run();
    // Fuel may run out in the last stretch, behind which nobody asks for it.
    end = instance.exports.fuel.value < 0n ? OUT_OF_FUEL : FINISHED;
  } catch (error) {
    end = ended(error, instance);
  }
  return { ...end, output: output.bytes(), ...taken(instance, limits) };
}

/** What a module took that never ran. */
const NOTHING = { output: new Uint8Array(0), fuelUsed: 0n, memoryBytes: 0 };

type End = { readonly end: RunEnd; readonly reason: string };
const FINISHED: End = { end: 'finished', reason: 'it returned' };
const OUT_OF_FUEL: End = { end: 'out-of-fuel', reason: 'it used all of its fuel' };

function taken(instance: Instance | undefined, { fuel }: RunLimits) {
  if (!instance) return { fuelUsed: 0n, memoryBytes: 0 };
  const left = instance.exports.fuel.value;
  return {
    fuelUsed: left < 0n ? fuel : fuel - left,
    memoryBytes: instance.exports.memory.buffer.byteLength,
  };
}

/** What an error says about the run; thrown on when it says something about the machine. */
function ended(error: unknown, instance: Instance | undefined): End {
  if (error instanceof OutputFull)
    return { end: 'output-limit', reason: 'it wrote more than this run allows' };
  if (!(error instanceof WebAssembly.RuntimeError)) throw error;
  // Without an instance its data did not fit into its memory.
  const { stopped, fuel } = instance?.exports ?? {};
  if (stopped?.value === STOPPED.memory)
    return { end: 'memory-limit', reason: 'it asked for more memory than this run allows' };
  if (stopped?.value === STOPPED.stack)
    return { end: 'trapped', reason: 'its calls nested too deep' };
  if (fuel && fuel.value < 0n) return OUT_OF_FUEL;
  return { end: 'trapped', reason: error.message };
}

/** All that a module can reach. Numbers arrive signed. */
function imports(instance: () => Instance, input: Uint8Array, output: Output) {
  const memory = (pointer: number, length: number): Uint8Array => {
    const { buffer } = instance().exports.memory;
    if (pointer + length > buffer.byteLength)
      throw new WebAssembly.RuntimeError('it named bytes outside its memory');
    return new Uint8Array(buffer, pointer, length);
  };
  /** Paid before it is done; without enough fuel the run ends here. */
  const pay = (bytes: number): void => {
    const { fuel } = instance().exports;
    fuel.value -= BigInt(Math.floor(bytes / BYTES_PER_FUEL));
    if (fuel.value < 0n) throw new WebAssembly.RuntimeError(OUT_OF_FUEL.reason);
  };
  return {
    input_size: () => input.length,
    input_read: (...args: number[]) => {
      const [offset, pointer, length] = args.map((arg) => arg >>> 0) as [number, number, number];
      const part = input.subarray(offset, offset + length);
      pay(part.length);
      memory(pointer, part.length).set(part);
      return part.length;
    },
    output_write: (...args: number[]) => {
      const [pointer, length] = args.map((arg) => arg >>> 0) as [number, number];
      pay(length);
      output.write(memory(pointer, length));
    },
  };
}

/** What a run has written, in one buffer that doubles up to the limit. */
class Output {
  readonly #most: number;
  #buffer: Uint8Array;
  #length = 0;

  constructor(most: number) {
    this.#most = most;
    this.#buffer = new Uint8Array(Math.min(most, 65_536));
  }

  write(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#most) throw new OutputFull();
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.min(this.#most, Math.max(length, 2 * this.#buffer.length)));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }
}
