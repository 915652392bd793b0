/**
 * One function's code, rewritten so that it counts what it does. Three things are added, and none of
 * them changes what it computes:
 *
 *  - **fuel**: instructions are counted by the stretch that always runs as a whole, and taken from
 *    the fuel where the stretch ends: before a branch, a call, and wherever paths meet. Whether
 *    there is any left is asked where a function or a round of a loop begins; what lies between two
 *    such places is bounded by the length of the code.
 *  - **stack**: every call takes what its frame may need from a budget, and gives it back. An
 *    engine's own limit would depend on its version and on how well it compiles.
 *  - **NaN**: where the bits of a float become visible, a NaN becomes the canonical one. Processors
 *    differ in the bits of a NaN, and so does one processor from one compilation to the next.
 *
 * The fuel stands in a global that everything is written through to, and in a local from which it is
 * read: a loop then has it in a register, and a trap leaves the exact amount.
 */
import { BadModule, type ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { canonicalNan } from './canonical-nan.ts';
import { BULK, EMPTY_BLOCK, type Immediate, immediateOf, OP, TYPE } from './instructions.ts';
import { type FunctionType, readValueType } from './read-module.ts';

/** Where the globals stand that metering adds, after the module's own. */
export type MeterGlobals = {
  /** i64: fuel that is left; below zero when it ran out. */
  readonly fuel: number;
  /** i32: stack that is left, in places of eight bytes. */
  readonly stack: number;
  /** i32: why a run was ended here, one of `STOPPED`. */
  readonly stopped: number;
};

/** Values of the global `stopped`; 0 while nothing ended the run. */
export const STOPPED = { stack: 1, memory: 2 } as const;

/** What a function's code may refer to. */
export type FunctionContext = {
  readonly type: FunctionType;
  readonly globalCount: number;
  readonly globals: MeterGlobals;
  /** Whether a refused `memory.grow` means that the run's memory limit was met. */
  readonly limitsGrowth: boolean;
};

/** Locals of a function: a page of variables is a large function; each takes room on the stack. */
const MAX_LOCALS = 10_000;
/** Blocks in blocks: compilers make some hundred at most, out of a large switch. */
const MAX_NESTING = 10_000;
/** Labels of one switch. */
const MAX_LABELS = 65_000;
/** Places of eight bytes that a frame takes beside its values: return address, engine's own. */
const FRAME_PLACES = 16;
/** Bulk memory costs one fuel per so many bytes, as a power of two: what a loop of stores would. */
const BULK_SHIFT = 3;

/** The code of a function (without its length) with the counting in it. @throws BadModule */
export function meterFunction(code: ByteReader, context: FunctionContext): ByteWriter {
  return new FunctionMeter(code, context).rewrite();
}

type Block = {
  readonly isLoop: boolean;
  /** An `if`, whose two ways meet at its end. */
  readonly isIf: boolean;
  /** Whether a branch leads to its end, so that what follows begins a stretch. */
  targeted: boolean;
};

class FunctionMeter {
  readonly #in: ByteReader;
  readonly #context: FunctionContext;
  readonly #out = new ByteWriter();
  readonly #locals = { fuel: 0, stack: 0, count: 0, f32: 0, f64: 0 };
  readonly #blocks: Block[] = [{ isLoop: false, isIf: false, targeted: true }];
  /** Instructions since fuel was taken. */
  #pending = 0;
  #instructions = 0;
  #calls = false;

  constructor(code: ByteReader, context: FunctionContext) {
    this.#in = code;
    this.#context = context;
  }

  rewrite(): ByteWriter {
    const declarations = this.#readLocals();
    while (this.#blocks.length > 0) this.#instruction();
    if (!this.#in.done) throw new BadModule('a function goes on after its end');
    const whole = new ByteWriter();
    whole.raw(declarations.bytes());
    this.#enter(whole);
    whole.raw(this.#out.bytes());
    return whole;
  }

  /** Copies the declarations of locals and adds its own, after them. */
  #readLocals(): ByteWriter {
    const groups = this.#in.count('groups of locals', MAX_LOCALS);
    const start = this.#in.at;
    let count = this.#context.type.params.length;
    for (let i = 0; i < groups; i++) {
      count += this.#in.count('locals', MAX_LOCALS);
      readValueType(this.#in);
    }
    // Locals begin as zero, some at a time.
    this.#pending = (count - this.#context.type.params.length) >> BULK_SHIFT;
    if (count > MAX_LOCALS) throw new BadModule(`a function has more than ${MAX_LOCALS} locals`);
    Object.assign(this.#locals, {
      fuel: count,
      stack: count + 1,
      count: count + 2,
      f32: count + 3,
      f64: count + 4,
    });
    const declarations = new ByteWriter();
    declarations.u32(groups + 4);
    declarations.raw(this.#in.since(start));
    declarations.raw([1, TYPE.i64, 2, TYPE.i32, 1, TYPE.f32, 1, TYPE.f64]);
    return declarations;
  }

  /** What a function begins with: its share of the stack, and a look at the fuel. */
  #enter(out: ByteWriter): void {
    const { globals } = this.#context;
    const { fuel, stack } = this.#locals;
    // A value that is computed may have a place of its own, and so may a local; more there are not.
    const places = FRAME_PLACES + this.#locals.fuel + this.#instructions;
    out.byte(OP.globalGet);
    out.u32(globals.stack);
    i32Const(out, places);
    out.byte(OP.i32Sub);
    out.byte(OP.localTee);
    out.u32(stack);
    if (this.#calls) {
      out.byte(OP.globalSet);
      out.u32(globals.stack);
      out.byte(OP.localGet);
      out.u32(stack);
    }
    i32Const(out, 0);
    out.byte(OP.i32LtS);
    this.#stopIf(out, STOPPED.stack);
    out.byte(OP.globalGet);
    out.u32(globals.fuel);
    out.byte(OP.localSet);
    out.u32(fuel);
    this.#checkFuel(out);
  }

  /** Ends the run when the condition on the stack holds. */
  #stopIf(out: ByteWriter, why: number): void {
    out.raw([OP.if, EMPTY_BLOCK]);
    i32Const(out, why);
    out.byte(OP.globalSet);
    out.u32(this.#context.globals.stopped);
    out.raw([OP.unreachable, OP.end]);
  }

  #checkFuel(out: ByteWriter): void {
    out.byte(OP.localGet);
    out.u32(this.#locals.fuel);
    out.raw([OP.i64Const, 0, OP.i64LtS, OP.if, EMPTY_BLOCK, OP.unreachable, OP.end]);
  }

  /** Takes fuel for the stretch that ends here. */
  #settle(): void {
    if (this.#pending === 0) return;
    const out = this.#out;
    out.byte(OP.localGet);
    out.u32(this.#locals.fuel);
    out.byte(OP.i64Const);
    out.signed(BigInt(this.#pending));
    this.#pending = 0;
    this.#takeFuel();
  }

  /** Subtracts what is on the stack from the fuel below it. */
  #takeFuel(): void {
    const out = this.#out;
    out.raw([OP.i64Sub, OP.localTee]);
    out.u32(this.#locals.fuel);
    out.byte(OP.globalSet);
    out.u32(this.#context.globals.fuel);
  }

  #instruction(): void {
    const start = this.#in.at;
    const opcode = this.#in.byte();
    this.#instructions++;
    if (opcode !== OP.end && opcode !== OP.else) this.#pending++;
    const immediate = immediateOf(opcode);
    if (opcode === OP.prefix) this.#prefixed(start);
    else if (immediate === 'plain') this.#plain(opcode);
    else if (immediate === 'block') this.#open(opcode);
    else if (immediate === 'function' || immediate === 'indirect') this.#call(start, immediate);
    else if (immediate) {
      canonicalNan(this.#out, opcode, this.#locals);
      this.#readImmediate(immediate);
      this.#out.raw(this.#in.since(start));
      if (opcode === OP.memoryGrow) this.#limitGrowth();
    } else throw notAllowed(`0x${opcode.toString(16).padStart(2, '0')}`);
  }

  /** Reads what follows an opcode, and what may not be checked after locals and globals were added. */
  #readImmediate(immediate: Immediate): void {
    const reader = this.#in;
    switch (immediate) {
      case 'label':
        this.#branchTo(reader.u32());
        return;
      case 'labels':
        // The last one, for all other values, is not counted.
        for (let left = reader.count('labels', MAX_LABELS); left >= 0; left--)
          this.#branchTo(reader.u32());
        return;
      case 'types':
        if (reader.u32() !== 1) throw new BadModule('it selects between several values at once');
        readValueType(reader);
        return;
      case 'local':
        if (reader.u32() >= this.#locals.fuel) throw new BadModule('it uses an unknown local');
        return;
      case 'global':
        if (reader.u32() >= this.#context.globalCount)
          throw new BadModule('it uses an unknown global');
        return;
      case 'memarg':
        // From 64 on the number would announce a memory index.
        if (reader.u32() >= 64) throw secondMemory();
        reader.u32();
        return;
      case 'zero':
        if (reader.byte() !== 0) throw secondMemory();
        return;
      case 'i32':
        reader.skipSigned(5);
        return;
      case 'i64':
        reader.skipSigned(10);
        return;
      case 'f32':
        reader.skip(4);
        return;
      case 'f64':
        reader.skip(8);
        return;
    }
  }

  #plain(opcode: number): void {
    if (opcode === OP.end) this.#close();
    else if (opcode === OP.else || opcode === OP.return || opcode === OP.unreachable)
      this.#settle();
    else canonicalNan(this.#out, opcode, this.#locals);
    this.#out.byte(opcode);
  }

  #open(opcode: number): void {
    const start = this.#in.at;
    // No result, one, or a type by its index, which is not negative.
    const first = this.#in.byte();
    const isValue = first >= TYPE.f64 && first <= TYPE.i32;
    if (first !== EMPTY_BLOCK && !isValue) {
      this.#in.at = start;
      this.#in.u32();
    }
    if (this.#blocks.length >= MAX_NESTING) throw new BadModule('its blocks nest too deep');
    const isLoop = opcode === OP.loop;
    const isIf = opcode === OP.if;
    if (isLoop || isIf) this.#settle();
    this.#blocks.push({ isLoop, isIf, targeted: false });
    this.#out.byte(opcode);
    this.#out.raw(this.#in.since(start));
    if (isLoop) this.#checkFuel(this.#out);
  }

  /** At an end paths meet when it ends an `if` or a branch leads to it; else the stretch goes on. */
  #close(): void {
    const { isLoop, isIf, targeted } = this.#blocks.pop()!;
    if (isIf || (targeted && !isLoop)) this.#settle();
  }

  #branchTo(label: number): void {
    const block = this.#blocks[this.#blocks.length - 1 - label];
    if (!block) throw new BadModule('it branches to nowhere');
    block.targeted = true;
    this.#settle();
  }

  /** Whoever is called takes fuel and stack from the globals. */
  #call(start: number, kind: 'function' | 'indirect'): void {
    this.#in.u32();
    if (kind === 'indirect' && this.#in.byte() !== 0)
      throw new BadModule('it calls through a second table');
    this.#calls = true;
    this.#settle();
    const { fuel, stack } = this.#context.globals;
    const out = this.#out;
    out.raw(this.#in.since(start));
    out.byte(OP.globalGet);
    out.u32(fuel);
    out.byte(OP.localSet);
    out.u32(this.#locals.fuel);
    out.byte(OP.localGet);
    out.u32(this.#locals.stack);
    out.byte(OP.globalSet);
    out.u32(stack);
  }

  /** Conversions, which are nothing special, and what moves memory. */
  #prefixed(start: number): void {
    const second = this.#in.u32();
    if (second > BULK.fill) throw notAllowed(`0xfc ${second}`);
    const zeros = second === BULK.copy ? 2 : second === BULK.fill || second === BULK.init ? 1 : 0;
    if (second === BULK.init || second === BULK.dropData) this.#in.u32();
    for (let i = 0; i < zeros; i++) if (this.#in.byte() !== 0) throw secondMemory();
    if (zeros > 0) this.#payBulk();
    this.#out.raw(this.#in.since(start));
  }

  /** The number of bytes is on the stack: they are paid for before they are moved. */
  #payBulk(): void {
    this.#settle();
    const { count, fuel } = this.#locals;
    const out = this.#out;
    out.byte(OP.localSet);
    out.u32(count);
    out.byte(OP.localGet);
    out.u32(fuel);
    out.byte(OP.localGet);
    out.u32(count);
    out.raw([OP.i64ExtendI32U, OP.i64Const, BULK_SHIFT, OP.i64ShrU]);
    this.#takeFuel();
    this.#checkFuel(out);
    out.byte(OP.localGet);
    out.u32(count);
  }

  /** Where the run's limit is below what the module declares, meeting it ends the run. */
  #limitGrowth(): void {
    if (!this.#context.limitsGrowth) return;
    const out = this.#out;
    out.byte(OP.localTee);
    out.u32(this.#locals.count);
    i32Const(out, -1);
    out.byte(OP.i32Eq);
    this.#stopIf(out, STOPPED.memory);
    out.byte(OP.localGet);
    out.u32(this.#locals.count);
  }
}

function notAllowed(instruction: string): BadModule {
  return new BadModule(
    `it uses the instruction ${instruction}, which is not allowed (spec/computation.md)`,
  );
}

function secondMemory(): BadModule {
  return new BadModule('it uses a second memory');
}

function i32Const(out: ByteWriter, value: number): void {
  out.byte(OP.i32Const);
  out.signed(BigInt(value));
}
