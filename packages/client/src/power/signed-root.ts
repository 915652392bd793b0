/** Which block has the root of a store while seats were drawn: what validators tell of it, checked. */
import { type RootsInBlock, type SignedRoot, signedRoot } from '@palisade/chain/schema';
import { byteList, bytes32, equalBytes, isRefusal, PalisadeError } from '@palisade/core';
import type { ChainClient } from '../base/chain-client.ts';
import { requestJson } from '../base/http.ts';
import { type Answer, type Call, reach } from '../base/reach.ts';
import { orNothing } from '../base/requests.ts';
import { listOf, object, plainText, type Reader, whole } from '../base/shapes.ts';

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
 * there, and when no validator has kept it. A validator is asked for the roots and for the block that proves
 * them as one, so that what is wrong in either is its own fault, and the next one is asked for both.
 *
 * @param block hash of the block that is trusted: those who kept the root in another one are passed over while
 * somebody may have it in this one
 * @throws PalisadeError `client/unreachable` where all that is told is wrong
 */
export async function signedRootOf(
  { context }: Pick<ChainClient, 'context'>,
  store: string,
  session: bigint,
  block?: Uint8Array,
): Promise<SignedRoot | undefined> {
  const what = `the block that the draw of session ${session} stands in`;
  const isWanted = ({ value }: Answer<SignedRoot>) => !block || equalBytes(value.blockHash, block);
  let given: readonly Answer<SignedRoot>[] = [];
  const enough = (answers: typeof given) => {
    given = answers;
    return answers.some(isWanted);
  };
  const call: Call<SignedRoot> = async ({ url }, signal) => {
    const read = <T>(path: string, reader: Reader<T>) =>
      requestJson(context.env, { url: `${url}${path}`, signal }, reader);
    const found = await read(`/v1/draws/${session}/roots`, rootsReader);
    return read(`/v1/commits/${found.height + 1n}`, proofOf(store, found));
  };
  await orNothing(reach(context, call, { what, enough })).catch((error) => {
    if (given.length === 0) throw error;
  });
  return (given.find(isWanted) ?? given[0])?.value;
}

/** Reads a signed block, and refuses one whose header does not have the roots. */
function proofOf(store: string, found: Pick<RootsInBlock, 'height' | 'roots'>): Reader<SignedRoot> {
  return {
    fromJson(json, path) {
      const block = signedRoot(store, { ...found, ...commitReader.fromJson(json, path) });
      if (isRefusal(block)) throw PalisadeError.from(block);
      return block;
    },
  };
}
