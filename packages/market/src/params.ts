/** Parameters of the market, set in the genesis document. */
import { collection } from '@palisade/chain';
import { type Infer, record, u8, u32, u64 } from '@palisade/core';

export const marketParams = record('MarketParams', {
  auditSamples: u8.is('Leaves asked for per agreement and session'),
  maxPartners: u8.is('Partners of one job at most'),
  maxSessions: u32.is('Longest term, sessions'),
  maxSize: u64.is('Largest content, bytes'),
  leastAuditMs: u64.is('A start later than this before the end of a session counts from the next'),
  missesToLose: u8.is('Missed audits in a row that end an agreement'),
});
export type MarketParams = Infer<typeof marketParams>;

/**
 * Defaults of a public chain. Eight leaves find a deleted file at the first audit and a tenth
 * missing with 57 % in each; 32 offers and partners are what a client may ask for (C2V-5); the term
 * is bounded by what escrow can reasonably be locked: half a year of 4 h sessions; 1 TiB keeps leaf
 * indices and sums far from any limit; three misses in a row, 12 hours, are no longer an accident.
 */
export const DEFAULT_MARKET_PARAMS: MarketParams = {
  auditSamples: 8,
  maxPartners: 32,
  maxSessions: 1095,
  maxSize: 2n ** 40n,
  leastAuditMs: 600_000n,
  missesToLose: 3,
};

export const params = collection({
  store: 'market',
  name: 'params',
  key: [],
  value: marketParams,
});
