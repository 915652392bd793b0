/** The text of an HTTP answer, whoever sends it. */

/** Undefined when it has more bytes than it may; the rest is not read then. */
export async function readBounded(
  response: Response,
  maxBytes: number,
): Promise<string | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > maxBytes) return undefined; // leaving the loop ends the connection
    parts.push(part);
  }
  return Buffer.concat(parts, length).toString('utf8');
}
