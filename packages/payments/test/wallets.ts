/**
 * People with keys who pay each other on a child chain, in the words of the domain.
 *
 * @example
 * const ledger = new Ledger();
 * deposit(ledger, 1, ALICE, 10n);
 * const paid = open(pay([1_000_000_000n], [ALICE], [[BOB, 9n]]));
 */
import { fromHex, isRefusal, utf8 } from '@palisade/core';
import { secp256k1, sha256 } from '@palisade/core/crypto';
import {
  encodeSigned,
  type Ledger,
  type Opened,
  type Output,
  openTransaction,
  type Payment,
  type Position,
  paymentDomain,
  positionOf,
  signingDigest,
  v2,
} from '@palisade/payments';

export type Person = { readonly secret: Uint8Array; readonly address: Uint8Array };

export function person(name: string): Person {
  const secret = sha256(utf8(`payments-test/${name}`));
  return { secret, address: secp256k1.addressOf(secret) };
}

export const ALICE = person('alice');
export const BOB = person('bob');
export const CAROL = person('carol');
export const CLAIMER = person('claimer');

export const ETHER = new Uint8Array(20);
export const COIN = fromHex(`0x${'c0'.repeat(20)}`);

/** The framework contract of the tests. */
export const DOMAIN = paymentDomain(v2, fromHex(`0x${'f0'.repeat(20)}`));
export const { recover } = secp256k1;

export type To = readonly [who: Person, amount: bigint, token?: Uint8Array];

export function output([who, amount, token]: To): Output {
  return { type: 1, owner: who.address, token: token ?? ETHER, amount };
}

export function payment(inputs: readonly Position[], to: readonly To[], note = 0): Payment {
  const metadata = new Uint8Array(32);
  metadata[31] = note;
  return { type: 1, inputs, outputs: to.map(output), metadata };
}

/** The bytes of a payment, signed by one person per input. */
export function sign(unsigned: Payment, by: readonly Person[], domain = DOMAIN): Uint8Array {
  const digest = signingDigest(domain, unsigned);
  return encodeSigned(
    unsigned,
    by.map(({ secret }) => secp256k1.sign(digest, secret)),
  );
}

export function pay(
  inputs: readonly Position[],
  by: readonly Person[],
  to: readonly To[],
): Uint8Array {
  return sign(payment(inputs, to), by);
}

export function open(signed: Uint8Array): Opened {
  const opened = openTransaction(DOMAIN, signed, recover);
  if (isRefusal(opened)) throw new Error(`${opened.code}: ${opened.message}`);
  return opened;
}

export function at(blknum: number, txindex = 0, oindex = 0): Position {
  return positionOf({ blknum, txindex, oindex });
}

/** Credits a deposit in its own block. */
export function deposit(
  ledger: Ledger,
  blknum: number,
  who: Person,
  amount: bigint,
  token?: Uint8Array,
): void {
  ledger.create(at(blknum), output([who, amount, token]));
}
