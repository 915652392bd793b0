/**
 * A module taken apart and held to the contract (spec/computation.md): which imports and exports it
 * has, how much it declares, and nothing but what it needs. What is refused is refused alike by
 * every version of every engine, because it never gets to see one.
 */
import { BadModule, ByteReader } from './byte-reader.ts';
import { OP, TYPE } from './instructions.ts';
import { readSections, SECTION, type SectionId } from './sections.ts';

const { i32, i64, f32, f64 } = TYPE;

export type FunctionType = {
  readonly params: readonly number[];
  readonly results: readonly number[];
};

/** Imports come from this namespace only, and are these: all that a module can do to the outside. */
export const NAMESPACE = 'palisade';
const IMPORTS: ReadonlyMap<string, FunctionType> = new Map([
  ['input_size', { params: [], results: [i32] }],
  ['input_read', { params: [i32, i32, i32], results: [i32] }],
  ['output_write', { params: [i32, i32], results: [] }],
]);

/** Bounds of lists: what large programs have, ten times over. */
const MAX = {
  types: 10_000,
  imports: 64,
  functions: 100_000,
  params: 100,
  globals: 10_000,
  exports: 10_000,
  tableEntries: 100_000,
  segments: 100_000,
} as const;

/** In pages of 64 KiB; a memory without `most` may grow to whatever it is run with. */
export type MemoryLimits = { readonly least: number; readonly most: number | undefined };

export type ModuleParts = {
  readonly types: readonly FunctionType[];
  readonly importedFunctions: number;
  /** Type index of each function of its own. */
  readonly functions: readonly number[];
  readonly memory: MemoryLimits;
  readonly globals: { readonly count: number; readonly entries: Uint8Array };
  /** Index of the exported function `run`. */
  readonly run: number;
  /** One for each function of its own: declarations of locals, instructions. */
  readonly bodies: readonly ByteReader[];
  /** Contents of the sections that stay as they are. */
  readonly kept: ReadonlyMap<SectionId, Uint8Array>;
};

const KEPT: readonly SectionId[] = [
  SECTION.types,
  SECTION.imports,
  SECTION.functions,
  SECTION.tables,
  SECTION.elements,
  SECTION.dataCount,
  SECTION.data,
];
const EMPTY = new Uint8Array([0]);

/** @throws BadModule when the bytes are damaged or break the contract */
export function readModule(bytes: Uint8Array): ModuleParts {
  const sections = readSections(bytes);
  const section = (id: SectionId) => new ByteReader(sections.get(id) ?? EMPTY);
  const types = readTypes(section(SECTION.types));
  const importedFunctions = readImports(section(SECTION.imports), types);
  const functions = readFunctions(section(SECTION.functions), types);
  readTable(section(SECTION.tables));
  const memory = readMemory(section(SECTION.memory));
  const globals = readGlobals(section(SECTION.globals));
  const run = readExports(section(SECTION.exports));
  const type = types[functions[run - importedFunctions] ?? -1];
  if (!type || type.params.length + type.results.length > 0)
    throw new BadModule('its `run` must be a function of its own, without arguments and results');
  readElements(section(SECTION.elements));
  readData(section(SECTION.data));
  const bodies = readBodies(section(SECTION.code), functions.length);
  const kept = new Map(
    KEPT.flatMap((id) => {
      const content = sections.get(id);
      return content ? [[id, content]] : [];
    }),
  );
  return { types, importedFunctions, functions, memory, globals, run, bodies, kept };
}

/** Reads the one list that a section consists of. */
function readList<T>(
  reader: ByteReader,
  what: string,
  most: number,
  entry: (index: number) => T,
): T[] {
  const entries = Array.from({ length: reader.count(what, most) }, (_, index) => entry(index));
  if (!reader.done) throw new BadModule(`its ${what} are followed by something else`);
  return entries;
}

export function readValueType(reader: ByteReader): number {
  const type = reader.byte();
  if (type === i32 || type === i64 || type === f32 || type === f64) return type;
  throw new BadModule('it uses a type of value other than i32, i64, f32 and f64');
}

function readTypes(reader: ByteReader): FunctionType[] {
  const values = (what: string, most: number) =>
    Array.from({ length: reader.count(what, most) }, () => readValueType(reader));
  return readList(reader, 'types', MAX.types, () => {
    if (reader.byte() !== 0x60) throw new BadModule('it declares a type that is no function');
    const params = values('parameters of a function', MAX.params);
    // Each result of a call would be one more place on the stack than the instruction counts for.
    return { params, results: values('results of a function', 1) };
  });
}

