/** Judging a downloaded block without holding up everything else: its signatures are most of the work. */
import { concat, equalBytes, toBinaryString } from '@palisade/core';
import {
  type ChildBlock,
  EMPTY_SUBTREES,
  type ExpectedBlock,
  type InvalidBlock,
  type Judging,
  judgeBlock,
  type Outputs,
  openTransaction,
  type ReceivedBlock,
  TREE_DEPTH,
} from '@palisade/payments';

/** Transactions between two pauses: 250 signatures take some 20 ms. */
const CHUNK = 250;

/** As `judgeBlock`, with pauses in which others get their turn. */
export async function judgeGently(
  { domain, recover }: Judging,
  outputs: Outputs,
  expected: ExpectedBlock,
  received: ReceivedBlock,
): Promise<ChildBlock | InvalidBlock> {
  const known = new Map<string, Uint8Array | undefined>();
  const remembering = (digest: Uint8Array, signature: Uint8Array) => {
    const key = toBinaryString(concat(digest, signature));
    if (!known.has(key)) known.set(key, recover(digest, signature));
    return known.get(key);
  };
  for (let at = 0; at < received.transactions.length; at += CHUNK) {
    for (const bytes of received.transactions.slice(at, at + CHUNK))
      openTransaction(domain, bytes, remembering);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return judgeBlock({ domain, recover: remembering }, outputs, expected, received);
}

/**
 * The block under the number that it was asked for by. Empty blocks share one root, so that whoever is asked by the
 * root may answer with another one of them.
 */
export function numbered(expected: ExpectedBlock, received: ReceivedBlock): ReceivedBlock {
  const isEmpty = received.transactions.length === 0;
  if (!isEmpty || !equalBytes(received.hash, EMPTY_SUBTREES[TREE_DEPTH]!)) return received;
  return { ...received, number: expected.number };
}
