/** Transactions for wallets that pick no outputs themselves: made here, signed there, handed in as typed data. */
import { toHex } from '@palisade/core';
import { RpcFailure, type RpcMethod, rpcMethod } from '@palisade/daemon';
import {
  encodeSigned,
  encodeTransaction,
  isPosition,
  OUTPUT_TYPE,
  type Output,
  type Payment,
  type Placed,
  positionOf,
  signingDigest,
  TX_TYPE,
  typedDataOf,
} from '@palisade/payments';
import * as z from 'zod';
import { largestFirst } from '../wallet/pick.ts';
import type { Watch } from '../watch/watch.ts';
import { forward, gated, submit } from './payment-methods.ts';
import { address, bytesOf, hash, position, utxoOf } from './shapes.ts';

const NO_METADATA = new Uint8Array(32);
const amount = z
  .bigint()
  .min(0n)
  .max(2n ** 256n - 1n);
const positive = amount.min(1n);

/** Outputs of an owner that are looked at, the newest first: a question costs some ms at most. */
const MAX_COINS = 10_000;

/** Outputs of one owner, as they are picked. */
type Coin = Placed & { readonly amount: bigint };

export function createMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return {
    'transaction.create': rpcMethod(order, (params) => create(watch, params)),
    'transaction.merge': rpcMethod(z.union([mergeAll, mergeThese]), (params) =>
      merge(watch, params),
    ),
    'transaction.submit_typed': rpcMethod(typed, (params) =>
      gated(watch, () => submitTyped(watch, params)),
    ),
  };
}

const order = z.object({
  owner: address,
  payments: z
    .array(z.object({ owner: address.nullish(), currency: address, amount: positive }))
    .max(64),
  fee: z.object({ currency: address }),
  metadata: hash.nullish(),
});
type Order = z.output<typeof order>;

/** Outputs of an owner that no exit takes, as coins by their token. */
function coinsOf({ books, table }: Watch, owner: Uint8Array): ReadonlyMap<string, readonly Coin[]> {
  const coins = new Map<string, Coin[]>();
  let seen = 0;
  for (const placed of books.ledger.outputsOf(owner)) {
    if (++seen > MAX_COINS) break;
    if (table.standardAt(placed.position)?.status === 'open') continue;
    const token = toHex(placed.output.token);
    const coin = { ...placed, amount: placed.output.amount };
    const others = coins.get(token);
    if (others) others.push(coin);
    else coins.set(token, [coin]);
  }
  return coins;
}

const feeList = z.looseObject({
  '1': z
    .array(z.looseObject({ currency: z.string(), amount }))
    .max(1000)
    .default([]),
});

/** The fee of a payment in a token, or why there is none. */
async function feeIn(watch: Watch, currency: Uint8Array): Promise<bigint | RpcFailure> {
  const answer = await forward(watch, 'fees.all', {});
  if (answer instanceof RpcFailure) return answer;
  const fees = feeList.safeParse(answer).data?.['1'] ?? [];
  const found = fees.find((fee) => fee.currency.toLowerCase() === toHex(currency));
  if (found) return found.amount;
  return new RpcFailure('fee:currency_fee_not_supported', 'No fee can be paid in this token.');
}

async function create(watch: Watch, { owner, payments, fee, metadata }: Order): Promise<unknown> {
  const { maxOutputs, maxInputs } = watch.parts.dialect;
  const fail = (why: string, text: string, messages?: Readonly<Record<string, unknown>>) =>
    new RpcFailure(`transaction.create:${why}`, text, messages);
  if (payments.length === 0) return fail('empty_transaction', 'It pays nobody.');
  if (payments.length > maxOutputs) return fail('too_many_outputs', 'It has too many outputs.');
  if (payments.some((one) => one.owner && toHex(one.owner) === toHex(owner)))
    return fail('self_transaction_not_supported', 'To join outputs, merge them.');
  const feeAmount = await feeIn(watch, fee.currency);
  if (feeAmount instanceof RpcFailure) return feeAmount;
  const needs = new Map([[toHex(fee.currency), feeAmount]]);
  for (const { currency, amount: value } of payments)
    needs.set(toHex(currency), (needs.get(toHex(currency)) ?? 0n) + value);
  const coins = coinsOf(watch, owner);
  const picked = [...needs].map(([token, need]) => ({
    ...{ token, need },
    ...largestFirst(coins.get(token) ?? [], need),
  }));
  const missing = picked.filter(({ sum, need }) => sum < need);
  if (missing.length > 0) {
    const lacks = missing.map(({ token, sum, need }) => ({ token, missing: need - sum }));
    return fail('insufficient_funds', 'There is not enough.', { error: lacks });
  }
  const inputs = picked.flatMap((one) => one.picked);
  if (inputs.length > maxInputs) {
    const merges = picked.flatMap((one) => mergesOf(watch, one.picked));
    return { result: 'intermediate', transactions: merges };
  }
  addDust(inputs, coins, maxInputs);
  const tokens = [...needs].map(([token, need]) => [token, need] as const);
  const outputs = [
    ...payments.map((one) => outputTo(one.owner ?? undefined, one.currency, one.amount)),
    ...restsOf(inputs, tokens, owner),
  ];
  if (outputs.length > maxOutputs) return fail('too_many_outputs', 'It has too many outputs.');
  const told = { amount: feeAmount, currency: toHex(fee.currency) };
  const transaction = tell(watch, inputs, outputs, metadata ?? NO_METADATA, told);
  return { result: 'complete', transactions: [transaction] };
}

