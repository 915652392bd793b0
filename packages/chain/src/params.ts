/** Parameters of the chain itself, set in the genesis document. */
import { type Infer, record, u32, u64, u128 } from '@palisade/core';
import { collection } from './state/collection.ts';

/** The native token: pays fees, bonds and utility. */
export const NATIVE = { denom: 'pal', symbol: 'PAL', decimals: 18 } as const;

export const chainParams = record('ChainParams', {
  sessionMs: u64.is('Length of a session, ms'),
  existentialDeposit: u128.is('Least native balance of an account, base units'),
  feeBase: u128.is('Fee of any transaction, base units'),
  feePerByte: u128.is('Fee of each byte of a transaction, base units'),
  feeBurnPpm: u32.is('Share of the fee pot that is burned, parts per million'),
});
export type ChainParams = Infer<typeof chainParams>;

/**
 * Defaults of a public chain. The deposit is 0.001 token because dust costs state; the fees make a
 * plain transfer of 250 bytes cost 0.0035 token; a fifth of them is burned (market chapter, Decisions).
 */
export const DEFAULT_PARAMS: ChainParams = {
  sessionMs: 4n * 60n * 60n * 1000n,
  existentialDeposit: 10n ** 15n,
  feeBase: 10n ** 15n,
  feePerByte: 10n ** 13n,
  feeBurnPpm: 200_000,
};

export const params = collection({ store: 'chain', name: 'params', key: [], value: chainParams });

/** Parts per million: the unit of every share. */
export const PPM = 1_000_000n;
