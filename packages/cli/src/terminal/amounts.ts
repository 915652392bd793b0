/** Amounts, times and sizes as people write and read them. */
import { NATIVE } from '@palisade/chain/schema';
import { InvalidArgumentError } from 'commander';

const UNIT = 10n ** BigInt(NATIVE.decimals);
/** 128 bits, the width of every amount on the chain. */
const MAX_AMOUNT = 2n ** 128n - 1n;

/** Base units of an amount in PAL: `1.5`, `0.000001`, `2 PAL`. */
export function parseAmount(text: string): bigint {
  const match = /^(\d{1,21})(?:\.(\d{1,18}))?\s*(?:PAL)?$/i.exec(text.trim());
  if (!match)
    throw new InvalidArgumentError(
      `write it in ${NATIVE.symbol} with at most ${NATIVE.decimals} decimals, as in 1.5`,
    );
  const [, whole, fraction = ''] = match;
  const amount = BigInt(whole!) * UNIT + BigInt(fraction.padEnd(NATIVE.decimals, '0'));
  if (amount > MAX_AMOUNT) throw new InvalidArgumentError('it is more than there can ever be');
  return amount;
}

export { formatAmount } from '@palisade/chain/schema';

const SECOND = 1000;
const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['w', 7 * 86_400 * SECOND],
  ['d', 86_400 * SECOND],
  ['h', 3600 * SECOND],
  ['m', 60 * SECOND],
  ['s', SECOND],
];
/** Ten years: a longer term is a slip of the fingers. */
const MAX_DURATION_MS = 10 * 366 * 86_400 * SECOND;

/** Milliseconds of `30s`, `10m`, `4h`, `2d`, `1w`, or several after another: `1h30m`. */
export function parseDuration(text: string): number {
  const trimmed = text.trim();
  if (!/^(\d{1,9}[wdhms]\s*)+$/.test(trimmed))
    throw new InvalidArgumentError('write it as 30s, 10m, 4h, 2d, 1w or 1h30m');
  let ms = 0;
  for (const [, digits, unit] of trimmed.matchAll(/(\d+)([wdhms])/g))
    ms += Number(digits) * UNITS.find(([name]) => name === unit)![1];
  if (ms < SECOND || ms > MAX_DURATION_MS)
    throw new InvalidArgumentError('it must be between a second and ten years');
  return ms;
}

/** The two largest units: `1h 30m`; below a second, ms. */
export function formatDuration(ms: number): string {
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  const parts: string[] = [];
  let left = Math.round(ms / SECOND) * SECOND;
  for (const [name, unit] of UNITS) {
    if (left < unit) continue;
    parts.push(`${Math.floor(left / unit)}${name}`);
    left %= unit;
  }
  return parts.slice(0, 2).join(' ');
}

/** A PiB: more is a slip of the fingers. */
const MAX_SIZE = 2 ** 50;
const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** Bytes of `500KiB`, `100MiB`, `1.5GiB`, or a plain number of bytes. */
export function parseSize(text: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,3})?)\s*([KMGT]iB|B)?$/.exec(text.trim());
  const step = SIZES.indexOf((match?.[2] ?? 'B') as (typeof SIZES)[number]);
  const bytes = Math.ceil(Number(match?.[1] ?? 0) * 1024 ** step);
  if (bytes < 1 || bytes > MAX_SIZE)
    throw new InvalidArgumentError('write it as 500KiB, 100MiB or 1.5GiB');
  return bytes;
}

/** Three digits that matter: `8.58 MiB`. */
export function formatSize(bytes: number | bigint): string {
  let value = Number(bytes);
  let step = 0;
  while (value >= 1024 && step < SIZES.length - 1) {
    value /= 1024;
    step++;
  }
  const digits = step === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${SIZES[step]}`;
}

/** Local date and time to the second. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => `${value}`.padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The beginning of an id or address, long enough to be told apart and to be typed again. */
export function shortId(hex: string): string {
  return hex.length > 14 ? `${hex.slice(0, 12)}…` : hex;
}

/** `1 session`, `2 sessions`, `2 copies`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

export function parseCount(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`it must be a whole number from ${least} to ${most}`);
  };
}

export function parseHeight(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new InvalidArgumentError('it must be a whole number');
}
