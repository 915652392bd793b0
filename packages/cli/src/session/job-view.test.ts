import { type JobView, jobEnded, receiptFiled, UTILITY } from '@palisade/market/schema';
import { expect, describe as group, it } from 'vitest';
import { agreementTable, describe, jobFacts } from './job-view.ts';

const key = (fill: number) => new Uint8Array(32).fill(fill);
const PAL = 10n ** 18n;

/** A computation whose partner vanished: what was vouched for is paid, arbitration is open. */
const computation: JobView = {
  id: key(1),
  job: {
    client: new Uint8Array(20).fill(2),
    utility: UTILITY.computation,
    subject: key(3),
    size: 2048n,
    partners: 1,
    sessions: 2,
    maxRate: PAL,
    height: 5n,
    session: 3n,
    state: 5,
    active: 0,
    escrow: PAL,
    committed: PAL,
    paid: PAL,
    refunded: 0n,
    endHeight: 0n,
    reason: 'its term is over and a receipt is missing',
  },
  agreements: [
    {
      partner: key(4),
      agreement: {
        sequence: 1,
        rate: PAL,
        sessions: 2,
        firstSession: 3n,
        lastSession: 4n,
        startHeight: 6n,
        state: 4,
        answered: 0,
        missed: 0,
        missedInRow: 0,
        final: 0,
        usageSequence: 7,
        units: 4321n,
        vouched: PAL,
        equivocated: 0,
        paid: PAL,
        endHeight: 0n,
      },
    },
  ],
};

group('a job as it is shown', () => {
  it('says what kind of utility it is, and that it is disputed', () => {
    const text = jobFacts(computation).join('\n');
    expect(text).toMatch(/utility +computation/);
    expect(text).toMatch(/work order +0x0303/);
    expect(text).toContain('disputed: its term is over and a receipt is missing');
  });

  it('names no content where there is none: access is so much traffic per session', () => {
    const job = { ...computation.job, utility: UTILITY.access, subject: key(0), size: 2n ** 20n };
    const text = jobFacts({ ...computation, job }).join('\n');
    expect(text).toMatch(/utility +access/);
    expect(text).toMatch(/traffic +1[.0]* MiB per session/);
    expect(text).not.toMatch(/content|0x0000/);
  });

  it('shows what was vouched for where nothing is audited', () => {
    const [titles, row] = agreementTable(computation, (line) => line);
    expect(titles).toMatch(/units +vouched +paid/);
    expect(row).toMatch(/disputed .* 4321 +1 PAL +1 PAL/);
  });

  it('tells its end by name, and leaves out what a receipt does not say', () => {
    const ended = { job: key(1), outcome: 6, reason: 'paid as vouched for' };
    expect(describe(jobEnded.schema.toJson(ended))).toBe(
      'outcome resolved, reason paid as vouched for',
    );
    const receipt = {
      job: key(1),
      partner: key(4),
      sequence: 1,
      lastSession: 4n,
      units: 0n,
      amount: PAL,
      result: key(0),
    };
    const line = describe(receiptFiled.schema.toJson(receipt));
    expect(line).toContain('lastSession 4');
    expect(line).not.toContain('result');
  });
});
