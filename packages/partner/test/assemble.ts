/** Modules for tests and benchmarks, from WebAssembly's text format. */
import { createRequire } from 'node:module';

/** What is used of `wabt`, which is no ES module: neither to import nor to bundle. */
type Wabt = {
  parseWat(name: string, text: string, features: Readonly<Record<string, boolean>>): Parsed;
};
type Parsed = { toBinary(options: object): { buffer: Uint8Array }; destroy(): void };

const tools = (createRequire(import.meta.url)('wabt') as () => Promise<Wabt>)();

const FEATURES = {
  threads: true,
  simd: true,
  memory64: true,
  tail_call: true,
  exceptions: true,
  multi_memory: true,
};

/** The bytes of a module in text; whatever the format knows is allowed, also what we refuse. */
export async function assemble(text: string): Promise<Uint8Array> {
  const { parseWat } = await tools;
  const module = parseWat('module.wat', text, FEATURES);
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

/** A module that keeps the contract: `run` with this body, and whatever else it needs. */
export function program(body: string, more = '', memory = '(memory (export "memory") 1)'): string {
  return `(module
    (import "palisade" "input_size" (func $input_size (result i32)))
    (import "palisade" "input_read" (func $input_read (param i32 i32 i32) (result i32)))
    (import "palisade" "output_write" (func $output_write (param i32 i32)))
    ${memory}
    ${more}
    (func (export "run") ${body}))`;
}
