/** Parameters of payments, set in the genesis document. */
import { collection } from '@palisade/chain';
import {
  address,
  type Infer,
  list,
  PalisadeError,
  record,
  text,
  toHex,
  u8,
  u32,
  u64,
  u128,
} from '@palisade/core';
import { MAX_PAYMENTS } from './block/child-block.ts';
import { DIALECTS, type Dialect } from './dialect/index.ts';
import { paymentDomain, type SigningDomain } from './format/typed-data.ts';
import { type FeeTable, feeTable } from './rules/fees.ts';

/** Tokens in which fees can be paid at once: a block claims each of them by a transaction. */
export const MAX_FEE_TOKENS = 16;

const feeLine = record('FeeLine', {
  token: address.is('20 bytes; zero is ether'),
  amount: u128.is('Exact fee of a payment, base units'),
});

/** The section "payments" of a genesis document. */
export const paymentsParams = record('PaymentsParams', {
  dialect: text(2).is('Version of the root chain’s contracts: v1 or v2'),
  framework: address.is('Their framework contract, for which payments are signed'),
  claimer: address.is('Who gets the fees of child blocks'),
  fees: list(feeLine, MAX_FEE_TOKENS),
  previousFees: list(feeLine, MAX_FEE_TOKENS).is('Fees before the last change, still taken'),
  depositMargin: u32.is('Root-chain blocks after which validators report what happened there'),
  blockEvery: u32.is('Blocks of this chain between child blocks at least'),
  maxPayments: u32.is('Payments of a child block at most'),
  maxAhead: u8.is('Reports on the root chain that can wait for agreement at once'),
  submissionGas: u32.is('Gas of submitting a child block that is refunded from its fees; 0: none'),
  maxGasPrice: u64.is('Wei of gas that are refunded at most'),
});
/** Its values. */
export type PaymentsParams = Infer<typeof paymentsParams>;

/**
 * Defaults of a public chain. Ten root-chain blocks are the deposit margin of the reference; a child block
 * a minute at most keeps what its submission costs on the root chain bounded; 128 reports are what
 * half an hour of a busy vault brings. 132 000 gas is what a root takes that three validators signed; who brings one
 * may ask any price of it (and hand the tip to itself), so no more than 100 gwei count.
 */
export const DEFAULT_PAYMENTS_PARAMS: Omit<PaymentsParams, 'framework' | 'claimer' | 'fees'> = {
  dialect: 'v2',
  previousFees: [],
  depositMargin: 10,
  blockEvery: 12,
  maxPayments: MAX_PAYMENTS,
  maxAhead: 128,
  submissionGas: 132_000,
  maxGasPrice: 100_000_000_000n,
};

export const params = collection({
  store: 'payments',
  name: 'params',
  key: [],
  value: paymentsParams,
});

/** @throws PalisadeError `chain/bad-genesis` */
export function checkedParams(value: PaymentsParams): PaymentsParams {
  const bad = (why: string) =>
    new PalisadeError({ code: 'chain/bad-genesis', message: `payments: ${why}.` });
  if (!(value.dialect in DIALECTS)) throw bad(`there is no dialect ${value.dialect}`);
  if (value.fees.length === 0) throw bad('fees name no token, so that nothing could be paid');
  if (value.blockEvery < 1 || value.maxAhead < 1)
    throw bad('blockEvery and maxAhead are at least 1');
  if (value.maxPayments < 1 || value.maxPayments > MAX_PAYMENTS)
    throw bad(`maxPayments is 1 to ${MAX_PAYMENTS}`);
  return value;
}

const domains = new Map<string, SigningDomain>();

/** What payments are signed for. */
export function domainOf({ dialect, framework }: PaymentsParams): SigningDomain {
  const key = `${dialect} ${toHex(framework)}`;
  const known = domains.get(key);
  if (known) return known;
  const domain = paymentDomain(DIALECTS[dialect as Dialect['name']], framework);
  domains.set(key, domain);
  return domain;
}

/** The fee tables in force, the current one first. */
export function feesOf({ fees, previousFees }: PaymentsParams): readonly FeeTable[] {
  const tableOf = (lines: PaymentsParams['fees']) =>
    feeTable(lines.map(({ token, amount }) => [token, amount] as const));
  return previousFees.length === 0 ? [tableOf(fees)] : [tableOf(fees), tableOf(previousFees)];
}
