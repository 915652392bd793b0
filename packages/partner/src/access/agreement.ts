/** What access needs of the agreements: who may come in, and what a voucher is worth. */
import type { Outcome } from '../storage/outcome.ts';

/** A job of utility access that runs here. A unit is a byte of payload, in either direction. */
export type AccessAgreement = {
  /** Account that asked for it, 20 bytes. */
  readonly client: Uint8Array;
  /** Units of the voucher in force. */
  readonly units: bigint;
  /** Most units that the escrow can pay for. */
  readonly limit: bigint;
  /** The last session in which a tunnel may be open. */
  readonly lastSession: bigint;
  /**
   * Judges a voucher and writes it down; answers with the units of the voucher that is in force
   * then. One that is there already is no error.
   */
  takeVoucher(envelope: Uint8Array): Promise<Outcome<bigint>>;
};

export type AccessAgreements = {
  /** The running agreement of a job, or why there is no tunnel for it. */
  find(job: Uint8Array): Promise<Outcome<AccessAgreement>>;
};
