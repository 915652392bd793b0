/**
 * The ledger: many denominations, holds by purpose, module accounts. Every unit of it is in some
 * account, free or held: issuance = genesis + minted - burned, at all times.
 */
import {
  concat,
  type KeyValueReader,
  PalisadeError,
  type Refusal,
  refuse,
  toHex,
  utf8,
} from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import { formatAmount } from '../format-amount.ts';
import { NATIVE, params } from '../params.ts';
import type { State } from '../state/overlay.ts';
import { type Balance, balances, flows, holds, type Supply, supplies } from './state.ts';

const NOTHING: Balance = { free: 0n, held: 0n };

/** How addresses of module accounts begin; to find a key for one is to invert a hash. */
const MODULE_TAG = utf8('palisade.mod');

/** The account of a module: an address (20 bytes) that no key has, and that shows what it is. */
export function moduleAccount(name: string): Uint8Array {
  return concat(MODULE_TAG, keccak256(utf8(name)).slice(0, 20 - MODULE_TAG.length));
}

function isModuleAccount(account: Uint8Array): boolean {
  return MODULE_TAG.every((byte, i) => account[i] === byte);
}

/** Free and held amounts, zero where there is nothing. */
export function balanceOf(
  state: KeyValueReader,
  account: Uint8Array,
  denom: string = NATIVE.denom,
): Balance {
  return balances.get(state, account, denom) ?? NOTHING;
}

function write(state: State, account: Uint8Array, denom: string, balance: Balance): void {
  if (balance.free === 0n && balance.held === 0n) balances.delete(state, account, denom);
  else balances.set(state, [account, denom], balance);
}

/**
 * Why `amount` cannot leave an account's free balance: too little, or a remainder below the
 * existential deposit (spec/ power chapter, a1). Emptying the account is allowed.
 */
export function cannotSpend(
  state: KeyValueReader,
  account: Uint8Array,
  amount: bigint,
  denom: string = NATIVE.denom,
): Refusal | undefined {
  const { free, held } = balanceOf(state, account, denom);
  if (free < amount) return insufficient(account, free, amount, denom);
  const left = free + held - amount;
  const deposit = params.need(state).existentialDeposit;
  if (denom === NATIVE.denom && left > 0n && left < deposit)
    return refuse(
      'accounts/below-existential-deposit',
      `It would leave ${formatAmount(left)} in ${toHex(account)}: an account holds at least ${formatAmount(deposit)} or nothing.`,
      { next: 'Send everything, or leave more.' },
    );
  return undefined;
}

/**
 * Why an account cannot be given `amount` by another: it would begin with less than the existential
 * deposit, or it is a module's, whose books no stranger may upset. What the chain itself pays out
 * (earnings, returned escrow) goes to accounts that were there before, and is never refused.
 */
export function cannotReceive(
  state: KeyValueReader,
  account: Uint8Array,
  amount: bigint,
  denom: string = NATIVE.denom,
): Refusal | undefined {
  if (isModuleAccount(account))
    return refuse(
      'accounts/module-account',
      `${toHex(account)} is kept by the chain itself: nobody can send to it.`,
    );
  if (denom !== NATIVE.denom) return undefined;
  const { free, held } = balanceOf(state, account);
  const deposit = params.need(state).existentialDeposit;
  if (free + held + amount >= deposit) return undefined;
  return refuse(
    'accounts/below-existential-deposit',
    `${toHex(account)} would hold ${formatAmount(free + held + amount)}: an account begins with at least ${formatAmount(deposit)}.`,
    { next: 'Send at least the existential deposit.' },
  );
}

/** Moves free funds. The caller has asked `cannotSpend` and `cannotReceive`. */
export function transfer(
  state: State,
  from: Uint8Array,
  to: Uint8Array,
  amount: bigint,
  denom: string = NATIVE.denom,
): void {
  if (amount === 0n) return;
  take(state, from, amount, denom);
  give(state, to, amount, denom);
}

function give(state: State, to: Uint8Array, amount: bigint, denom: string): void {
  const { free, held } = balanceOf(state, to, denom);
  write(state, to, denom, { free: free + amount, held });
}

function take(state: State, from: Uint8Array, amount: bigint, denom: string): void {
  const { free, held } = balanceOf(state, from, denom);
  if (free < amount) throw new Error(`ledger: ${toHex(from)} has ${free} ${denom}, not ${amount}`);
  write(state, from, denom, { free: free - amount, held });
}

