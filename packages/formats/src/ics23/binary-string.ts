/**
 * The tree keeps keys, values and hashes as binary strings (core/bytes) for two reasons: 32 bytes
 * take 48 bytes of memory where a Uint8Array takes about 200, and `<` on such strings is exactly the
 * order of unsigned bytes.
 */
export { fromBinaryString, toBinaryString } from '@palisade/core';

/** Writes the bytes of a binary string at `offset` and returns the offset behind them. */
export function writeBinaryString(target: Uint8Array, offset: number, text: string): number {
  for (let i = 0; i < text.length; i++) target[offset + i] = text.charCodeAt(i);
  return offset + text.length;
}
