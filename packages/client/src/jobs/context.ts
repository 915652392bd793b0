/** What all steps of a job's life share. */
import { equalBytes, type Signer } from '@palisade/core';
import { AGREEMENT_STATE, type Agreement, type JobView } from '@palisade/market/schema';
import type { ChainClient } from '../base/chain-client.ts';
import { clientError } from '../base/errors.ts';
import type { KeptVoucher } from './voucher.ts';

/** Somebody who stores files. */
export type Account = {
  readonly signer: Signer;
  /** 32 bytes from which the keys of files are derived: the account's secret. */
  readonly ownerSecret: Uint8Array;
  /** Writes a voucher down; it leaves when that is done. A client without this keeps none. */
  readonly keepVoucher?: (voucher: KeptVoucher) => Promise<void>;
};

export type JobContext = {
  readonly chain: ChainClient;
  readonly account: Account;
};

export type AgreementLine = { readonly partner: Uint8Array; readonly agreement: Agreement };

/** @throws PalisadeError `client/no-such-job` */
export async function needJob({ chain }: JobContext, id: Uint8Array): Promise<JobView> {
  return (await chain.job(id)) ?? noSuchJob();
}

function noSuchJob(): never {
  throw clientError('client/no-such-job', 'The chain has no such job.', {
    next: 'palisade jobs lists yours. A job appears with the block that confirms it.',
  });
}

/** Agreements that run. */
export function running(view: JobView): readonly AgreementLine[] {
  return view.agreements.filter(({ agreement }) => agreement.state === AGREEMENT_STATE.active);
}

export function agreementOf(view: JobView, partner: Uint8Array): Agreement | undefined {
  return view.agreements.find((line) => equalBytes(line.partner, partner))?.agreement;
}