function readImports(reader: ByteReader, types: readonly FunctionType[]): number {
  return readList(reader, 'imports', MAX.imports, () => {
    const namespace = reader.name();
    const name = reader.name();
    const wanted = namespace === NAMESPACE ? IMPORTS.get(name) : undefined;
    if (!wanted || reader.byte() !== 0)
      throw new BadModule(
        `it imports ${namespace}.${name}; there are only the functions ${[...IMPORTS.keys()].map((known) => `${NAMESPACE}.${known}`).join(', ')}`,
      );
    const type = types[reader.u32()];
    if (String(type?.params) !== String(wanted.params) || type?.results[0] !== wanted.results[0])
      throw new BadModule(`it imports ${namespace}.${name} with other arguments or results`);
  }).length;
}

function readFunctions(reader: ByteReader, types: readonly FunctionType[]): number[] {
  return readList(reader, 'functions', MAX.functions, () => {
    const type = reader.u32();
    if (!types[type]) throw new BadModule('one of its functions has no type');
    return type;
  });
}

/** Flags 0 and 1 only: with a maximum or without; not shared, not of 64 bits. */
function readLimits(reader: ByteReader): MemoryLimits {
  const flags = reader.byte();
  if (flags > 1) throw new BadModule('its memory or table is shared or has 64 bits');
  const least = reader.u32();
  return { least, most: flags === 1 ? reader.u32() : undefined };
}

function readTable(reader: ByteReader): void {
  readList(reader, 'tables', 1, () => {
    if (reader.byte() !== 0x70)
      throw new BadModule('its table holds something else than functions');
    if (readLimits(reader).least > MAX.tableEntries)
      throw new BadModule(`its table has more than ${MAX.tableEntries} entries`);
  });
}

function readMemory(reader: ByteReader): MemoryLimits {
  const [memory] = readList(reader, 'memories', 1, () => readLimits(reader));
  if (!memory) throw new BadModule('it has no memory of its own');
  return memory;
}

/** A constant; those that refer to globals or functions are not needed without such imports. */
function skipConstant(reader: ByteReader): void {
  const opcode = reader.byte();
  if (opcode === OP.i32Const) reader.skipSigned(5);
  else if (opcode === OP.i64Const) reader.skipSigned(10);
  else if (opcode === OP.f32Const) reader.skip(4);
  else if (opcode === OP.f64Const) reader.skip(8);
  else throw new BadModule('it computes a value before it runs');
  if (reader.byte() !== OP.end) throw new BadModule('it computes a value before it runs');
}

function readGlobals(reader: ByteReader): { count: number; entries: Uint8Array } {
  const start = new ByteReader(reader.bytes);
  start.u32();
  const { length } = readList(reader, 'globals', MAX.globals, () => {
    readValueType(reader);
    reader.byte();
    skipConstant(reader);
  });
  return { count: length, entries: reader.since(start.at) };
}

/** Index of the function `run`; a `memory` must be there, other exports do not matter. */
function readExports(reader: ByteReader): number {
  let run: number | undefined;
  let memory = false;
  readList(reader, 'exports', MAX.exports, () => {
    const name = reader.name();
    const kind = reader.byte();
    const index = reader.u32();
    if (name === 'run' && kind === 0) run = index;
    if (name === 'memory' && kind === 2) memory = true;
  });
  if (run === undefined) throw new BadModule('it exports no function `run`');
  if (!memory) throw new BadModule('it does not export its memory as `memory`');
  return run;
}

function readElements(reader: ByteReader): void {
  readList(reader, 'element segments', MAX.segments, () => {
    if (reader.u32() !== 0)
      throw new BadModule('its table is filled in another than the plain way');
    skipConstant(reader);
    for (let left = reader.count('table entries', MAX.tableEntries); left > 0; left--) reader.u32();
  });
}

function readData(reader: ByteReader): void {
  readList(reader, 'data segments', MAX.segments, () => {
    const kind = reader.u32();
    if (kind > 1) throw new BadModule('it has data for more than one memory');
    if (kind === 0) skipConstant(reader);
    reader.skip(reader.u32());
  });
}

function readBodies(reader: ByteReader, wanted: number): ByteReader[] {
  const bodies = readList(reader, 'function bodies', MAX.functions, () =>
    reader.part(reader.u32()),
  );
  if (bodies.length !== wanted) throw new BadModule('it has functions without code');
  return bodies;
}
