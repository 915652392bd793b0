import { isRefusal, type Opened } from '@palisade/core';
import type { Agreement, Job, JobView } from '@palisade/market/schema';
import { describe, expect, it } from 'vitest';
import type { AgreementRecord } from '../records/agreement.ts';
import { checkRate, checkVoucher, succession, type Voucher } from './check-voucher.ts';

const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill);
const client = bytes(20, 1);
const partner = bytes(32, 2);
const voucher: Voucher = { job: bytes(32, 3), partner, sequence: 1, rate: 5n, sessions: 4 };
const opened = (value: Voucher, sender = client) => ({ value, sender }) as Opened<Voucher>;
const view = (job: Partial<Job> = {}): JobView => ({
  id: voucher.job,
  agreements: [],
  job: {
    client,
    state: 1,
    partners: 2,
    active: 0,
    sessions: 4,
    maxRate: 5n,
    escrow: 40n,
    committed: 0n,
    reason: 'cancelled by the client',
    ...job,
  } as Job,
});
const mine = (agreement: Partial<Agreement>) =>
  ({ state: 1, rate: 5n, sessions: 4, sequence: 1, ...agreement }) as Agreement;
const check = (value: Voucher, job: Partial<Job> = {}, old?: Agreement) =>
  checkVoucher(opened(value), view(job), { partner, mine: old })?.code;

describe('a voucher', () => {
  it('[P2V-5] is taken when job, client, partner and terms fit', () => {
    expect(check(voucher)).toBeUndefined();
  });

  it('[P2V-5] of a stranger, or for another partner, is refused', () => {
    const stranger = checkVoucher(opened(voucher, bytes(20, 9)), view(), {
      partner,
      mine: undefined,
    });
    expect(stranger?.code).toBe('market/not-the-client');
    expect(check({ ...voucher, partner: bytes(32, 9) })).toBe('partner/other-partner');
  });

  it('[P2V-5] beyond what the job allows is refused', () => {
    expect(check({ ...voucher, rate: 6n })).toBe('market/rate-too-high');
    expect(check({ ...voucher, sessions: 5 })).toBe('market/bad-term');
    expect(check({ ...voucher, sessions: 0 })).toBe('market/bad-term');
    expect(check(voucher, { escrow: 19n })).toBe('market/escrow-too-small');
    expect(check(voucher, { escrow: 40n, committed: 21n })).toBe('market/escrow-too-small');
  });

  it('[P2V-5] for a job that is full, over, or was ended with this partner is refused', () => {
    expect(check(voucher, { active: 2 })).toBe('market/job-full');
    expect(check(voucher, { active: 2 }, mine({}))).toBeUndefined();
    expect(check(voucher, { state: 4 })).toBe('market/job-over');
    expect(check(voucher, {}, mine({ state: 2 }))).toBe('market/agreement-over');
  });

  it('[P2V-3] below the rate that was offered is refused', () => {
    expect(checkRate(voucher, 5n)).toBeUndefined();
    expect(checkRate(voucher, 6n)).toMatchObject({
      code: 'partner/rate-too-low',
      data: { asked: 6n },
    });
  });
});

describe('a voucher after another', () => {
  const before = { sequence: 3, rate: 5n, sessions: 4 } as AgreementRecord;
  const after = (more: Partial<Voucher>) => {
    const place = succession({ ...voucher, sequence: 3, ...more }, before);
    return isRefusal(place) ? place.code : place;
  };

  it('[P2V-5] replayed is the same voucher; changed under its sequence it is a lie', () => {
    expect(succession(voucher, undefined)).toBe('first');
    expect(after({})).toBe('same');
    expect(after({ rate: 6n })).toBe('partner/voucher-conflict');
    expect(after({ sessions: 5 })).toBe('partner/voucher-conflict');
  });

  it('[P2V-5] replaces it only with a higher sequence and never for less', () => {
    expect(after({ sequence: 4 })).toBe('newer');
    expect(after({ sequence: 4, sessions: 9, rate: 7n })).toBe('newer');
    expect(after({ sequence: 2, rate: 9n })).toBe('market/voucher-not-newer');
    expect(after({ sequence: 4, rate: 4n })).toBe('market/voucher-not-newer');
    expect(after({ sequence: 4, sessions: 3 })).toBe('market/voucher-not-newer');
  });
});
