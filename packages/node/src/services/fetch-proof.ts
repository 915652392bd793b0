/**
 * Fetching a proof file from a miner. The address is one that a partner signed, so no redirect is
 * followed, and nothing but a file of exactly the wanted length is taken.
 */
import { toHex } from '@palisade/core';
import { readBounded } from '@palisade/daemon';

/** A MiB over a slow line; who needs longer serves nobody, ms. */
const FETCH_MS = 10_000;

/** The file's bytes; undefined when the miner did not give them, whatever the reason. */
export async function fetchProof(
  url: string,
  proof: Uint8Array,
  length: number,
): Promise<Uint8Array | undefined> {
  try {
    const response = await fetch(`${url}/v1/proofs/${toHex(proof)}`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(FETCH_MS),
    });
    if (response.status === 200) return await readBounded(response, length);
    await response.body?.cancel();
  } catch {
    // Not there, too slow, not HTTP: all the same to a validator.
  }
  return undefined;
}

/** Whether a base URL is one that can be asked: plain HTTP, no credentials, nothing behind the path. */
export function isAskable(url: string): boolean {
  try {
    const { protocol, username, password, search, hash } = new URL(url);
    return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === '';
  } catch {
    return false;
  }
}
