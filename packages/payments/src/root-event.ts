/**
 * What happens on the root chain, as validators report it: in the order of its logs, numbered from 0, once
 * it is `depositMargin` blocks deep. What more than two thirds of the votes report alike under the next
 * number is taken as true.
 */
import { activeValidators, type BlockContext, bytesKey, collection, u64Key } from '@palisade/chain';
import {
  address,
  bytes32,
  concat,
  encode,
  type Infer,
  type KeyValueReader,
  list,
  record,
  toBinaryString,
  u8,
  u64,
  u128,
} from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import { credited, exitPaid, outputFreed, outputLocked, unbackedExit } from './events.ts';
import { numberOf, WORD_LIMIT } from './format/integers.ts';
import { OUTPUT_TYPE } from './format/transaction.ts';
import { params } from './params.ts';
import { addToTotal, create, exiting, outputAt, remove, totalOf } from './state.ts';
import { noteSubmission } from './submitters.ts';

/** What can happen there, as far as payments care. */
export const ROOT_EVENT = {
  /** A deposit: its output is credited. */
  deposit: 1,
  /** An exit of outputs began, standard or in flight: they cannot be spent meanwhile. */
  exitStarted: 2,
  /** An exit ended without paying them: challenged, omitted, deleted. */
  exitEnded: 3,
  /** An exit of one output was paid. */
  exitPaid: 4,
  /** The root of a child block was taken; who brought it is owed the gas. */
  rootSubmitted: 5,
} as const;

/** Outputs that one event names at most: the inputs of an in-flight exit. */
const MAX_POSITIONS = 5;

/** One thing that happened, as validators report it. */
export const rootEvent = record('RootEvent', {
  kind: u8.is('1 deposit, 2 exit started, 3 exit ended, 4 exit paid, 5 root submitted'),
  positions: list(u128, MAX_POSITIONS),
  owner: address.is('Of a deposit or of what was paid; or who submitted'),
  token: address,
  amount: bytes32.is('Base units that were deposited or paid, or wei of gas; big-endian'),
});
/** Its values. */
export type RootEvent = Infer<typeof rootEvent>;

const store = 'payments';
/** Number of the next event to agree on. */
export const nextEvent = collection({ store, name: 'next-event', key: [], value: u64 });
/**
 * All that was agreed on, as one hash: `digestAfter` each event. Whoever reads the root chain again can tell by it whether
 * that is still the one on which validators agreed.
 */
export const agreed = collection({ store, name: 'agreed', key: [], value: bytes32 });
/** `agreed` before the first event. */
export const NOTHING_AGREED = new Uint8Array(32);

/** The hash of what was agreed on, with one more event. */
export function digestAfter(before: Uint8Array, event: RootEvent): Uint8Array {
  return keccak256(concat(before, encode(rootEvent, event)));
}

/** What validators say of an event: a hash by number and node key. */
const reports = collection({
  store,
  name: 'report',
  key: [u64Key, bytesKey(32)],
  value: bytes32,
});
/** What the hashes stand for. */
const reported = collection({
  store,
  name: 'reported',
  key: [u64Key, bytesKey(32)],
  value: rootEvent,
});

/** Notes what a validator says; a later word of its replaces the one before, as long as nothing is agreed. */
export function noteReport(
  { state }: BlockContext,
  nodeKey: Uint8Array,
  number: bigint,
  event: RootEvent,
): void {
  const hash = keccak256(encode(rootEvent, event));
  const before = reports.get(state, number, nodeKey);
  reports.set(state, [number, nodeKey], hash);
  reported.set(state, [number, hash], event);
  if (before && !isReported(state, number, before)) reported.delete(state, number, before);
}

function isReported(state: KeyValueReader, number: bigint, hash: Uint8Array): boolean {
  const key = toBinaryString(hash);
  for (const [, other] of reports.list(state, number))
    if (toBinaryString(other) === key) return true;
  return false;
}

