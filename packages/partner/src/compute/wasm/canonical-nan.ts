/**
 * Processors differ in the bits of a NaN, and so does one processor from one compilation to the
 * next. Arithmetic does not care; so it is enough that the bits are the canonical ones wherever they
 * become visible.
 */
import type { ByteWriter } from './byte-writer.ts';
import { OP } from './instructions.ts';

/** Instructions that show bits of the float on top of the stack. */
const SHOWS_F32 = new Set<number>([OP.f32Store, OP.f32Copysign, OP.i32ReinterpretF32]);
const SHOWS_F64 = new Set<number>([OP.f64Store, OP.f64Copysign, OP.i64ReinterpretF64]);

/** The canonical NaN, little-endian. */
const NAN_32 = [OP.f32Const, 0x00, 0x00, 0xc0, 0x7f];
const NAN_64 = [OP.f64Const, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x7f];

/** Locals that a value may stay in while it is looked at. */
export type SpareFloats = { readonly f32: number; readonly f64: number };

/** Written before an instruction: where that shows the bits of a float, a NaN becomes canonical. */
export function canonicalNan(out: ByteWriter, opcode: number, spare: SpareFloats): void {
  if (SHOWS_F32.has(opcode)) replaceNan(out, spare.f32, NAN_32, OP.f32Eq);
  if (SHOWS_F64.has(opcode)) replaceNan(out, spare.f64, NAN_64, OP.f64Eq);
}

/** x becomes select(x, NaN, x == x). */
function replaceNan(out: ByteWriter, local: number, nan: readonly number[], equal: number): void {
  out.byte(OP.localTee);
  out.u32(local);
  out.raw(nan);
  for (let i = 0; i < 2; i++) {
    out.byte(OP.localGet);
    out.u32(local);
  }
  out.raw([equal, OP.select]);
}
