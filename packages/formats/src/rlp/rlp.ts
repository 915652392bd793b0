/**
 * RLP, Ethereum's nesting of byte strings and lists (Yellow Paper, appendix B), strictly: each value
 * has one encoding, and whatever else decodes to it is refused. Lengths, depth and number of items
 * are bounded before anything is allocated by them.
 */
import { PalisadeError } from '@palisade/core';

/** A byte string, or a list of such items. */
export type RlpItem = Uint8Array | readonly RlpItem[];

/** What a decoder is willing to take. */
export type RlpBounds = {
  /** Bytes of the whole encoding. */
  readonly maxBytes: number;
  /** Lists in lists: 1 allows one list of strings. */
  readonly maxDepth: number;
  /** Strings and lists in all, the outermost included. */
  readonly maxItems: number;
};

/** First byte of a short string, and of a short list; up to 55 bytes, the length is in it. */
const STRING = 0x80;
const LIST = 0xc0;
const SHORT = 55;
/** Bytes of a length at most: 4 GiB are more than any bound here allows. */
const MAX_LENGTH_BYTES = 4;

function malformed(what: string): PalisadeError {
  return new PalisadeError({
    code: 'formats/malformed',
    message: `These bytes are not canonical RLP: ${what}.`,
  });
}

function lengthBytes(length: number): number {
  if (length <= SHORT) return 0;
  let count = 1;
  for (let rest = length; rest > 0xff; rest = Math.floor(rest / 256)) count++;
  return count;
}

function isList(item: RlpItem): item is readonly RlpItem[] {
  return !(item instanceof Uint8Array);
}

/** Notes the content length of each list in the order in which the writer meets them. */
function measure(item: RlpItem, lengths: number[]): number {
  if (!isList(item)) {
    const { length } = item;
    return length === 1 && item[0]! < STRING ? 1 : 1 + lengthBytes(length) + length;
  }
  const place = lengths.push(0) - 1;
  let content = 0;
  for (const inner of item) content += measure(inner, lengths);
  lengths[place] = content;
  return 1 + lengthBytes(content) + content;
}

type Writer = {
  readonly out: Uint8Array;
  readonly lengths: readonly number[];
  at: number;
  list: number;
};

function writeHead(writer: Writer, offset: number, length: number): void {
  const extra = lengthBytes(length);
  if (extra === 0) {
    writer.out[writer.at++] = offset + length;
    return;
  }
  writer.out[writer.at++] = offset + SHORT + extra;
  for (let i = extra - 1; i >= 0; i--)
    writer.out[writer.at++] = Math.floor(length / 256 ** i) % 256;
}

function write(writer: Writer, item: RlpItem): void {
  if (isList(item)) {
    writeHead(writer, LIST, writer.lengths[writer.list++]!);
    for (const inner of item) write(writer, inner);
    return;
  }
  if (item.length !== 1 || item[0]! >= STRING) writeHead(writer, STRING, item.length);
  writer.out.set(item, writer.at);
  writer.at += item.length;
}

/** The one encoding of an item. */
export function encodeRlp(item: RlpItem): Uint8Array {
  const lengths: number[] = [];
  const writer: Writer = { out: new Uint8Array(measure(item, lengths)), lengths, at: 0, list: 0 };
  write(writer, item);
  return writer.out;
}

type Reader = { readonly bytes: Uint8Array; at: number; items: number };

/** Length behind a head byte, `offset` being that of an empty string or list. */
function readLength(reader: Reader, head: number, offset: number, end: number): number {
  const short = head - offset;
  let length = short;
  if (short > SHORT) {
    const count = short - SHORT;
    if (count > MAX_LENGTH_BYTES) throw malformed('a length has too many bytes');
    if (reader.at + count > end) throw malformed('it ends within a length');
    if (reader.bytes[reader.at] === 0) throw malformed('a length begins with a zero');
    length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + reader.bytes[reader.at++]!;
    if (length <= SHORT) throw malformed('a short length is written as a long one');
  }
  if (reader.at + length > end) throw malformed('an item reaches beyond its end');
  return length;
}

function read(reader: Reader, end: number, depth: number): RlpItem {
  if (reader.items-- === 0) throw malformed('it has too many items');
  const head = reader.bytes[reader.at++]!;
  if (head < STRING) return reader.bytes.subarray(reader.at - 1, reader.at);
  if (head < LIST) {
    const length = readLength(reader, head, STRING, end);
    const value = reader.bytes.subarray(reader.at, reader.at + length);
    if (length === 1 && value[0]! < STRING) throw malformed('a small byte has a length before it');
    reader.at += length;
    return value;
  }
  if (depth === 0) throw malformed('its lists are nested too deeply');
  const stop = readLength(reader, head, LIST, end) + reader.at;
  const items: RlpItem[] = [];
  while (reader.at < stop) items.push(read(reader, stop, depth - 1));
  return items;
}

/**
 * The item that bytes stand for. Strings are views of `bytes`, not copies.
 * @throws PalisadeError `formats/malformed` for a second form, for bytes left over, and beyond the bounds
 */
export function decodeRlp(bytes: Uint8Array, bounds: RlpBounds): RlpItem {
  if (bytes.length === 0) throw malformed('there are none');
  if (bytes.length > bounds.maxBytes)
    throw malformed(`${bytes.length} are more than the ${bounds.maxBytes} that are taken`);
  const reader: Reader = { bytes, at: 0, items: bounds.maxItems };
  const item = read(reader, bytes.length, bounds.maxDepth);
  if (reader.at !== bytes.length) throw malformed('bytes are left over');
  return item;
}
