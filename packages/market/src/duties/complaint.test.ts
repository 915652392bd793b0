import { FEE_POT, heldFor } from '@palisade/chain';
import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { eventsOf, PAL } from '../../../chain/test/chain-kit.ts';
import { Duties } from '../../test/duty-kit.ts';
import { RATE, startMarket, UNLIMITED } from '../../test/market-kit.ts';
import {
  complain,
  type MarketParams,
  noticeAck,
  postBond,
  rebut,
  signOff,
  UTILITY,
} from '../index.ts';
import { complaintPurpose } from './complaint.ts';
import { DEFAULT_DUTY_PARAMS, type DutyParams } from './params.ts';
import { complaints, fileTimes, rosters } from './records.ts';

const DEPOSIT = DEFAULT_DUTY_PARAMS.complaintDeposit;

async function begin(duties: Partial<DutyParams> = {}, more: Partial<MarketParams> = {}) {
  const market = await startMarket({
    weights: [10n, 10n, 10n, 10n],
    market: { duties: { ...DEFAULT_DUTY_PARAMS, ...duties }, ...more },
  });
  const { chain } = market;
  await chain.endSession();
  const kit = new Duties(market);
  const { responsible, others } = kit.answering('p0');
  const [accused, second] = responsible;
  return {
    market,
    chain,
    kit,
    accused: accused!,
    second: second!,
    others,
    p0: market.partner('p0'),
  };
}

/** A job of which the accused says nothing to p0, and time in which it could have. */
async function silence(duties: Partial<DutyParams> = {}, more: Partial<MarketParams> = {}) {
  const scene = await begin(duties, more);
  const heard = await scene.kit.isReady('p0', scene.accused);
  await scene.chain.block();
  const job = await scene.market.request('alice');
  await scene.chain.block();
  return { ...scene, heard, job };
}

