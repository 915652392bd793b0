/** Values as text: TOML for files, and the short forms that variables and flags allow. */
import { parse } from 'smol-toml';
import { type ConfigKey, elementKind, type KeyKind } from './keys.ts';

/** TOML integers are signed and 64 bits wide; larger amounts are written as strings of digits. */
const INT64_MAX = 2n ** 63n - 1n;

/** A value as the right-hand side of a line of TOML; tables are written inline. */
export function tomlValue(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return value > INT64_MAX || value < -INT64_MAX ? `"${value}"` : `${value}`;
    case 'number':
      return Number.isFinite(value) ? `${value}` : `${value}`.replace('Infinity', 'inf');
    case 'boolean':
      return `${value}`;
    case 'string':
      // JSON escapes as TOML does, but leaves the delete character, which TOML refuses.
      return JSON.stringify(value).replaceAll('\u007f', '\\u007F');
  }
  if (value === null || value === undefined) return '""'; // TOML has no word for nothing
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(', ')}]`;
  const pairs = Object.entries(value as object).filter(([, part]) => part !== undefined);
  if (pairs.length === 0) return '{}';
  return `{ ${pairs.map(([name, part]) => `${tomlKey(name)} = ${tomlValue(part)}`).join(', ')} }`;
}

function tomlKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : tomlValue(name);
}

/**
 * What a text from a variable or a flag stands for. Lists read `a,b`, tables `engine=debug,p2p=info`,
 * both also TOML; text that does not fit comes back as it is, for the schema to refuse by name.
 */
export function valueOfText(key: ConfigKey, text: string): unknown {
  if (key.kind === 'list') return /^\s*\[/.test(text) ? ofToml(text) : listOf(key, text);
  if (key.kind === 'table') return /^\s*\{/.test(text) ? ofToml(text) : tableOf(key, text);
  if (key.kind === 'other') return ofToml(text);
  return scalarOf(key.kind, text);
}

/** A file has no amounts beyond 64 bits: for such a key, numbers and digits become the bigint. */
export function widen(key: ConfigKey, value: unknown): unknown {
  if (key.kind !== 'bigint') return value;
  if (typeof value === 'string') return scalarOf('bigint', value);
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function scalarOf(kind: KeyKind, text: string): unknown {
  const trimmed = text.trim();
  if (kind === 'bigint') return /^-?\d+$/.test(trimmed) ? BigInt(trimmed) : text;
  if (kind === 'number') {
    return trimmed !== '' && Number.isFinite(Number(trimmed)) ? Number(trimmed) : text;
  }
  if (kind === 'switch') {
    if (/^(true|yes|on|1)$/i.test(trimmed)) return true;
    return /^(false|no|off|0)$/i.test(trimmed) ? false : text;
  }
  return text;
}

function parts(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function listOf(key: ConfigKey, text: string): unknown {
  return parts(text).map((part) => scalarOf(elementKind(key), part));
}

function tableOf(key: ConfigKey, text: string): unknown {
  const pairs = parts(text).map((part) => part.split('=').map((half) => half.trim()));
  if (pairs.some((pair) => pair.length !== 2)) return text;
  return Object.fromEntries(
    pairs.map(([name, value]) => [name, scalarOf(elementKind(key), value!)]),
  );
}

function ofToml(text: string): unknown {
  try {
    return parse(`value = ${text}`, { integersAsBigInt: 'asNeeded', unsafeKeyBehaviour: 'throw' })
      .value;
  } catch {
    return text;
  }
}