/** An output, whose owner a wallet may fill in later. */
type Draft = Omit<Output, 'owner'> & { readonly owner: Uint8Array | undefined };

function outputTo(owner: Uint8Array | undefined, token: Uint8Array, value: bigint): Draft {
  return { type: OUTPUT_TYPE.payment, owner, token, amount: value };
}

/** Fills free inputs with the smallest outputs of the same tokens: they are joined on the way. */
function addDust(
  inputs: Coin[],
  coins: ReadonlyMap<string, readonly Coin[]>,
  maxInputs: number,
): void {
  const used = new Set(inputs.map((coin) => coin.position));
  const tokens = new Set(inputs.map(({ output }) => toHex(output.token)));
  const free = [...tokens]
    .flatMap((token) => coins.get(token) ?? [])
    .filter((coin) => !used.has(coin.position))
    .sort((a, b) => (a.amount < b.amount ? -1 : 1));
  inputs.push(...free.slice(0, maxInputs - inputs.length));
}

/** What comes back to the owner, token by token. */
function restsOf(
  inputs: readonly Coin[],
  needs: readonly (readonly [token: string, need: bigint])[],
  owner: Uint8Array,
): readonly Draft[] {
  return needs.flatMap(([token, need]) => {
    const same = inputs.filter(({ output }) => toHex(output.token) === token);
    const rest = same.reduce((sum, coin) => sum + coin.amount, 0n) - need;
    return rest > 0n ? [outputTo(owner, same[0]!.output.token, rest)] : [];
  });
}

const FREE = { amount: 0n, currency: `0x${'00'.repeat(20)}` };

/** Payments that join outputs of one owner and token, as many as one takes at a time; they pay no fee. */
function mergesOf(watch: Watch, coins: readonly Coin[]): readonly unknown[] {
  const { maxInputs } = watch.parts.dialect;
  const merges: unknown[] = [];
  for (let at = 0; at + 1 < coins.length; at += maxInputs) {
    const inputs = coins.slice(at, at + maxInputs);
    const sum = inputs.reduce((total, coin) => total + coin.amount, 0n);
    const { owner, token } = inputs[0]!.output;
    merges.push(tell(watch, inputs, [outputTo(owner, token, sum)], NO_METADATA, FREE));
  }
  return merges;
}

/** A payment as wallets take it; without bytes while an owner is open. */
function tell(
  { parts }: Watch,
  inputs: readonly Coin[],
  outputs: readonly Draft[],
  metadata: Uint8Array,
  fee: { readonly amount: bigint; readonly currency: string },
) {
  const { domain } = parts.judging;
  const owned = outputs.filter((output): output is Output => output.owner !== undefined);
  const payment: Payment | undefined =
    owned.length < outputs.length
      ? undefined
      : {
          type: TX_TYPE.payment,
          inputs: inputs.map((coin) => coin.position),
          ...{ outputs: owned, metadata },
        };
  return {
    inputs: inputs.map(utxoOf),
    outputs: outputs.map(({ owner, token, amount: value }) => ({
      ...{ amount: value, currency: toHex(token), owner: owner ? toHex(owner) : null },
    })),
    fee,
    metadata: toHex(metadata),
    txbytes: payment ? toHex(encodeTransaction(payment)) : null,
    sign_hash: payment ? toHex(signingDigest(domain, payment)) : null,
    typed_data: payment ? typedDataOf(domain, payment) : null,
  };
}

const mergeAll = z.object({ address, currency: address });
const mergeThese = z.object({ utxo_positions: z.array(position).max(64) });

