/** Reading what a stranger's server answers: never more than was expected. */

/** The body of an answer; undefined when it is longer than `most` bytes. */
export async function readBounded(
  { body }: Response,
  most: number,
): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length;
    // Leaving the loop cancels the rest.
    if (length > most) return undefined;
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts, length));
}
