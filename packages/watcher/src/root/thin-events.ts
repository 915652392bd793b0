/**
 * What events of older contracts leave out stands in the call that emitted them. It is read from the transaction, or,
 * when another contract made the call, from a trace of it; and believed only where the event confirms it.
 */
import { fromHex, PalisadeError, toHex } from '@palisade/core';
import { type Dialect, hashOf, placeOf, positionOf, standardExitId } from '@palisade/payments';
import type { Rpc } from '@palisade/rootchain';
import { type Abi, decodeFunctionData, type Hex } from 'viem';
import * as z from 'zod';
import { NOT_INCLUDED } from '../exits/records.ts';
import type { RootEvent } from './facts.ts';

type Members = Readonly<Record<string, unknown>>;

/** The call that emits an event, and what of it the event can leave out. */
type EmittingCall = {
  readonly functionName: string;
  /** Members of the event, with their names among the arguments. */
  readonly members: Readonly<Record<string, string>>;
  /** Whether arguments are those of the very call that emitted an event, of which some members are there. */
  readonly emitted: (dialect: Dialect, event: Members, args: Members) => boolean;
};

const bytesOf = (value: unknown) => fromHex((value as string).toLowerCase());
const isOfTx = (event: Members, raw: unknown) => toHex(hashOf(bytesOf(raw))) === event.txHash;

export const EMITTING_CALLS = {
  ExitStarted: {
    functionName: 'startStandardExit',
    members: { utxoPos: 'utxoPos', outputTx: 'rlpOutputTx' },
    emitted: (dialect, { exitId }, { rlpOutputTx, utxoPos }) =>
      standardExitId(dialect, bytesOf(rlpOutputTx), utxoPos as bigint) === exitId,
  },
  InFlightExitStarted: {
    functionName: 'startInFlightExit',
    members: {
      inFlightTx: 'inFlightTx',
      inputUtxosPos: 'inputUtxosPos',
      inFlightTxWitnesses: 'inFlightTxWitnesses',
      inputTxs: 'inputTxs',
    },
    emitted: (_, event, { inFlightTx }) => isOfTx(event, inFlightTx),
  },
  InFlightExitChallenged: {
    functionName: 'challengeInFlightExitNotCanonical',
    members: {
      inFlightTxInputIndex: 'inFlightTxInputIndex',
      challengeTx: 'competingTx',
      challengeTxInputIndex: 'competingTxInputIndex',
      challengeTxWitness: 'competingTxWitness',
    },
    emitted: (_, event, { inFlightTx, competingTxPos }) =>
      isOfTx(event, inFlightTx) &&
      placeOfTx(competingTxPos) === placeOfTx(event.challengeTxPosition),
  },
} as const satisfies { readonly [N in RootEvent['name']]?: EmittingCall };

export type ThinName = keyof typeof EMITTING_CALLS;

/** Place of a transaction, whatever output of it is named; 0 stands for none in calls. */
function placeOfTx(position: unknown): bigint {
  if (position === 0n || position === NOT_INCLUDED) return NOT_INCLUDED;
  return positionOf({ ...placeOf(position as bigint), oindex: 0 });
}

/** Whether a dialect's event leaves out what exits are judged by. */
export function isThin({ events }: Dialect, name: string): name is ThinName {
  return events.thin.includes(name) && Object.hasOwn(EMITTING_CALLS, name);
}

const hex = z
  .string()
  .regex(/^0x[0-9a-fA-F]*$/)
  .max(2 + 2 * 131_072)
  .transform((text) => text.toLowerCase() as Hex);
const address = z.string().length(42).pipe(hex);
/** Null where the node does not know it: blocks were taken back, or it keeps no index of old ones. */
const transaction = z.object({ to: address.nullish(), input: hex, hash: hex }).nullable();
/** A trace by geth's callTracer: what reverted has an error, with all that it called. */
type Frame = {
  readonly type: string;
  readonly to?: string | undefined;
  readonly input: Hex;
  readonly error?: string | undefined;
  readonly calls?: readonly Frame[] | undefined;
};
const frame: z.ZodType<Frame> = z.lazy(() =>
  z.object({
    type: z.string().max(32),
    to: address.optional(),
    input: hex,
    error: z.string().optional(),
    calls: z.array(frame).max(10_000).optional(),
  }),
) as z.ZodType<Frame>;

export type ThinLog = {
  readonly name: ThinName;
  /** As facts are read: hex in small letters, numbers as bigints. */
  readonly args: Members;
  /** Hash of its transaction. */
  readonly transaction: Hex;
};

export type CallReader = {
  /** A question, asked until it is answered. */
  readonly ask: Rpc['ask'];
  readonly dialect: Dialect;
  readonly exitGame: { readonly address: string; readonly abi: Abi };
};

/**
 * The members that an event leaves out. Undefined when its call was made by another contract and the node does not
 * trace, or when no call fits: then nobody can say what the event is about.
 */
export async function readCall(reader: CallReader, log: ThinLog): Promise<Members | undefined> {
  const sent = await reader.ask({
    ...{ method: 'eth_getTransactionByHash', params: [log.transaction], result: transaction },
  });
  const direct =
    sent && membersOf(reader, log, [{ type: 'CALL', to: sent.to ?? '', input: sent.input }]);
  return direct ?? membersOf(reader, log, await callsOf(reader, log.transaction));
}

/** All calls of a transaction that took effect; none where the node does not trace. */
async function callsOf({ ask }: CallReader, hash: Hex): Promise<readonly Frame[]> {
  const params = [hash, { tracer: 'callTracer' }];
  try {
    const all = await ask({ method: 'debug_traceTransaction', params, result: frame });
    return flat(all);
  } catch (error) {
    if (error instanceof PalisadeError && error.retry === 'never') return [];
    throw error;
  }
}

function flat(one: Frame): readonly Frame[] {
  if (one.error !== undefined) return [];
  return [one, ...(one.calls ?? []).flatMap(flat)];
}

/** What the one call that emitted the event says; undefined when there is none, or more than one. */
function membersOf(
  { dialect, exitGame }: CallReader,
  { name, args: event }: ThinLog,
  calls: readonly Frame[],
): Members | undefined {
  const { functionName, members, emitted } = EMITTING_CALLS[name];
  const found = calls.flatMap(({ type, to, input }) => {
    if (type !== 'CALL' || to !== exitGame.address.toLowerCase()) return [];
    const args = argumentsOf(exitGame.abi, functionName, input);
    return args && emitted(dialect, event, args) ? [args] : [];
  });
  const [only] = found;
  if (!only || found.length > 1) return undefined;
  return Object.fromEntries(
    Object.entries(members).map(([member, argument]) => [member, only[argument]]),
  );
}

function argumentsOf(abi: Abi, functionName: string, data: Hex): Members | undefined {
  try {
    const decoded = decodeFunctionData({ abi, data });
    if (decoded.functionName !== functionName) return undefined;
    return decoded.args?.[0] as Members;
  } catch {
    return undefined; // another call
  }
}
