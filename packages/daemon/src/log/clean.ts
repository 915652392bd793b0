/**
 * Makes anything fit for a log line: plain, bounded, without secrets. Three nets catch secrets:
 * names of fields, passwords inside URLs, and values that were declared by `hide`.
 */
import { PalisadeError, toHex } from '@palisade/core';

/** Fields of these names are never written, whatever they hold. */
const SECRET_NAME =
  /pass(word|phrase|wd)|secret|private[-_]?key|signing[-_]?key|mnemonic|authorization|cookie|bearer|(auth|api|access|session)[-_]?(token|key)/i;
/** User, password or token before the host. The bounds keep a hostile text from costing its square. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/@]{1,512}@/gi;
const REDACTED = '[redacted]';

/** A line is for reading: about two screens of text, whatever was handed in. */
const MAX_LINE_CHARS = 16_384;
const MAX_TEXT_CHARS = 4096;
const MAX_NODES = 500;
const MAX_DEPTH = 8;
/** Longer texts are not searched for secrets, so they are not written at all. */
const MAX_SEARCHED = 65_536;
/** Each hidden value slows every line a little; a process has a handful of keys and passwords. */
const MAX_HIDDEN = 64;
/** Shorter values occur in ordinary words, and hiding them would tear holes into every line. */
const MIN_HIDDEN_CHARS = 4;

type Budget = { nodes: number; chars: number };

export type Cleaner = {
  clean(value: unknown): unknown;
  /**
   * Never let this value through again: text as it is, bytes as hex and as base64.
   * @throws PalisadeError `log/too-many-secrets` beyond 64 values.
   */
  hide(secret: string | Uint8Array): void;
};

export function createCleaner(): Cleaner {
  const hidden = new Set<string>();
  let pattern: RegExp | undefined;

  const hide = (secret: string | Uint8Array) => {
    const forms = typeof secret === 'string' ? [secret] : formsOf(secret);
    for (const form of forms) if (form.length >= MIN_HIDDEN_CHARS) hidden.add(form);
    if (hidden.size > MAX_HIDDEN * 3) {
      throw new PalisadeError({
        code: 'log/too-many-secrets',
        message: `More than ${MAX_HIDDEN} values were to be hidden from the logs.`,
      });
    }
    // Longest first, so that a secret which contains another one is not left in part.
    const longestFirst = [...hidden].sort((a, b) => b.length - a.length);
    pattern = longestFirst.length
      ? new RegExp(longestFirst.map(literally).join('|'), 'gi')
      : undefined;
  };

  const text = (raw: string, budget: Budget): string => {
    if (raw.length > MAX_SEARCHED) return `[text of ${raw.length} characters]`;
    let safe = raw.replace(URL_PASSWORD, `$1${REDACTED}@`);
    if (pattern) safe = safe.replace(pattern, REDACTED);
    const room = Math.max(0, Math.min(MAX_TEXT_CHARS, budget.chars));
    budget.chars -= Math.min(safe.length, room);
    return safe.length <= room ? safe : `${safe.slice(0, room)}...`;
  };

  return { hide, clean: (value) => walk(value, text, { nodes: MAX_NODES, chars: MAX_LINE_CHARS }) };
}

type Text = (raw: string, budget: Budget) => string;

function walk(value: unknown, text: Text, budget: Budget, depth = 0): unknown {
  if (typeof value === 'string') return text(value, budget);
  if (typeof value === 'bigint') return `${value}`; // JSON numbers lose digits beyond 2^53
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH || budget.nodes <= 0) return '...';
  if (value instanceof Uint8Array) return text(hexOf(value), budget);
  if (value instanceof Date) return Number.isNaN(+value) ? 'invalid date' : value.toISOString();
  if (value instanceof Set) return walk([...value], text, budget, depth);
  if (value instanceof Map) return walk([...value], text, budget, depth);

  const into = (part: unknown) => {
    budget.nodes--;
    return walk(part, text, budget, depth + 1);
  };
  if (Array.isArray(value)) return value.slice(0, Math.max(0, budget.nodes)).map(into);
  const plain: Record<string, unknown> = {};
  for (const [name, part] of entriesOf(value)) {
    if (part === undefined) continue;
    if (budget.nodes <= 0) break;
    plain[text(name, budget)] = SECRET_NAME.test(name) ? REDACTED : into(part);
  }
  return plain;
}

/** Errors keep what matters in properties that are not enumerable. */
function entriesOf(value: object): readonly (readonly [string, unknown])[] {
  try {
    if (!(value instanceof Error)) return Object.entries(value);
    const { name, message, stack, cause, ...rest } = value as Error & Record<string, unknown>;
    return Object.entries({ type: name, message, ...rest, cause, stack });
  } catch {
    return [['unreadable', true]]; // a getter threw; a log line is no reason to fail
  }
}

function hexOf(bytes: Uint8Array): string {
  return bytes.length > MAX_SEARCHED / 4 ? `[${bytes.length} bytes]` : toHex(bytes);
}

function formsOf(bytes: Uint8Array): readonly string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const base64 = buffer.toString('base64').replace(/=+$/, '');
  return [buffer.toString('hex'), base64, buffer.toString('base64url')];
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
