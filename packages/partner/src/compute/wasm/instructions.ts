/**
 * The instructions that a module may use, by opcode (Core Specification 2.0, section 5.4), and what
 * follows each in the bytes. They are those of the first version of WebAssembly with the sign
 * extensions, saturating conversions and bulk memory that compilers have used since: enough for
 * what they emit by default, each with one result on every machine. What is not listed (vectors,
 * threads, exceptions, references, tail calls) is refused.
 */

/** What follows an opcode; `plain` is nothing. */
export type Immediate =
  | 'plain'
  | 'block'
  | 'label'
  | 'labels'
  | 'function'
  | 'indirect'
  | 'types'
  | 'local'
  | 'global'
  | 'memarg'
  | 'zero'
  | 'i32'
  | 'i64'
  | 'f32'
  | 'f64';

export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  f32Store: 0x38,
  f64Store: 0x39,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  f32Const: 0x43,
  f64Const: 0x44,
  i32Eq: 0x46,
  i32LtS: 0x48,
  i64LtS: 0x53,
  f32Eq: 0x5b,
  f64Eq: 0x61,
  i32Sub: 0x6b,
  i64Sub: 0x7d,
  i64ShrU: 0x88,
  f32Copysign: 0x98,
  f64Copysign: 0xa6,
  i64ExtendI32U: 0xad,
  i32ReinterpretF32: 0xbc,
  i64ReinterpretF64: 0xbd,
  /** Before a second opcode, an u32. */
  prefix: 0xfc,
} as const;

/** Second opcodes after `prefix`: 0 to 7 convert, these move memory. */
export const BULK = { init: 8, dropData: 9, copy: 10, fill: 11 } as const;

/** Result type of a block without one. */
export const EMPTY_BLOCK = 0x40;
export const TYPE = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c } as const;

const immediates: (Immediate | undefined)[] = new Array(256).fill(undefined);

function allow(immediate: Immediate, from: number, to = from): void {
  for (let opcode = from; opcode <= to; opcode++) immediates[opcode] = immediate;
}
allow('plain', OP.unreachable, 0x01);
allow('block', OP.block, OP.if);
allow('plain', OP.else);
allow('plain', OP.end);
allow('label', OP.br, OP.brIf);
allow('labels', OP.brTable);
allow('plain', OP.return);
allow('function', OP.call);
allow('indirect', OP.callIndirect);
allow('plain', 0x1a, OP.select);
allow('types', 0x1c);
allow('local', OP.localGet, OP.localTee);
allow('global', OP.globalGet, OP.globalSet);
allow('memarg', 0x28, 0x3e);
allow('zero', 0x3f, OP.memoryGrow);
allow('i32', OP.i32Const);
allow('i64', OP.i64Const);
allow('f32', OP.f32Const);
allow('f64', OP.f64Const);
allow('plain', 0x45, 0xc4);

/** What follows this opcode, or undefined when modules may not use it. */
export function immediateOf(opcode: number): Immediate | undefined {
  return immediates[opcode];
}
