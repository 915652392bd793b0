/**
 * Evidence: all that is needed to convince somebody who trusts neither the watcher nor the operator, in one JSON document. The
 * checker is offline; what only the root chain can say (a block's root, that an exit is open) is
 * named, so that the reader can ask any node for it.
 */
import { fromHex, PalisadeError, parseExactJson } from '@palisade/core';
import * as z from 'zod';

/** A full block in hex, and its frame. */
export const MAX_EVIDENCE_BYTES = 150 * 1024 * 1024;

const hex = z
  .string()
  .regex(/^0x(?:[0-9a-f]{2})*$/)
  .transform(fromHex);
const count = z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number);

/** A transaction in a block, by its raw bytes. */
const proven = z.object({
  raw: hex,
  position: z.bigint().describe('of any of its outputs'),
  proof: hex,
  root: hex.describe('of its block: blocks(number) of the framework'),
});
/** Inputs of a full block. */
const MAX_INPUTS = 5 * 65_536;
const place = z.object({ framework: hex, dialect: z.enum(['v1', 'v2']) });

const invalidExit = z.object({
  ...{ kind: z.literal('invalid_exit'), place },
  exitId: z.bigint(),
  position: z.bigint(),
  owner: hex,
  /** Makes the output. */
  output: proven,
  spend: z.object({ raw: hex, input: count, signature: hex }),
  /** The child block that spends it, and at which root-chain heights exit and block came; null where none does. */
  included: z.object({ ...proven.shape, exitStartedAt: count, submittedAt: count }).nullable(),
});

const invalidBlock = z.object({
  ...{ kind: z.literal('invalid_block'), place, blknum: count, root: hex },
  /** What the child chain said that it hands out. */
  answered: z.object({ number: count, hash: hex }),
  /** All of the block, signed, as it was handed out. */
  transactions: z.array(hex).max(65_536),
  /** The one that is wrong; without it, the block as a whole is. */
  txindex: count.nullable(),
  /**
   * What is at the positions that count: the transaction there, or `UNUSED_LEAF` where the block has none. A
   * position of no block at all is left out.
   */
  made: z.array(proven).max(MAX_INPUTS),
  /** Inputs that left by an exit that was paid. */
  left: z.array(z.bigint()).max(MAX_INPUTS),
  /** An older transaction that spends one of the inputs. */
  earlier: z.object({ ...proven.shape, input: count }).nullable(),
});

const withheldBlock = z.object({
  ...{ kind: z.literal('withheld_block'), place, blknum: count, root: hex },
  /** When it was first asked for in vain, and how often since; ms since 1970. */
  sinceMs: count,
  tries: count,
});

const evidenceSchema = z.discriminatedUnion('kind', [invalidExit, invalidBlock, withheldBlock]);

export type Evidence = z.output<typeof evidenceSchema>;
export type InvalidExitEvidence = z.output<typeof invalidExit>;
export type InvalidBlockEvidence = z.output<typeof invalidBlock>;
export type WithheldBlockEvidence = z.output<typeof withheldBlock>;
export type ProvenTx = z.output<typeof proven>;

/** Reads a document. @throws PalisadeError `watcher/bad-evidence` */
export function parseEvidence(text: string): Evidence {
  const read = evidenceSchema.safeParse(parseExactJson(text));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new PalisadeError({
    code: 'watcher/bad-evidence',
    message: `This is no evidence of a watcher: ${issue?.path.join('.')} ${issue?.message}.`,
  });
}