/** The event that more than two thirds of the votes report under a number. */
function agreedOn({ state }: BlockContext, number: bigint): RootEvent | undefined {
  let total = 0n;
  const weights = new Map<string, bigint>();
  for (const { nodeKey, validator } of activeValidators(state)) {
    total += validator.weight;
    const hash = reports.get(state, number, nodeKey);
    if (!hash) continue;
    const key = toBinaryString(hash);
    const weight = (weights.get(key) ?? 0n) + validator.weight;
    weights.set(key, weight);
  }
  for (const [[, hash], event] of reported.list(state, number))
    if (3n * (weights.get(toBinaryString(hash)) ?? 0n) > 2n * total) return event;
  return undefined;
}

/** Does what is agreed, in order, up to the first number that is not. */
export function applyAgreed(ctx: BlockContext): void {
  const { state } = ctx;
  const first = nextEvent.need(state);
  const end = first + BigInt(params.need(state).maxAhead);
  let number = first;
  for (; number < end; number++) {
    const event = agreedOn(ctx, number);
    if (!event) break;
    for (const [key] of [...reports.list(state, number)]) reports.delete(state, ...key);
    for (const [key] of [...reported.list(state, number)]) reported.delete(state, ...key);
    APPLY[event.kind]?.(ctx, event);
    agreed.set(state, [], digestAfter(agreed.need(state), event));
  }
  if (number > first) nextEvent.set(state, [], number);
}

type Apply = (ctx: BlockContext, event: RootEvent) => void;

const APPLY: Readonly<Record<number, Apply>> = {
  [ROOT_EVENT.deposit](ctx, { positions, owner, token, amount: word }) {
    const [position] = positions;
    const amount = numberOf(word);
    if (position === undefined || outputAt(ctx.state, position)) return;
    // A token that claims to have moved more than a word can count: its owner can still exit.
    if (totalOf(ctx.state, token, 'deposited') + amount >= WORD_LIMIT) return;
    create(ctx.state, position, { type: OUTPUT_TYPE.payment, owner, token, amount });
    addToTotal(ctx.state, token, 'deposited', amount);
    ctx.emit(credited, { position, owner, token, amount: word });
  },
  [ROOT_EVENT.exitStarted](ctx, { positions }) {
    for (const position of positions) {
      // What is spent cannot be kept from being spent: the exit is for watchers to challenge.
      if (!outputAt(ctx.state, position)) continue;
      exiting.set(ctx.state, [position], (exiting.get(ctx.state, position) ?? 0) + 1);
      ctx.emit(outputLocked, { position });
    }
  },
  [ROOT_EVENT.exitEnded](ctx, { positions }) {
    for (const position of positions) {
      const open = exiting.get(ctx.state, position);
      if (open === undefined) continue;
      if (open > 1) exiting.set(ctx.state, [position], open - 1);
      else {
        exiting.delete(ctx.state, position);
        ctx.emit(outputFreed, { position });
      }
    }
  },
  [ROOT_EVENT.exitPaid](ctx, { positions, owner, token, amount: word }) {
    const [position] = positions;
    if (position === undefined) return;
    const output = outputAt(ctx.state, position);
    if (!output) {
      const unbacked = totalOf(ctx.state, token, 'unbacked') + numberOf(word);
      if (unbacked < WORD_LIMIT) addToTotal(ctx.state, token, 'unbacked', numberOf(word));
      ctx.emit(unbackedExit, { position, owner, token, amount: word });
      return;
    }
    remove(ctx.state, position);
    exiting.delete(ctx.state, position);
    addToTotal(ctx.state, output.token, 'exited', output.amount);
    ctx.emit(exitPaid, { position, owner, token, amount: word });
  },
  [ROOT_EVENT.rootSubmitted]({ state }, { owner, amount: gasPrice }) {
    noteSubmission(state, params.need(state), owner, numberOf(gasPrice));
  },
};