function merge(
  watch: Watch,
  params: z.output<typeof mergeAll> | z.output<typeof mergeThese>,
): unknown {
  const { maxInputs } = watch.parts.dialect;
  const fail = (why: string, text: string) => new RpcFailure(`merge:${why}`, text);
  if ('address' in params) {
    const coins = coinsOf(watch, params.address).get(toHex(params.currency)) ?? [];
    if (coins.length === 0) return fail('no_inputs_found', 'There are no outputs to join.');
    if (coins.length === 1) return fail('single_input', 'One output cannot be joined.');
    return { transactions: mergesOf(watch, coins) };
  }
  const { utxo_positions: positions } = params;
  if (new Set(positions).size < positions.length)
    return fail('duplicate_input_positions', 'An output is named twice.');
  if (positions.length === 1) return fail('single_input', 'One output cannot be joined.');
  if (positions.length > maxInputs) return fail('too_many_inputs', 'These are too many outputs.');
  const coins = positions.flatMap((at) => {
    const output = watch.books.ledger.get(at);
    return output ? [{ position: at, output, amount: output.amount }] : [];
  });
  if (coins.length === 0 || coins.length < positions.length)
    return fail('no_inputs_found', 'There is no such unspent output.');
  const differ = (of: (output: Output) => Uint8Array) =>
    new Set(coins.map(({ output }) => toHex(of(output)))).size > 1;
  if (differ(({ token }) => token)) return fail('multiple_currencies', 'Tokens differ.');
  if (differ(({ owner }) => owner)) return fail('multiple_input_owners', 'Owners differ.');
  return { transactions: mergesOf(watch, coins) };
}

const count = z.bigint().min(0n).max(BigInt(Number.MAX_SAFE_INTEGER)).transform(Number);
/** Wallets write integers of typed data as numbers or as text. */
const integer = z.union([
  z.bigint(),
  z
    .string()
    .regex(/^\d{1,78}$/)
    .transform(BigInt),
]);
const inputShape = z.object({
  blknum: integer.pipe(count),
  txindex: integer.pipe(count),
  oindex: integer.pipe(count),
});
const outputShape = z.object({
  outputType: integer.pipe(count),
  outputGuard: address,
  currency: address,
  amount: integer.pipe(amount),
});
/** More inputs or outputs no dialect has. */
const MOST = 8;
const numbered = <T>(name: string, shape: z.ZodType<T>) =>
  z.object(
    Object.fromEntries(Array.from({ length: MOST }, (_, i) => [`${name}${i}`, shape.optional()])),
  );
const lists = z.object({
  inputs: z.array(inputShape).max(MOST),
  outputs: z.array(outputShape).max(MOST),
});
const typed = z.object({
  domain: z.looseObject({ verifyingContract: address }),
  message: z
    .union([
      lists,
      z
        .intersection(numbered('input', inputShape), numbered('output', outputShape))
        .transform((members) => listsOf(members)),
    ])
    .and(z.object({ metadata: hash })),
  signatures: z.array(bytesOf(65)).max(MOST),
});

type Lists = z.output<typeof lists>;

/** Numbered members as lists; those that are empty stand for nothing. */
function listsOf(members: Readonly<Record<string, unknown>>): Lists {
  const all = (name: string) =>
    Array.from({ length: MOST }, (_, i) => members[`${name}${i}`]).filter(Boolean);
  return {
    inputs: (all('input') as Lists['inputs']).filter(({ blknum }) => blknum > 0),
    outputs: (all('output') as Lists['outputs']).filter((output) => output.amount > 0n),
  };
}

function submitTyped(
  watch: Watch,
  { domain, message, signatures }: z.output<typeof typed>,
): unknown {
  const action = 'submit_typed';
  const { parts } = watch;
  if (toHex(domain.verifyingContract) !== toHex(parts.judging.domain.framework))
    return new RpcFailure(`${action}:wrong_domain`, 'It is signed for other contracts.');
  const inputs = message.inputs.map(positionOf);
  if (inputs.some((at) => !isPosition(parts.dialect, at)))
    return new RpcFailure(`${action}:malformed_inputs`, 'An input is at no place.');
  const outputs = message.outputs.map(({ outputType, outputGuard, currency, amount: value }) => ({
    ...{ type: outputType, owner: outputGuard, token: currency, amount: value },
  }));
  const { metadata } = message;
  const payment: Payment = { type: TX_TYPE.payment, inputs, outputs, metadata };
  return submit(watch, encodeSigned(payment, signatures), action);
}
