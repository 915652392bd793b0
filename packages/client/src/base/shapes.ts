/**
 * Forms of HTTP answers. Signed records have strict schemas of their own; the JSON around them is
 * read field by field, and fields that a newer daemon adds are passed over.
 */
import { byteList, type Json, MAX_ENVELOPE_BYTES, PalisadeError, u64 } from '@palisade/core';

/** Anything that reads JSON: every schema is one. @throws PalisadeError `schema/invalid` */
export type Reader<T> = { fromJson(json: unknown, path: string): T };
export type ReadBy<R> = R extends Reader<infer T> ? T : never;

function wanted(path: string, what: string): PalisadeError {
  return new PalisadeError({
    code: 'schema/invalid',
    message: `${path || 'The answer'} must be ${what}.`,
    data: { path },
  });
}

/** An object of which the named fields are read. */
export function object<F extends Record<string, Reader<unknown>>>(
  fields: F,
): Reader<{ readonly [K in keyof F]: ReadBy<F[K]> }> {
  const members = Object.entries(fields);
  return {
    fromJson(json, path) {
      if (typeof json !== 'object' || json === null || Array.isArray(json))
        throw wanted(path, 'an object');
      const values: Record<string, unknown> = {};
      for (const [name, field] of members) {
        const inner = path === '' ? name : `${path}.${name}`;
        values[name] = field.fromJson((json as Record<string, unknown>)[name], inner);
      }
      return values as { [K in keyof F]: ReadBy<F[K]> };
    },
  };
}

export function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return {
    fromJson: (json, path) =>
      json === undefined || json === null ? undefined : reader.fromJson(json, path),
  };
}

/** A list; more than `max` entries are refused, as no honest daemon sends them. */
export function listOf<T>(reader: Reader<T>, max: number): Reader<readonly T[]> {
  return {
    fromJson(json, path) {
      if (!Array.isArray(json) || json.length > max)
        throw wanted(path, `a list of at most ${max} entries`);
      return json.map((entry, i) => reader.fromJson(entry, `${path}[${i}]`));
    },
  };
}

export function oneOf<const T extends readonly string[]>(choices: T): Reader<T[number]> {
  return {
    fromJson(json, path) {
      if (choices.includes(json as string)) return json as T[number];
      throw wanted(path, `one of ${choices.join(', ')}`);
    },
  };
}

/** A whole number below 2^64: decimal text, or a number where a daemon knows it to be small. */
export const whole: Reader<bigint> = {
  fromJson: (json, path) =>
    u64.fromJson(Number.isSafeInteger(json) ? `${json as number}` : json, path),
};

/** A whole number that fits a double exactly, written in either way. */
export const count: Reader<number> = {
  fromJson(json, path) {
    const value = whole.fromJson(json, path);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw wanted(path, 'a number below 2^53');
  },
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** Words of a stranger for a person to read: cut off, without what could rewrite a terminal. */
export function plainText(max: number): Reader<string> {
  return {
    fromJson(json, path) {
      if (typeof json === 'string') return json.replace(CONTROL, ' ').slice(0, max);
      throw wanted(path, 'text');
    },
  };
}

export const anyJson: Reader<Json> = {
  fromJson(json, path) {
    if (json === undefined) throw wanted(path, 'there');
    return json as Json;
  },
};

export const envelopeBytes: Reader<Uint8Array> = byteList(MAX_ENVELOPE_BYTES);
