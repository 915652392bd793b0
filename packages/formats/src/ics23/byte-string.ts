/**
 * Byte strings as JavaScript strings with one character (0 to 255) per byte. The tree keeps keys,
 * values and hashes in this form for two reasons: 32 bytes take 48 bytes of memory where a
 * Uint8Array takes about 200, and `<` on such strings is exactly the order of unsigned bytes.
 */

/** Arguments given to one `fromCharCode` call: far below what any engine's stack allows. */
const CHUNK_BYTES = 4096;

/** One character per byte. */
export function toByteString(bytes: Uint8Array): string {
  if (bytes.length <= CHUNK_BYTES) return charactersOf(bytes);
  let text = '';
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    text += charactersOf(bytes.subarray(start, start + CHUNK_BYTES));
  }
  return text;
}

function charactersOf(bytes: Uint8Array): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** The bytes again, in a new array that the caller may keep and change. */
export function fromByteString(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeByteString(bytes, 0, text);
  return bytes;
}

/** Writes the bytes at `offset` and returns the offset behind them. */
export function writeByteString(target: Uint8Array, offset: number, text: string): number {
  for (let i = 0; i < text.length; i++) target[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}
