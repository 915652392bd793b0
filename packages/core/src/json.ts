/**
 * JSON whose integers are exact. Positions of outputs and amounts of tokens pass 2^53, where numbers of
 * JavaScript begin to round; here every integer is read as a bigint and written as its digits. Strict: one
 * value as RFC 8259 has it, no name twice, and bounded, because most of it comes from strangers.
 */
import { PalisadeError } from './errors.ts';

/** What JSON can say, with integers as bigints and other numbers as numbers. */
export type ExactJson =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly ExactJson[]
  | { readonly [name: string]: ExactJson };

/** What our formats nest at most is 8; a parser that recurses needs some bound. */
const MAX_DEPTH = 32;
/** Digits of 2^256 are 78: what is longer is no amount, and turning it into a bigint costs its square. */
const MAX_DIGITS = 80;

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
/** All characters but quotes, backslashes and controls. */
const PLAIN = /[ !#-[\]-\uffff]*/y;
const SPACE = /[ \t\n\r]*/y;

/**
 * The value that a text stands for.
 * @throws PalisadeError `json/malformed` with the place
 */
export function parseExactJson(text: string): ExactJson {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.skipSpace();
  if (reader.at < text.length) throw reader.wrong('something follows the value');
  return value;
}

/** The text of a value, as short as it can be. Bigints are written as digits, undefined members left out. */
export function exactJson(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return `[${value.map((item) => exactJson(item ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const members: string[] = [];
  for (const [name, member] of Object.entries(value))
    if (member !== undefined) members.push(`${JSON.stringify(name)}:${exactJson(member)}`);
  return `{${members.join(',')}}`;
}

class Reader {
  private readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  wrong(why: string): PalisadeError {
    return new PalisadeError({
      code: 'json/malformed',
      message: `This is no JSON: ${why}, at character ${this.at}.`,
    });
  }

  skipSpace(): void {
    this.match(SPACE);
  }

  /** What a sticky expression finds here; moves behind it. */
  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return undefined;
    this.at += found[0].length;
    return found;
  }

  private take(character: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private expect(character: string): void {
    if (!this.take(character)) throw this.wrong(`'${character}' is missing`);
  }

  value(depth: number): ExactJson {
    if (depth > MAX_DEPTH) throw this.wrong(`it nests deeper than ${MAX_DEPTH}`);
    this.skipSpace();
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === '{') return this.object(depth);
    if (first === '[') return this.array(depth);
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const)
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    return this.number();
  }

  private number(): bigint | number {
    const found = this.match(NUMBER);
    if (!found) throw this.wrong('no value begins here');
    const [digits, fraction, exponent] = found;
    if (digits.length > MAX_DIGITS) throw this.wrong('a number is too long');
    return fraction === undefined && exponent === undefined ? BigInt(digits) : Number(digits);
  }

  private string(): string {
    const start = this.at;
    this.at++;
    for (;;) {
      this.match(PLAIN);
      const next = this.text[this.at];
      if (next === '"') break;
      if (next !== '\\') throw this.wrong('a string does not end');
      this.at += 2;
    }
    this.at++;
    const token = this.text.slice(start, this.at);
    if (!token.includes('\\')) return token.slice(1, -1);
    try {
      return JSON.parse(token) as string;
    } catch {
      throw this.wrong('a string has a bad escape');
    }
  }

  private array(depth: number): ExactJson[] {
    this.expect('[');
    const items: ExactJson[] = [];
    if (this.take(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.take(','));
    this.expect(']');
    return items;
  }

  private object(depth: number): { readonly [name: string]: ExactJson } {
    this.expect('{');
    const members: Record<string, ExactJson> = Object.create(null);
    if (this.take('}')) return members;
    do {
      this.skipSpace();
      if (this.text[this.at] !== '"') throw this.wrong('a name is missing');
      const name = this.string();
      if (name in members) throw this.wrong('a name occurs twice');
      this.expect(':');
      members[name] = this.value(depth + 1);
    } while (this.take(','));
    this.expect('}');
    return members;
  }
}
