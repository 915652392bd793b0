/** Parameters of the market, set in the genesis document. */
import { collection } from '@palisade/chain';
import { MAX_PAGE } from '@palisade/chain/schema';
import { type Infer, MAX_CONTENT_BYTES, PalisadeError, record, u8, u32, u64 } from '@palisade/core';
import { ARCHIVE_BOUNDS, archiveParams, DEFAULT_ARCHIVE_PARAMS } from './archive/params.ts';
import { DEFAULT_DUTY_PARAMS, DUTY_BOUNDS, dutyParams } from './duties/params.ts';
import {
  type Bounds,
  DEFAULT_STANDING_PARAMS,
  STANDING_BOUNDS,
  standingParams,
} from './standing/params.ts';

/** Leaves of one answer at most; more would not fit a signed body with their paths. */
export const MAX_SAMPLES = 32;

export const marketParams = record('MarketParams', {
  auditSamples: u8.is('Leaves asked for per agreement and session'),
  maxPartners: u8.is('Partners of one job at most'),
  maxSessions: u32.is('Longest term, sessions'),
  maxSize: u64.is('Largest content, bytes'),
  leastAuditMs: u64.is('A start later than this before the end of a session counts from the next'),
  missesToLose: u8.is('Missed audits in a row that end an agreement'),
  standing: standingParams,
  duties: dutyParams,
  archive: archiveParams,
});
export type MarketParams = Infer<typeof marketParams>;

/**
 * Defaults of a public chain. Eight leaves find a deleted file at the first audit and a tenth
 * missing with 57 % in each; 32 offers and partners are what a client may ask for (C2V-5); the term
 * is bounded by what escrow can reasonably be locked: half a year of 4 h sessions; 256 GiB is
 * the largest content that can be named; three misses in a row, 12 hours, are no longer an accident.
 */
export const DEFAULT_MARKET_PARAMS: MarketParams = {
  auditSamples: 8,
  maxPartners: 32,
  maxSessions: 1095,
  maxSize: BigInt(MAX_CONTENT_BYTES),
  leastAuditMs: 600_000n,
  missesToLose: 3,
  standing: DEFAULT_STANDING_PARAMS,
  duties: DEFAULT_DUTY_PARAMS,
  archive: DEFAULT_ARCHIVE_PARAMS,
};

export const params = collection({
  store: 'market',
  name: 'params',
  key: [],
  value: marketParams,
});

/** What else in the market has a bound that these limits may not pass. */
const BOUNDS: Bounds<MarketParams> = {
  auditSamples: [1, MAX_SAMPLES],
  // A page of a payout file holds all rows of a job.
  maxPartners: [1, MAX_PAGE],
  maxSize: [0, MAX_CONTENT_BYTES],
  missesToLose: [1, 255],
};

/** @throws PalisadeError `chain/bad-genesis` */
export function checkedParams(value: MarketParams): MarketParams {
  check('market', value, BOUNDS);
  check('market.standing', value.standing, STANDING_BOUNDS);
  check('market.duties', value.duties, DUTY_BOUNDS);
  check('market.archive', value.archive, ARCHIVE_BOUNDS);
  return value;
}

function check<T>(path: string, values: T, bounds: Bounds<T>): void {
  for (const name of Object.keys(bounds) as (keyof T & string)[]) {
    const [least, most] = bounds[name]!;
    const given = values[name] as number | bigint;
    if (given < least || given > most)
      throw new PalisadeError({
        code: 'chain/bad-genesis',
        message: `${path}.${name} is ${given}; it can be ${least} to ${most}.`,
      });
  }
}
