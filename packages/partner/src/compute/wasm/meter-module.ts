/** A module made ready to be run under limits: checked, metered, with nothing in it but its code. */
import { type RunLimits, STACK_PLACES } from '../limits.ts';
import { BadModule, type ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { OP, TYPE } from './instructions.ts';
import { type MeterGlobals, meterFunction } from './meter-function.ts';
import { type ModuleParts, readModule } from './read-module.ts';
import { HEADER, SECTION, SECTION_ORDER, type SectionId } from './sections.ts';

/** Bytes of a page of memory (Core Specification 2.0, section 4.2.8). */
export const PAGE_BYTES = 65_536;

/** Bytes to compile, or why there is nothing to run. */
export type Metered =
  | { readonly bytes: Uint8Array }
  | { readonly end: 'refused' | 'memory-limit'; readonly reason: string };

/** Checks and rewrites a module for one run. Never throws over what the bytes say. */
export function meterModule(module: Uint8Array, limits: RunLimits): Metered {
  try {
    const parts = readModule(module);
    const pages = Math.floor(limits.memoryBytes / PAGE_BYTES);
    if (parts.memory.least > pages)
      return {
        end: 'memory-limit',
        reason: `it begins with ${parts.memory.least * PAGE_BYTES} bytes of memory, more than the ${limits.memoryBytes} of this run`,
      };
    return { bytes: write(parts, limits.fuel, pages) };
  } catch (error) {
    if (error instanceof BadModule) return { end: 'refused', reason: error.message };
    throw error;
  }
}

function write(parts: ModuleParts, fuel: bigint, pages: number): Uint8Array {
  const { count } = parts.globals;
  const globals = { fuel: count, stack: count + 1, stopped: count + 2 };
  const { most } = parts.memory;
  const limitsGrowth = most === undefined || most > pages;
  const contents = new Map<SectionId, ByteWriter>();
  for (const [id, content] of parts.kept) contents.set(id, wrap(content));
  contents.set(SECTION.memory, memorySection(parts.memory.least, limitsGrowth ? pages : most));
  contents.set(SECTION.globals, globalSection(parts, fuel));
  contents.set(SECTION.exports, exportSection(parts.run, globals));
  contents.set(SECTION.code, codeSection(parts, globals, limitsGrowth));
  const out = new ByteWriter();
  out.raw(HEADER);
  for (const id of SECTION_ORDER) {
    const content = contents.get(id);
    if (!content) continue;
    out.byte(id);
    out.sized(content);
  }
  return out.bytes();
}

function wrap(content: Uint8Array): ByteWriter {
  const writer = new ByteWriter();
  writer.raw(content);
  return writer;
}

function memorySection(least: number, most: number): ByteWriter {
  const section = new ByteWriter();
  section.raw([1, 1]);
  section.u32(least);
  section.u32(most);
  return section;
}

/** The module's own globals, then those of `MeterGlobals`, in its order. */
function globalSection({ globals }: ModuleParts, fuel: bigint): ByteWriter {
  const section = new ByteWriter();
  section.u32(globals.count + 3);
  section.raw(globals.entries);
  const add = (type: number, constant: number, value: bigint) => {
    section.raw([type, 1, constant]);
    section.signed(value);
    section.byte(OP.end);
  };
  add(TYPE.i64, OP.i64Const, fuel);
  add(TYPE.i32, OP.i32Const, BigInt(STACK_PLACES));
  add(TYPE.i32, OP.i32Const, 0n);
  return section;
}

function exportSection(run: number, { fuel, stopped }: MeterGlobals): ByteWriter {
  const section = new ByteWriter();
  section.u32(4);
  const add = (name: string, kind: number, index: number) => {
    section.name(name);
    section.byte(kind);
    section.u32(index);
  };
  add('run', 0, run);
  add('memory', 2, 0);
  add('fuel', 3, fuel);
  add('stopped', 3, stopped);
  return section;
}

function codeSection(
  { bodies, functions, types, globals: own }: ModuleParts,
  globals: MeterGlobals,
  limitsGrowth: boolean,
): ByteWriter {
  const section = new ByteWriter();
  section.u32(bodies.length);
  bodies.forEach((body: ByteReader, i) => {
    const type = types[functions[i]!]!;
    section.sized(meterFunction(body, { type, globalCount: own.count, globals, limitsGrowth }));
  });
  return section;
}
