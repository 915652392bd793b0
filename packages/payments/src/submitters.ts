/**
 * Who submits child blocks to the root chain pays gas there, and gets it back from the ether that child blocks collect
 * as fees. A block's fees of one token are one output, whole (the contracts know no other claim), so that
 * they are not divided: a block's ether goes to a submitter that is owed at least as much, else to the claimer.
 */
import { bytesKey, collection, type State } from '@palisade/chain';
import { bytes32, type Infer, type KeyValueReader, record } from '@palisade/core';
import { numberOf, wordOf } from './format/integers.ts';
import { isZero } from './format/transaction.ts';
import type { PaymentsParams } from './params.ts';

/**
 * Submitters on record at a time. Anybody may bring a root that validators signed, so there is a bound: as many
 * as the authority has members. Whoever is owed less than a new one makes room for it.
 */
export const MAX_SUBMITTERS = 64;

export const submitterRecord = record('Submitter', {
  spent: bytes32.is('Wei of gas that count'),
  refunded: bytes32.is('Wei of fees that it got for them'),
});

export const submitters = collection({
  store: 'payments',
  name: 'submitter',
  key: [bytesKey(20)],
  value: submitterRecord,
});

type Owed = { readonly address: Uint8Array; readonly owed: bigint };

export function owedTo({ spent, refunded }: Infer<typeof submitterRecord>): bigint {
  return numberOf(spent) - numberOf(refunded);
}

function* debts(state: KeyValueReader): Generator<Owed> {
  for (const [[address], record] of submitters.list(state)) yield { address, owed: owedTo(record) };
}

/** The root chain took a child block from `address`, at a price of gas, wei. */
export function noteSubmission(
  state: State,
  { submissionGas, maxGasPrice }: PaymentsParams,
  address: Uint8Array,
  gasPrice: bigint,
): void {
  const price = gasPrice < maxGasPrice ? gasPrice : maxGasPrice;
  const cost = BigInt(submissionGas) * price;
  if (cost === 0n) return;
  const before = submitters.get(state, address);
  if (!before && !makeRoom(state, cost)) return;
  submitters.set(state, [address], {
    spent: wordOf(numberOf(before?.spent ?? NOTHING) + cost),
    refunded: before?.refunded ?? NOTHING,
  });
}

const NOTHING = wordOf(0n);

/** Whether there is room for one who is owed `cost`, after the least is gone where need be. */
function makeRoom(state: State, cost: bigint): boolean {
  const all = [...debts(state)];
  if (all.length < MAX_SUBMITTERS) return true;
  const least = all.reduce((a, b) => (b.owed < a.owed ? b : a));
  if (least.owed >= cost) return false;
  submitters.delete(state, least.address);
  return true;
}

/**
 * Who gets what a child block collected of a token, in place of the claimer: the submitter that is owed most, when it
 * is owed all of that. It is booked as refunded.
 */
export function refund(state: State, token: Uint8Array, amount: bigint): Uint8Array | undefined {
  if (!isZero(token)) return undefined;
  let most: Owed | undefined;
  for (const debt of debts(state)) if (debt.owed > (most?.owed ?? amount - 1n)) most = debt;
  if (!most) return undefined;
  const record = submitters.need(state, most.address);
  const refunded = wordOf(numberOf(record.refunded) + amount);
  submitters.set(state, [most.address], { ...record, refunded });
  return most.address;
}