describe('a complaint', () => {
  it('[P2V-2.G1] about the validator that never notifies is upheld: it counts, and the deposit returns', async () => {
    const { market, chain, kit, accused, heard, job, p0 } = await silence();
    const before = chain.free(market.owner('p0'));
    const filed = await kit.complains('p0', job, accused, heard);
    expect(eventsOf(filed, 'market.complaint-filed')).toMatchObject([
      {
        validator: toHex(accused.nodeKey),
        partner: toHex(p0.id),
        deposit: `${DEPOSIT}`,
        closes: '3',
      },
    ]);
    expect(heldFor(chain.state, market.owner('p0').id, complaintPurpose(p0.id))).toBe(DEPOSIT);
    expect(kit.standing(accused).failuresInRow).toBe(0);
    for (let i = 0; i < 2; i++)
      expect(eventsOf(await chain.endSession(), 'market.complaint-upheld')).toEqual([]);
    const verdict = await chain.endSession();
    expect(eventsOf(verdict, 'market.complaint-upheld')).toHaveLength(1);
    expect(eventsOf(verdict, 'market.fault-noted')).toMatchObject([
      { role: '3', key: toHex(accused.nodeKey), fault: '3', warning: '1' },
    ]);
    const fee = before - chain.free(market.owner('p0'));
    expect(fee).toBeGreaterThan(0n);
    expect(fee).toBeLessThan(DEPOSIT / 2n);
    expect([...complaints.list(chain.state)]).toEqual([]);
  });

  it('[P2V-2.G1] of the second time in a period costs score, and less each time the same one says it', async () => {
    const { market, chain, kit, accused, heard, job } = await silence(
      {},
      { standing: { ...UNLIMITED, periodSessions: 100, probationReceipts: 20, bond: 0n } },
    );
    const more = [job, await market.request('bert'), await market.request('cleo')];
    await chain.blocks(2);
    for (const each of more) await kit.complains('p0', each, accused, heard);
    const scores = [kit.standing(accused).score];
    for (let i = 0; i < 3; i++) await chain.endSession();
    scores.push(kit.standing(accused).score);
    expect(kit.standing(accused).failuresInRow).toBe(3);
    // A warning, then a half and a quarter of a whole failure, in the order of the jobs.
    expect(scores).toEqual([444, 341]);
  });

  it('[P2V-2.G1] the fake complaint costs its deposit: the partner acknowledged the notice', async () => {
    const { market, chain, kit, accused, heard, job, p0 } = await silence();
    const word = await kit.told('p0', job, accused);
    await kit.complains('p0', job, accused, heard);
    const [pot, owner] = [chain.free(FEE_POT), chain.free(market.owner('p0'))];
    const block = await kit.rebuts(accused, 'p0', job, word);
    expect(eventsOf(block, 'market.complaint-dismissed')).toMatchObject([
      { partner: toHex(p0.id), reason: 'was-told', deposit: `${DEPOSIT}` },
    ]);
    expect(chain.free(FEE_POT) - pot).toBeGreaterThan(DEPOSIT);
    expect(chain.free(market.owner('p0'))).toBe(owner);
    expect(heldFor(chain.state, market.owner('p0').id, complaintPurpose(p0.id))).toBe(0n);
    for (let i = 0; i < 3; i++) await chain.endSession();
    expect(kit.standing(accused).failuresInRow).toBe(0);
  });

  it('[P2V-2.G1] helps the censored partner: both that answer for it are silent, and both pay', async () => {
    const { market, chain, kit, accused, second, p0 } = await begin();
    const envelope = await kit.ready('p0');
    const heard = await Promise.all(
      [accused, second].map((validator) => kit.hears(validator, 'p0', envelope)),
    );
    await chain.block();
    const job = await market.request('alice');
    await chain.block();
    await kit.complains('p0', job, accused, heard[0]!);
    await kit.complains('p0', job, second, heard[1]!);
    expect(heldFor(chain.state, market.owner('p0').id, complaintPurpose(p0.id))).toBe(2n * DEPOSIT);
    for (let i = 0; i < 3; i++) await chain.endSession();
    expect([accused, second].map((each) => kit.standing(each).failuresInRow)).toEqual([1, 1]);
  });

  it('[P2V-6] [P2V-7] is dismissed when the partner had said since that it was full, or gone', async () => {
    const { market, chain, kit, accused, p0 } = await begin();
    const heard = await kit.isReady('p0', accused);
    const full = await kit.ready('p0', { accepting: 0, reason: 'full' });
    const busy = await kit.ready('p0', { freeSlots: 0 });
    const picky = await kit.ready('p0', { utility: UTILITY.access });
    const atMs = chain.timeMs;
    const gone = await kit.say(p0, signOff, { sequence: 99n, atMs, reason: 'home' });
    await chain.block();
    const words = [full, busy, picky, gone];
    const jobs = [];
    for (const _ of words) jobs.push(await market.request('alice'));
    await chain.block();
    for (const job of jobs) await kit.complains('p0', job, accused, heard);
    const reasons = [];
    for (const [i, word] of words.entries()) {
      const block = await kit.rebuts(accused, 'p0', jobs[i]!, word);
      reasons.push(...eventsOf(block, 'market.complaint-dismissed').map(({ reason }) => reason));
    }
    expect(reasons).toEqual(['took-no-work', 'took-no-work', 'took-no-work', 'signed-off']);
  });

  it('is refused when it comes before the notice had its time, after its session, or twice', async () => {
    const { market, chain, kit, accused, p0 } = await begin();
    const heard = await kit.isReady('p0', accused);
    await chain.block();
    const job = await market.request('alice');
    const complaint = kit.complaint(job, accused, heard);
    await chain.expectRefused('market/too-early', p0, complain, complaint);
    await kit.complains('p0', job, accused, heard);
    await chain.expectRefused('market/complaint-known', p0, complain, complaint);
    await kit.rebuts(accused, 'p0', job, await kit.told('p0', job, accused));
    await chain.expectRefused('market/complaint-known', p0, complain, complaint);
    await chain.endSession();
    await chain.expectRefused('market/complaint-known', p0, complain, complaint);
    await chain.endSession();
    await chain.expectRefused('market/too-late', p0, complain, complaint);
    const nowhere = { ...complaint, job: new Uint8Array(32) };
    await chain.expectRefused('market/no-such-job', p0, complain, nowhere);
  });

  it('is refused in the very block of the job: its file is not closed yet', async () => {
    const { market, chain, kit, accused, p0 } = await begin();
    const heard = await kit.isReady('p0', accused);
    await chain.block();
    const tx = await market.requestTx('alice');
    const complaint = kit.complaint(await chain.idOf(tx), accused, heard);
    const { results } = await chain.block([tx, await chain.sign(p0, complain, complaint)]);
    expect(results.map(({ codespace }) => codespace)).toEqual(['', 'market/too-early']);
  });

  it('is refused about a validator that did not answer for the partner', async () => {
    const { kit, chain, job, others, p0 } = await silence();
    const heard = await kit.isReady('p0', others[0]!);
    const complaint = kit.complaint(job, others[0]!, heard);
    await chain.expectRefused('market/not-responsible', p0, complain, complaint);
  });

  const misfits = {
    'another utility': { utility: UTILITY.access },
    'too large a content': { maxSize: 19_999n },
    'too long a term': { maxSessions: 2 },
    'too low a rate': { price: RATE + 1n },
    'no room for it': { freeBytes: 19_999n },
  };
  for (const [what, change] of Object.entries(misfits))
    it(`[C2V-4] is refused about a job that does not fit: ${what}`, async () => {
      const { market, chain, kit, accused, p0 } = await begin();
      const heard = await kit.isReady('p0', accused, change);
      await chain.block();
      const job = await market.request('alice');
      await chain.block();
      const complaint = kit.complaint(job, accused, heard);
      await chain.expectRefused('market/does-not-fit', p0, complain, complaint);
    });

  const closed = {
    'at capacity': { accepting: 0 },
    'without a free slot': { freeSlots: 0 },
    'gone since': { expiresMs: 0n },
  };
  for (const [what, change] of Object.entries(closed))
    it(`[P2V-6] is refused of a partner that was ${what} by its own READY`, async () => {
      const { market, chain, kit, accused, p0 } = await begin();
      const heard = await kit.isReady('p0', accused, change);
      await chain.block();
      const job = await market.request('alice');
      await chain.block();
      const complaint = kit.complaint(job, accused, heard);
      await chain.expectRefused('market/not-ready-then', p0, complain, complaint);
    });

  it('is refused without the words of both sides, about this READY, from before the block', async () => {
    const { market, chain, kit, accused, second, heard, job, p0 } = await silence();
    const other = await kit.isReady('p0', accused);
    const late = await kit.hears(accused, 'p0', heard.ready, { height: market.job(job).height });
    const foreign = await kit.isReady('p1', accused);
    const bySecond = await kit.hears(second, 'p0', heard.ready);
    const wrong = [
      late,
      foreign,
      bySecond,
      { ...heard, ready: other.ready },
      { ...heard, ready: heard.acknowledgement },
      { ...heard, acknowledgement: heard.ready },
      { ...heard, acknowledgement: new Uint8Array(9) },
      {
        ...heard,
        acknowledgement: heard.acknowledgement.with(-1, heard.acknowledgement.at(-1)! ^ 1),
      },
    ];
    for (const each of wrong) {
      const complaint = kit.complaint(job, accused, each);
      await chain.expectRefused('market/bad-evidence', p0, complain, complaint);
    }
    await kit.complains('p0', job, accused, heard);
  });

  it('is refused of a partner that may not take the job, or has no deposit', async () => {
    const { chain, kit, accused, heard, job, p0 } = await silence(
      {},
      { standing: { ...UNLIMITED, probationReceipts: 20, bond: 60n * PAL } },
    );
    const complaint = kit.complaint(job, accused, heard);
    await chain.expectRefused('market/no-bond', p0, complain, complaint);
    await chain.run(p0, postBond, { total: 99n * PAL });
    await kit.complains('p0', job, accused, heard);
    const poor = await silence({ complaintDeposit: 1000n * PAL });
    const dear = poor.kit.complaint(poor.job, poor.accused, poor.heard);
    await poor.chain.expectRefused('accounts/insufficient-funds', poor.p0, complain, dear);
  });

  it('is one of so many that a partner can have open', async () => {
    const { market, chain, kit, accused, heard, job, p0 } = await silence({ maxOpenComplaints: 1 });
    const other = await market.request('bert');
    await chain.blocks(2);
    await kit.complains('p0', job, accused, heard);
    const complaint = kit.complaint(other, accused, heard);
    await chain.expectRefused('market/too-many-complaints', p0, complain, complaint);
    await kit.rebuts(accused, 'p0', job, await kit.told('p0', job, accused));
    await kit.complains('p0', other, accused, heard);
  });

  it('still stands against a validator that lost its seat since: rosters are of the session', async () => {
    const { chain, kit, accused, heard, job } = await silence();
    const { address } = accused;
    const validator = { address, power: 10n };
    const { height } = chain;
    const proof = {
      type: 'duplicate-vote',
      validator,
      height,
      timeNs: 0n,
      totalVotingPower: 40n,
    } as const;
    await chain.block([], { misbehavior: [proof] });
    expect(chain.seats()).toHaveLength(3);
    await kit.complains('p0', job, accused, heard);
  });

  it('leaves nothing behind when its time is over', async () => {
    const { chain, kit, accused, heard, job } = await silence();
    await kit.complains('p0', job, accused, heard);
    for (let i = 0; i < 3; i++) await chain.endSession();
    expect([...complaints.list(chain.state), ...fileTimes.list(chain.state)]).toEqual([]);
    expect([...rosters.list(chain.state)].map(([[session]]) => session)).toEqual([3n, 4n]);
  });
});

