import { address, type Infer, record, text, u8, u64, u128 } from '@palisade/core';
import { collection } from '../state/collection.ts';
import { bytesKey, nameKey } from '../state/keys.ts';

/** Bytes of a denomination or purpose name. */
export const MAX_NAME = 64;

/** Names of denominations: what keys and logs can bear; no colon, which parts them from purposes. */
const DENOM = /^[a-zA-Z][a-zA-Z0-9/._-]*$/;

/** Whether a denomination can exist. */
export function isDenom(name: string): boolean {
  return name.length <= MAX_NAME && DENOM.test(name);
}

/**
 * Next nonce of a sender account in a lane. It stays for ever, also when the account is empty, so
 * that no old transaction works twice.
 */
export const nonces = collection({
  store: 'accounts',
  name: 'nonce',
  key: [bytesKey(20), nameKey],
  value: u64,
});

export const balanceRecord = record('Balance', {
  free: u128.is('Can be spent'),
  held: u128.is('Belongs to the account but is held, by purpose'),
});
export type Balance = Infer<typeof balanceRecord>;
export const balances = collection({
  store: 'accounts',
  name: 'balance',
  key: [bytesKey(20), nameKey],
  value: balanceRecord,
});

/** Held amounts, keyed by account and `denomination:purpose`. */
export const holds = collection({
  store: 'accounts',
  name: 'hold',
  key: [bytesKey(20), nameKey],
  value: u128,
});

export const supplyRecord = record('Supply', {
  genesis: u128.is('Issued by the genesis document'),
  minted: u128.is('Since then, by all sources'),
  burned: u128.is('Since then, by all sinks'),
});
export type Supply = Infer<typeof supplyRecord>;
export const supplies = collection({
  store: 'accounts',
  name: 'supply',
  key: [nameKey],
  value: supplyRecord,
});

/** Minted and burned amounts by `denomination:mint|burn:name of source or sink`. */
export const flows = collection({ store: 'accounts', name: 'flow', key: [nameKey], value: u128 });

export const nodeKeyRecord = record('NodeKey', {
  account: address,
  nonce: u64.is('The next transaction that it signs carries it'),
  revoked: u8.is('1 when the account has revoked it: it can never be bound again'),
  label: text(32),
  sinceHeight: u64,
});
export type NodeKey = Infer<typeof nodeKeyRecord>;
export const nodeKeys = collection({
  store: 'accounts',
  name: 'node-key',
  key: [bytesKey(32)],
  value: nodeKeyRecord,
});
