/** Varints as Go's encoding/binary and protobuf write them: seven bits a byte, the lowest first. */

/** Writes a number of up to 2^53 at `offset` and returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let rest = value;
  let at = offset;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) + 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

/** The signed form (zigzag: 0, -1, 1, -2 become 0, 1, 2, 3) of a number that is never negative here. */
export function writeZigzag(target: Uint8Array, offset: number, value: number): number {
  return writeVarint(target, offset, value * 2);
}

/**
 * Reads a non-negative zigzag varint in its shortest form. Undefined for anything else, and beyond
 * 2^48, which counts more leaves than any tree has.
 */
export function readZigzag(
  source: Uint8Array,
  start: number,
): { readonly value: number; readonly end: number } | undefined {
  let raw = 0;
  let unit = 1;
  for (let at = start; at < source.length && at < start + MAX_VARINT_BYTES; at++) {
    const byte = source[at]!;
    raw += (byte & 0x7f) * unit;
    unit *= 0x80;
    if (byte >= 0x80) continue;
    const isShortest = byte !== 0 || at === start;
    return isShortest && raw % 2 === 0 ? { value: raw / 2, end: at + 1 } : undefined;
  }
  return undefined;
}

/** Seven bytes carry 49 bits: safe as a JavaScript number. */
const MAX_VARINT_BYTES = 7;
