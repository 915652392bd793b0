/** Judging a downloaded block without holding up everything else: its signatures are most of the work. */
import { equalBytes } from '@palisade/core';
import {
  type ChildBlock,
  EMPTY_SUBTREES,
  type ExpectedBlock,
  type InvalidBlock,
  type Judging,
  judgeInSteps,
  type Outputs,
  type ReceivedBlock,
  TREE_DEPTH,
} from '@palisade/payments';

/** Transactions between two pauses: 250 signatures take some 20 ms. */
const CHUNK = 250;

/** As `judgeBlock`, with pauses in which others get their turn. */
export async function judgeGently(
  judging: Judging,
  outputs: Outputs,
  expected: ExpectedBlock,
  received: ReceivedBlock,
): Promise<ChildBlock | InvalidBlock> {
  const steps = judgeInSteps(judging, outputs, expected, received);
  for (let taken = 1; ; taken++) {
    const { done, value } = steps.next();
    if (done) return value;
    if (taken % CHUNK === 0) await new Promise((resolve) => setImmediate(resolve));
  }
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