describe('a rebuttal', () => {
  it('is refused without the word of this partner, to this validator, about this job', async () => {
    const { market, chain, kit, accused, second, heard, job, p0 } = await silence();
    const other = await market.request('bert');
    const machine = kit.machine(accused);
    const told = await kit.told('p0', job, accused);
    const early = kit.rebuttal('p0', job, told);
    await chain.expectRefused('market/no-complaint', machine, rebut, early);
    await kit.complains('p0', job, accused, heard);
    const words = { job, validator: accused.nodeKey, height: 1n };
    const wrong = [
      await kit.told('p0', other, accused),
      await kit.told('p0', job, second),
      await kit.say(machine, noticeAck, words),
      // By which it takes the job after all, and one that is no later than that of the complaint.
      await kit.ready('p0', { atMs: 0n }),
      await kit.ready('p0', { accepting: 0, atMs: 0n, sequence: 1n }),
      await kit.ready('p0', { accepting: 0, atMs: chain.timeMs + 60_000n }),
      await kit.say(p0, signOff, { sequence: 9n, atMs: chain.timeMs + 60_000n, reason: '' }),
      heard.acknowledgement,
    ];
    for (const word of wrong)
      await chain.expectRefused(
        'market/bad-evidence',
        machine,
        rebut,
        kit.rebuttal('p0', job, word),
      );
    await chain.expectRefused('market/no-complaint', kit.machine(second), rebut, early);
    const nowhere = { ...early, job: new Uint8Array(32) };
    await chain.expectRefused('market/no-such-job', machine, rebut, nowhere);
    await kit.rebuts(accused, 'p0', job, told);
    await chain.expectRefused('market/complaint-over', machine, rebut, early);
  });

  it('comes too late when the case is decided', async () => {
    const { chain, kit, accused, heard, job } = await silence();
    await kit.complains('p0', job, accused, heard);
    for (let i = 0; i < 3; i++) await chain.endSession();
    const late = kit.rebuttal('p0', job, await kit.told('p0', job, accused));
    await chain.expectRefused('market/no-complaint', kit.machine(accused), rebut, late);
    expect(kit.standing(accused).failuresInRow).toBe(1);
  });
});
