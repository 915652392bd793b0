/** Parameters of the archive, a part of the market's (spec/market.md, "Archive"). */
import { type Infer, record, u8, u32, u128 } from '@palisade/core';
import type { Bounds } from '../standing/params.ts';

export const archiveParams = record('ArchiveParams', {
  retentionSessions: u32.is('Sessions for which validators keep a closed payout file at least'),
  copies: u8.is('Partners that keep each file after that'),
  termSessions: u32.is('Term that is paid for at once, sessions; it is renewed before its end'),
  price: u128.is('Base units per partner, session and started MiB'),
  sharePpm: u32.is("Share of a session's fees that pays for it, parts per million"),
  reserve: u128.is('Base units that are gathered at most: fees beyond it are not touched'),
});
export type ArchiveParams = Infer<typeof archiveParams>;

const PAL = 10n ** 18n;

/**
 * Defaults of a public chain. One session, three copies and the network's fees are the market
 * chapter's (Decisions). A month is paid at a time: a partner that plans has something to go by,
 * and little is locked. An answer of eight leaves costs a partner a tenth of a PAL in fees, so that
 * for less nobody would keep a file; a tenth of the fees pays one file for every thirty answers of
 * a session. The reserve pays a month of eighteen small files.
 */
export const DEFAULT_ARCHIVE_PARAMS: ArchiveParams = {
  retentionSessions: 1,
  copies: 3,
  termSessions: 180,
  price: PAL / 10n,
  sharePpm: 100_000,
  reserve: 1_000n * PAL,
};

/** Copies of one file at most: their partners stand in one record. */
export const MAX_COPIES = 16;

/** Partners are drawn from the rows of the session before, which must be here; three sessions leave time to renew. */
export const ARCHIVE_BOUNDS: Bounds<ArchiveParams> = {
  retentionSessions: [1, 2 ** 32 - 1],
  copies: [1, MAX_COPIES],
  termSessions: [3, 100_000],
  sharePpm: [0, 1_000_000],
};
