import {
  address,
  bytes32,
  type Infer,
  type KeyValueReader,
  record,
  text,
  u8,
  u64,
} from '@palisade/core';
import { collection } from '../state/collection.ts';
import { bytesKey, u64Key } from '../state/keys.ts';

/** Where a validator stands in this session. */
export const SEAT = { passive: 0, active: 1, excluded: 2 } as const;

export const validatorRecord = record('Validator', {
  account: address.is('Its owner: bonds, is paid'),
  name: text(32),
  weight: u64.is('Votes while active'),
  seat: u8.is('0 passive, 1 active, 2 excluded for an offence'),
  known: u8.is('1 when appointed by the chain owner'),
});
export type Validator = Infer<typeof validatorRecord>;

/** Proven: a light client may ask who holds a seat. */
export const validators = collection({
  store: 'validators',
  name: 'validator',
  key: [bytesKey(32)],
  value: validatorRecord,
});

/** Validators with a seat, by key. */
export function activeValidators(
  state: KeyValueReader,
): { readonly nodeKey: Uint8Array; readonly validator: Validator }[] {
  return [...validators.list(state)]
    .filter(([, validator]) => validator.seat === SEAT.active)
    .map(([[nodeKey], validator]) => ({ nodeKey, validator }));
}

/** Votes and evidence name validators by CometBFT address; this leads back to their key. */
export const byAddress = collection({
  store: 'chain',
  name: 'validator-address',
  key: [bytesKey(20)],
  value: bytes32,
});

/** Votes that the engine was last told of. */
export const enginePowers = collection({
  store: 'chain',
  name: 'engine-power',
  key: [bytesKey(32)],
  value: u64,
});

export const attendanceRecord = record('Attendance', {
  blocks: u64.is('Whose commit it signed'),
  last: u64.is('The last of them'),
});

/** Who signed the blocks of a session. */
export const attendance = collection({
  store: 'chain',
  name: 'attendance',
  key: [u64Key, bytesKey(32)],
  value: attendanceRecord,
});
