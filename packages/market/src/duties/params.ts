/** Parameters of what validators owe partners and clients (spec/duties.md, "Parameters"). */
import { type Infer, record, u16, u32, u128 } from '@palisade/core';
import type { Bounds } from '../standing/params.ts';

export const dutyParams = record('DutyParams', {
  complaintDeposit: u128.is(
    'Held of a partner that complains, base units; lost when it is rebutted',
  ),
  maxOpenComplaints: u16.is('Complaints of one partner that can be open at once'),
  evidenceSessions: u32.is('Sessions after that of an omission in which it can still be reported'),
  rebuttalSessions: u32.is('Sessions after those in which the accused can still answer'),
  inclusionBlocks: u32.is('Blocks in which an acknowledged transaction must find its place'),
  challenges: u16.is('Partners that passive validators challenge in a session, at most'),
});
export type DutyParams = Infer<typeof dutyParams>;

const PAL = 10n ** 18n;

/**
 * Defaults of a public chain. A tenth of a PAL is what some 25 requests cost: an honest partner gets it
 * back, and one that floods a validator pays for each. Eight jobs may go past a partner before the first
 * case is closed. Evidence is fresh, a session (4 h) is time to file it and another to answer,
 * also for a machine that was down; two blocks are the market chapter's (C2V-7.G2). Of 10 000 partners
 * 1024 in a session (4 h) are each of them every other day, two calls for each.
 */
export const DEFAULT_DUTY_PARAMS: DutyParams = {
  complaintDeposit: PAL / 10n,
  maxOpenComplaints: 8,
  evidenceSessions: 1,
  rebuttalSessions: 1,
  inclusionBlocks: 2,
  challenges: 1024,
};

/** At least one session each, or what happens in the last block of one could not be reported or answered. */
export const DUTY_BOUNDS: Bounds<DutyParams> = {
  evidenceSessions: [1, 1000],
  rebuttalSessions: [1, 1000],
  inclusionBlocks: [1, 2 ** 32 - 1],
  // They are drawn in one block, in 0.1 ms each.
  challenges: [0, 4096],
};
