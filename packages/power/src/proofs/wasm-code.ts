/**
 * The little of WebAssembly's binary format (Core Specification 2.0, chapter 5) that one function of
 * 32-bit integers over one memory needs. Code is the list of its bytes: whoever nests calls of what is
 * below writes an expression.
 */
export type Code = readonly number[];

const I32 = 0x7f;
const NO_RESULT = 0x40;

/** An unsigned integer in groups of seven bits (LEB128). */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

/** The same for a signed one: the seventh bit of the last byte is the sign. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (; rest < -0x40 || rest >= 0x40; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest & 0x7f];
}

const binary =
  (opcode: number) =>
  (a: Code, b: Code): Code => [...a, ...b, opcode];
export const add = binary(0x6a);
export const multiply = binary(0x6c);
export const and = binary(0x71);
export const or = binary(0x72);
export const xor = binary(0x73);
export const shiftLeft = binary(0x74);
export const rotateLeft = binary(0x77);
export const equal = binary(0x46);
/** Less, or less or equal, of unsigned numbers. */
export const less = binary(0x49);
export const atMost = binary(0x4d);

/** `condition` not zero: `yes`, else `no`; both are computed. */
export const choose = (condition: Code, yes: Code, no: Code): Code => [
  ...yes,
  ...no,
  ...condition,
  0x1b,
];

export const constant = (value: number): Code => [0x41, ...signed(value)];

/** Four bytes at an address and an offset in bytes; aligned or not. */
export const load = (address: Code, offset = 0): Code => [...address, 0x28, 0, ...unsigned(offset)];
export const store = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  0x36,
  0,
  ...unsigned(offset),
];

/** Copies 16 bytes from one place to another. */
export const copy16 = (to: Code, toOffset: number, from: Code, fromOffset: number): Code => [
  ...to,
  ...[...from, 0xfd, 0, 0, ...unsigned(fromOffset)],
  ...[0xfd, 11, 0, ...unsigned(toOffset)],
];

/** Repeats its body as long as the condition after it is not zero: at least once. */
export const repeat = (body: Code, condition: Code): Code => [
  ...[0x03, NO_RESULT, ...body],
  ...[...condition, 0x0d, 0, 0x0b],
];

export const when = (condition: Code, body: Code): Code => [
  ...condition,
  ...[0x04, NO_RESULT, ...body, 0x0b],
];

/** A variable of the function, an unsigned number of 32 bits. */
export type Local = { readonly get: Code; set(value: Code): Code };

/** One function, `run`, without a result, over the memory `env.memory`. */
export class FunctionBuilder {
  #parameters = 0;
  #locals = 0;

  /** The next parameter; all of them are asked for before the first variable. */
  parameter(): Local {
    return localAt(this.#parameters++);
  }

  /** A variable that begins as zero. */
  local(): Local {
    return localAt(this.#parameters + this.#locals++);
  }

  locals(count: number): readonly Local[] {
    return Array.from({ length: count }, () => this.local());
  }

  /** The bytes of the module. */
  module(body: Code): Uint8Array {
    const code = [1, ...unsigned(this.#locals), I32, ...body, 0x0b];
    const parameters = new Array<number>(this.#parameters).fill(I32);
    return Uint8Array.from([
      ...[0, ...ascii('asm'), 1, 0, 0, 0],
      ...section(1, [0x60, this.#parameters, ...parameters, 0]),
      ...section(2, [...name('env'), ...name('memory'), 2, 0, 1]),
      ...section(3, [0]),
      ...section(7, [...name('run'), 0, 0]),
      ...section(10, [...unsigned(code.length), ...code]),
    ]);
  }
}

const localAt = (index: number): Local => ({
  get: [0x20, ...unsigned(index)],
  set: (value) => [...value, 0x21, ...unsigned(index)],
});

/** A section of one entry. */
function section(id: number, entry: Code): number[] {
  return [id, ...unsigned(entry.length + 1), 1, ...entry];
}

const ascii = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));
const name = (text: string): number[] => [text.length, ...ascii(text)];
