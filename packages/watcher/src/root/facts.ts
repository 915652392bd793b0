/**
 * What happened on the root chain, as far as a watcher cares: the events of framework, vaults and exit game, in the
 * strict order of block and log. Everything that the watcher believes follows from these facts and from
 * the bodies of child blocks; so they are kept, and replayed at every start.
 */
import { fromHex, PalisadeError, parseExactJson } from '@palisade/core';
import * as z from 'zod';

/** 27 MB of calldata would not fit into a block of the root chain: 128 KiB are more than any event has. */
const MAX_HEX = 2 + 2 * 131_072;

const bytes = z
  .string()
  .max(MAX_HEX)
  .regex(/^0x(?:[0-9a-f]{2})*$/)
  .transform(fromHex);
const sized = (length: number) =>
  bytes.refine((value) => value.length === length, `must have ${length} bytes`);
const uint = z.bigint().min(0n);
/** Numbers that stay far below 2^53. */
const count = uint.max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number);
const fewBytes = z.array(bytes).max(5);

const EVENTS = [
  event('DepositCreated', { depositor: sized(20), blknum: count, token: sized(20), amount: uint }),
  // Root and time are not in the event; whoever reads it asks the contract for them.
  event('BlockSubmitted', { blknum: count, root: sized(32), seconds: count }),
  event('ExitStarted', { owner: sized(20), exitId: uint, utxoPos: uint, outputTx: bytes }),
  event('ExitQueued', { exitId: uint, priority: uint }),
  event('ExitChallenged', { utxoPos: uint }),
  event('ExitFinalized', { exitId: uint }),
  event('ExitOmitted', { exitId: uint }),
  event('InFlightExitStarted', {
    initiator: sized(20),
    txHash: sized(32),
    inFlightTx: bytes,
    inputUtxosPos: z.array(uint).max(5),
    inFlightTxWitnesses: fewBytes,
    inputTxs: fewBytes,
    // Time of its block: the first phase counts from it.
    seconds: count,
  }),
  event('InFlightExitInputPiggybacked', {
    exitTarget: sized(20),
    txHash: sized(32),
    inputIndex: count,
  }),
  event('InFlightExitOutputPiggybacked', {
    exitTarget: sized(20),
    txHash: sized(32),
    outputIndex: count,
  }),
  event('InFlightExitChallenged', {
    challenger: sized(20),
    txHash: sized(32),
    challengeTxPosition: uint,
    inFlightTxInputIndex: count,
    challengeTx: bytes,
    challengeTxInputIndex: count,
    challengeTxWitness: bytes,
  }),
  event('InFlightExitChallengeResponded', {
    challenger: sized(20),
    txHash: sized(32),
    challengeTxPosition: uint,
  }),
  event('InFlightExitInputBlocked', {
    challenger: sized(20),
    txHash: sized(32),
    inputIndex: count,
  }),
  event('InFlightExitOutputBlocked', {
    challenger: sized(20),
    txHash: sized(32),
    outputIndex: count,
  }),
  event('InFlightExitInputWithdrawn', { exitId: uint, inputIndex: count }),
  event('InFlightExitOutputWithdrawn', { exitId: uint, outputIndex: count }),
  event('InFlightExitFinalized', { exitId: uint }),
  event('InFlightExitDeleted', { exitId: uint }),
  event('InFlightExitOmitted', { exitId: uint, token: sized(20) }),
  // No event of the contracts: one of them of which nobody here can say what it is about.
  event('Unreadable', {
    of: z.enum(['ExitStarted', 'InFlightExitStarted', 'InFlightExitChallenged']),
    // As it was told: numbers, and hex of a word at most.
    args: z.record(z.string().max(40), z.union([uint, z.string().max(66)])),
  }),
] as const;

const eventSchema = z.discriminatedUnion('name', EVENTS);
const factSchema = z.object({
  /** Height of the root-chain block. */
  height: count,
  /** Place among the logs of the block. */
  index: count,
  txHash: sized(32),
  event: eventSchema,
});

export type RootEvent = z.output<typeof eventSchema>;
export type RootFact = z.output<typeof factSchema>;
export type FactOf<N extends RootEvent['name']> = RootFact & {
  readonly event: Extract<RootEvent, { name: N }>;
};
export const FACT_NAMES: readonly RootEvent['name'][] = EVENTS.map(({ shape }) => shape.name.value);

/**
 * Reads a fact from plain values: hex in small letters for bytes, bigints for numbers.
 * @throws PalisadeError `watcher/bad-fact`
 */
export function readFact(plain: unknown): RootFact {
  const read = factSchema.safeParse(plain);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new PalisadeError({
    code: 'watcher/bad-fact',
    message: `The root chain's answer is no event of ours: ${issue?.path.join('.')} ${issue?.message}.`,
    retry: 'later',
    next: 'Ask another node of the root chain, and check --framework and --dialect.',
  });
}

/** Reads a fact from the text that it is kept as. @throws PalisadeError */
export function parseFact(text: string): RootFact {
  return readFact(parseExactJson(text));
}

function event<N extends string, S extends z.core.$ZodLooseShape>(name: N, shape: S) {
  return z.object({ name: z.literal(name), ...shape });
}