/** Why `amount` of an account's free balance cannot be held. */
export function cannotHold(
  state: KeyValueReader,
  account: Uint8Array,
  amount: bigint,
  denom: string = NATIVE.denom,
): Refusal | undefined {
  const { free } = balanceOf(state, account, denom);
  return free < amount ? insufficient(account, free, amount, denom) : undefined;
}

function insufficient(account: Uint8Array, free: bigint, amount: bigint, denom: string): Refusal {
  return refuse(
    'accounts/insufficient-funds',
    `${toHex(account)} has ${formatAmount(free, denom)} free; ${formatAmount(amount, denom)} are needed.`,
    { retry: 'later', next: 'Send it funds first, or ask for less.' },
  );
}

/** Holds free funds for a purpose; they stay the account's own. */
export function hold(
  state: State,
  account: Uint8Array,
  purpose: string,
  amount: bigint,
  denom: string = NATIVE.denom,
): void {
  const { free, held } = balanceOf(state, account, denom);
  if (free < amount) throw new Error(`ledger: ${toHex(account)} cannot hold ${amount} ${denom}`);
  write(state, account, denom, { free: free - amount, held: held + amount });
  const key = `${denom}:${purpose}`;
  holds.set(state, [account, key], (holds.get(state, account, key) ?? 0n) + amount);
}

/** Amount held for a purpose. */
export function heldFor(
  state: KeyValueReader,
  account: Uint8Array,
  purpose: string,
  denom: string = NATIVE.denom,
): bigint {
  return holds.get(state, account, `${denom}:${purpose}`) ?? 0n;
}

/** Gives held funds back to the free balance of the same account. */
export function release(
  state: State,
  account: Uint8Array,
  purpose: string,
  amount: bigint,
  denom: string = NATIVE.denom,
): void {
  unhold(state, account, purpose, amount, denom);
  give(state, account, amount, denom);
}

function unhold(
  state: State,
  account: Uint8Array,
  purpose: string,
  amount: bigint,
  denom: string,
): void {
  const key = `${denom}:${purpose}`;
  const before = holds.get(state, account, key) ?? 0n;
  if (before < amount) throw new Error(`ledger: only ${before} ${denom} are held for ${purpose}`);
  if (before === amount) holds.delete(state, account, key);
  else holds.set(state, [account, key], before - amount);
  const { free, held } = balanceOf(state, account, denom);
  write(state, account, denom, { free, held: held - amount });
}

/** Destroys held funds: a slash. */
export function burnHeld(
  state: State,
  account: Uint8Array,
  purpose: string,
  amount: bigint,
  sink: string,
  denom: string = NATIVE.denom,
): void {
  unhold(state, account, purpose, amount, denom);
  noteFlow(state, denom, 'burn', sink, amount);
}

/** Creates funds; each source is counted apart. */
export function mint(
  state: State,
  to: Uint8Array,
  amount: bigint,
  source: string,
  denom: string = NATIVE.denom,
): void {
  give(state, to, amount, denom);
  noteFlow(state, denom, 'mint', source, amount);
}

/** Destroys free funds; each sink is counted apart. */
export function burn(
  state: State,
  from: Uint8Array,
  amount: bigint,
  sink: string,
  denom: string = NATIVE.denom,
): void {
  take(state, from, amount, denom);
  noteFlow(state, denom, 'burn', sink, amount);
}

function noteFlow(
  state: State,
  denom: string,
  kind: 'mint' | 'burn',
  name: string,
  amount: bigint,
): void {
  const supply = supplies.get(state, denom) ?? NO_SUPPLY;
  writeSupply(
    state,
    denom,
    kind === 'mint'
      ? { ...supply, minted: supply.minted + amount }
      : { ...supply, burned: supply.burned + amount },
  );
  const key = `${denom}:${kind}:${name}`;
  flows.set(state, [key], (flows.get(state, key) ?? 0n) + amount);
}

/** Gives genesis funds. */
export function endow(
  state: State,
  to: Uint8Array,
  amount: bigint,
  denom: string = NATIVE.denom,
): void {
  give(state, to, amount, denom);
  const supply = supplies.get(state, denom) ?? NO_SUPPLY;
  writeSupply(state, denom, { ...supply, genesis: supply.genesis + amount });
}

const NO_SUPPLY: Supply = { genesis: 0n, minted: 0n, burned: 0n };

/** Amounts have 128 bits. While all that was ever issued fits, every balance and sum does. */
function writeSupply(state: State, denom: string, supply: Supply): void {
  if (supply.genesis + supply.minted >= 1n << 128n)
    throw new PalisadeError({
      code: 'chain/issuance-overflow',
      message: `More than 2^128 - 1 base units of ${denom} would be issued.`,
    });
  supplies.set(state, [denom], supply);
}
