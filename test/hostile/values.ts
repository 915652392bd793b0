/** Random values of a schema, and texts that no schema wants. */
import type { Json, JsonSchema, Schema } from '@palisade/core';
import { toHex } from '@palisade/core';
import type { Rng } from './rng.ts';

/** Entries of random lists at most: a body of full lists would only be slow to make. */
const MAX_ENTRIES = 4;
/** Bytes of random byte strings of any length at most. */
const MAX_BYTES = 200;
/** Width in bits of numbers that are written as this many digits. */
const BITS_OF_DIGITS = new Map([
  ['19', 64],
  ['38', 128],
]);

function randomText(rng: Rng, max: number): string {
  const signs = ['a', 'Z', '0', ' ', '/', '%', '"', '\\', 'é', '€', '😀', '<', '\u202e'];
  let text = '';
  const length = rng.below(Math.min(max, 12) + 1);
  while (text.length < length) text += rng.pick(signs);
  return Buffer.from(text).subarray(0, max).toString().replaceAll('\ufffd', '');
}

/** JSON of a value that a schema accepts, read off its JSON Schema. */
export function randomJson(rng: Rng, schema: JsonSchema): Json {
  const { type, pattern } = schema as { readonly type?: string; readonly pattern?: string };
  if (type === 'integer') {
    const max = schema.maximum as number;
    return rng.chance(0.3) ? rng.pick([0, 1, max]) : rng.below(max);
  }
  if (type === 'boolean') return rng.chance(0.5);
  if (type === 'array')
    return Array.from(
      { length: rng.below(Math.min(schema.maxItems as number, MAX_ENTRIES) + 1) },
      () => randomJson(rng, schema.items as JsonSchema),
    );
  if (type === 'object')
    return Object.fromEntries(
      Object.entries(schema.properties as Record<string, JsonSchema>).map(([key, field]) => [
        key,
        randomJson(rng, field),
      ]),
    );
  const fixed = /^\^0x\[0-9a-fA-F\]\{(\d+)\}\$$/.exec(pattern ?? '');
  if (fixed) return toHex(rng.bytes(Number(fixed[1]) / 2));
  const number = /\{0,(\d+)\}\)\$$/.exec(pattern ?? '');
  if (number) return rng.bigint(BITS_OF_DIGITS.get(number[1]!)!).toString();
  const longest = schema.maxLength as number;
  if (pattern) return toHex(rng.bytes(rng.below(Math.min((longest - 2) / 2, MAX_BYTES) + 1)));
  return randomText(rng, longest);
}

/** A value of a schema with some fields as given. */
export function randomValue<T>(rng: Rng, schema: Schema<T>, fixed: Partial<T> = {}): T {
  return { ...schema.fromJson(randomJson(rng, schema.jsonSchema), ''), ...fixed };
}

/** Texts where a number, an id or a name is wanted. */
export const ODD_TEXTS: readonly string[] = [
  '',
  ' ',
  '-1',
  '+1',
  '1e3',
  '0x',
  '0x0',
  '0xzz',
  '0X00',
  'NaN',
  'Infinity',
  '1.5',
  '99999999999999999999',
  '9'.repeat(400),
  'null',
  'true',
  '[]',
  '{}',
  '"',
  "' or 1=1 --",
  '../../etc/passwd',
  '..%2f..%2fetc%2fpasswd',
  '%00',
  '%',
  '%zz',
  '%ff%fe',
  '%F0%9F%98%80',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '\u202e\u0000',
  '\ud800',
  '<script>',
  '$' + '{7*7}',
  'a'.repeat(5000),
  `0x${'ab'.repeat(33)}`,
  `0x${'ab'.repeat(31)}`,
  `0x${'AB'.repeat(32)}g`,
];
