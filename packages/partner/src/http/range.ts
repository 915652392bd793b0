/** The Range header (RFC 9110, 14.1.2): one range of bytes. */

/** Bytes `from` (included) to `to` (excluded). */
export type ByteRange = { readonly from: number; readonly to: number };

/** 15 digits stay below 2^53. */
const ONE_RANGE = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/;

/**
 * The range that is asked for: `whole` for none, for several, and for what is no range of bytes
 * (all of which may be ignored), `unsatisfiable` for one that lies outside.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first, last, suffix] = ONE_RANGE.exec(header ?? '') ?? [];
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size);
    return length === 0 ? 'unsatisfiable' : { from: size - length, to: size };
  }
  if (first === undefined) return 'whole';
  const from = Number(first);
  const end = last === '' || last === undefined ? size - 1 : Number(last);
  if (last !== '' && end < from) return 'whole'; // not a valid range: ignored
  if (from >= size) return 'unsatisfiable';
  return { from, to: Math.min(end + 1, size) };
}
