/** Reading what a stranger's server answers: never more than was expected. */

/** The body of an answer; undefined when it has more than `maxBytes`: the rest is not read then. */
export async function readBounded(
  { body }: Response,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > maxBytes) return undefined; // leaving the loop ends the connection
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts, length));
}
