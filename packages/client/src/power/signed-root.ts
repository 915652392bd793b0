/** Which block has the root of a store while seats were drawn: what validators tell of it, checked. */
import { type RootsInBlock, type SignedRoot, signedRoot } from '@palisade/chain/schema';
import { byteList, bytes32, isRefusal } from '@palisade/core';
import type { ChainClient } from '../base/chain-client.ts';
import { clientError } from '../base/errors.ts';
import { orNothing } from '../base/requests.ts';
import { listOf, object, plainText, whole } from '../base/shapes.ts';

/** A chain has some ten stores. */
const MAX_STORES = 64;
const MAX_NAME = 64;
const MAX_VALIDATORS = 64;
/** A header has some 500 bytes, a commit 111 for each validator. */
const MAX_BYTES = 16_384;

const rootsReader = object({
  height: whole,
  roots: listOf(object({ name: plainText(MAX_NAME), root: bytes32 }), MAX_STORES),
});
const commitReader = object({
  header: byteList(MAX_BYTES),
  commit: byteList(MAX_BYTES),
  validators: listOf(object({ publicKey: bytes32, power: whole }), MAX_VALIDATORS),
});

/**
 * The root that a store had while seats were drawn in a session; undefined while the next block is not
 * there, and when no validator has kept it.
 *
 * @throws PalisadeError `client/bad-answer` for what `signedRoot` refuses
 */
export async function signedRootOf(
  chain: Pick<ChainClient, 'ask'>,
  store: string,
  session: bigint,
): Promise<SignedRoot | undefined> {
  const what = `the block that the draw of session ${session} stands in`;
  const asked = { path: `/v1/draws/${session}/roots`, reader: rootsReader };
  const found = (await orNothing(chain.ask(asked, { what })))?.[0]?.value;
  if (!found) return undefined;
  const path = `/v1/commits/${found.height + 1n}`;
  const next = await orNothing(chain.ask({ path, reader: commitReader }, { what }));
  return next && checked(store, { ...found, ...next[0]!.value });
}

function checked(store: string, told: RootsInBlock): SignedRoot {
  const block = signedRoot(store, told);
  if (isRefusal(block)) throw clientError('client/bad-answer', block.message, { next: block.next });
  return block;
}
