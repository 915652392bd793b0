/**
 * The client's vouchers. Each is written down before it leaves: with the vouchers of its own disk
 * and the audits of its partners' disks, anyone can work out what must have been paid.
 */
import { digestOf, seal, toHex } from '@palisade/core';
import { rateVoucher } from '@palisade/market/schema';
import type { JobContext } from './context.ts';
import type { ChosenPartner } from './put-state.ts';

/** Version of the form in which vouchers are kept; a change of fields needs a new one. */
const VERSION = 1;

/** A voucher that was signed: its terms, in whose name, on which chain. */
export type KeptVoucher = {
  readonly genesisHash: Uint8Array;
  readonly client: Uint8Array;
  readonly job: Uint8Array;
  readonly partner: Uint8Array;
  readonly sequence: number;
  /** Base units per session. */
  readonly rate: bigint;
  readonly sessions: number;
  /** 65 bytes over the typed data of `market.rate-voucher`. */
  readonly signature: Uint8Array;
};

/** Name of the file that keeps it, unique among all vouchers. */
export function voucherFileName({ job, partner, sequence }: KeptVoucher): string {
  return `${toHex(job).slice(2)}-${toHex(partner).slice(2)}-${sequence}.json`;
}

/** JSON text of it: amounts in decimal, bytes in hex. */
export function formatVoucher(voucher: KeptVoucher): string {
  const { genesisHash, client, job, partner, sequence, rate, sessions, signature } = voucher;
  const plain = {
    version: VERSION,
    genesisHash: toHex(genesisHash),
    client: toHex(client),
    job: toHex(job),
    partner: toHex(partner),
    sequence,
    rate: `${rate}`,
    sessions,
    signature: toHex(signature),
  };
  return `${JSON.stringify(plain)}\n`;
}

/** A rate voucher, signed and written down. */
export async function signVoucher(
  { chain, account }: JobContext,
  job: Uint8Array,
  { partner, rate }: ChosenPartner,
  sequence: number,
  sessions: number,
): Promise<Uint8Array> {
  const { signer, keepVoucher } = account;
  const value = { job, partner, sequence, rate, sessions };
  const domain = await chain.domain();
  const signature = await signer.sign(digestOf(rateVoucher, value, domain));
  const { genesisHash } = domain;
  await keepVoucher?.({ genesisHash, client: signer.id, ...value, signature });
  return seal(rateVoucher, value, domain, signer.id, signature);
}
