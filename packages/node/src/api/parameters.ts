/** Reading what stands in paths and queries: anything else than what is wanted is refused. */
import { fromHex, PalisadeError } from '@palisade/core';
import type { Context } from 'hono';

/** Bytes of ids, as `0x` hex in a path. */
export const ID_BYTES = 32;

/** @throws PalisadeError `api/bad-height` */
export function parseHeight(text: string, latest: bigint): bigint {
  if (text === 'latest') return latest;
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new PalisadeError({
    code: 'api/bad-height',
    message: `'${text.slice(0, 30)}' is not a block height: use a number or 'latest'.`,
  });
}

/** @throws PalisadeError `api/bad-session` */
export function sessionParameter(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new PalisadeError({
    code: 'api/bad-session',
    message: `'${text.slice(0, 30)}' is not the number of a session.`,
  });
}

/** A whole number from a query; undefined when it is not given. @throws PalisadeError `api/bad-number` */
export function wholeParameter(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,38}$/.test(text)) return BigInt(text);
  throw new PalisadeError({
    code: 'api/bad-number',
    message: `'${text.slice(0, 30)}' is not a whole number.`,
  });
}

/** Bytes of a hex parameter. @throws PalisadeError `core/bad-hex`, `api/bad-id` */
export function hexParameter(text: string, length = ID_BYTES): Uint8Array {
  const bytes = fromHex(text);
  if (bytes.length === length) return bytes;
  throw new PalisadeError({
    code: 'api/bad-id',
    message: `'${text.slice(0, 20)}…' has ${bytes.length} bytes; ${length} are wanted.`,
  });
}

/** The bytes of a body; the server has bounded them. */
export async function bodyOf(c: Context): Promise<Uint8Array> {
  return new Uint8Array(await c.req.arrayBuffer());
}
