/**
 * Fees: what the inputs hold beyond the outputs. Exactly one token may be left over, by exactly the
 * amount that the current list of fees asks, or the one before it, so that a change of prices does not
 * refuse what was signed a moment ago. Merging outputs of one's own is free, and leaves nothing over.
 */
import { equalBytes, type Refusal } from '@palisade/core';
import type { Output, Payment } from '../format/transaction.ts';
import { type Amounts, tokenKey } from './amounts.ts';
import { no } from './errors.ts';

/** Fee of a payment by token (`tokenKey`), base units; tokens that are not listed pay no fees. */
export type FeeTable = ReadonlyMap<string, bigint>;

/** The fees in force: the current table, and the one before while it still counts. */
export type Fees = readonly FeeTable[];

/** Whether a payment merely joins outputs of one account and token into fewer. */
export function isMerge({ inputs, outputs }: Payment, spent: readonly Output[]): boolean {
  const [first] = spent;
  if (!first || outputs.length >= inputs.length) return false;
  return [...spent, ...outputs].every(
    ({ owner, token }) => equalBytes(owner, first.owner) && equalBytes(token, first.token),
  );
}

/** Why a payment does not pay what it owes; `left` is what its inputs hold beyond its outputs. */
export function feeRefusal(fees: Fees, left: Amounts, merges: boolean): Refusal | undefined {
  const paid = [...left].filter(([, amount]) => amount > 0n);
  if (merges) return paid.length === 0 ? undefined : no('overpaying_fees');
  if (paid.length > 1) return no('multiple_potential_currency_fees');
  const [only] = paid;
  if (!only) return no('fees_not_covered');
  const [token, amount] = only;
  const asked = fees.flatMap((table) => table.get(token) ?? []);
  if (asked.includes(amount)) return undefined;
  return no(
    asked.some((fee) => fee > amount) || asked.length === 0
      ? 'fees_not_covered'
      : 'overpaying_fees',
  );
}

/** A table from token addresses and amounts. */
export function feeTable(entries: readonly (readonly [Uint8Array, bigint])[]): FeeTable {
  return new Map(entries.map(([token, amount]) => [tokenKey(token), amount]));
}
