import { catalogue, nodeSigner, type Opened, open, PalisadeError, toHex } from '@palisade/core';
import { acknowledgement, cancel, complete, UTILITY } from '@palisade/market/schema';
import { describe, expect, it } from 'vitest';
import { refusedWith, useJobs } from '../../test/jobs-kit.ts';

const kit = useJobs();

describe('the end and the renewal of a job', () => {
  it('[C2V-7] files a receipt signed by both for each partner', async () => {
    const { job } = await kit.store(10, 3);
    const plan = await kit.market.planRemoval(job);
    const removal = await kit.market.remove(job);
    expect(removal).toMatchObject({ cancelled: false, unanswered: [] });
    expect(removal.completed).toHaveLength(3);
    expect(removal.fee).toBeLessThanOrEqual(plan.fee);
    const { agreements } = kit.network.chain.jobs.get(toHex(job))!;
    for (const { final, lastSession } of agreements.values())
      expect([final, lastSession]).toEqual([1, 5n]);
    expect(await kit.market.remove(job)).toMatchObject({ cancelled: false, fee: 0n });
  });

  it('[C2V-7.G2] the receipt nobody includes: more than a third of the weight acknowledged it, and each of them is reported', async () => {
    const { job } = await kit.store(10, 1);
    kit.network.chain.omits = complete.name;
    const take = kit.network.chain.take.bind(kit.network.chain);
    kit.network.chain.take = (opened) => {
      // By then it was given up.
      if (opened.declaration.name === cancel.name) kit.network.chain.omits = '';
      return take(opened);
    };
    const removal = await kit.market.remove(job);
    expect(removal.unanswered).toMatchObject([{ error: { code: 'client/receipt-omitted' } }]);
    const { omissions, validators } = kit.network.chain;
    const accused = omissions.map((report) => {
      const said = open(
        report.acknowledgement,
        catalogue([acknowledgement]),
        kit.network.chain.domain,
      );
      const missing = kit.network.chain.open(report.transaction);
      expect(missing).toMatchObject({ declaration: { name: complete.name } });
      expect(said).toMatchObject({ value: { transaction: (missing as Opened).id } });
      return toHex((said as Opened).sender);
    });
    expect(new Set(accused).size).toBe(accused.length);
    expect(3 * accused.length).toBeGreaterThan(validators.length);
  });

  it('[C2V-7.G2] says why a job is not ended when the cancellation waits behind a receipt that nobody includes', async () => {
    const { job } = await kit.store(10, 1);
    kit.network.chain.omits = complete.name;
    await expect(kit.market.remove(job)).rejects.toMatchObject({
      code: 'client/not-included',
      message: expect.stringMatching(/is not ended: .* acknowledged receipt .* reported for it\.$/),
      next: expect.stringContaining('end it again'),
    });
  });

  it('cancels what is used interactively: its receipts are signed where it is used', async () => {
    const { job } = await kit.store(10, 2);
    kit.network.chain.jobs.get(toHex(job))!.job.utility = UTILITY.computation;
    const removal = await kit.market.remove(job);
    expect(removal).toMatchObject({ cancelled: true, completed: [], unanswered: [] });
  });

  it('[C2V-7.G1] cancels when a partner does not answer, or signs with another key', async () => {
    const { job, partners } = await kit.store(10, 3);
    kit.partnerOf(partners[0]!.partner).server.fault = () => 'reset';
    kit.partnerOf(partners[1]!.partner).voice = nodeSigner(new Uint8Array(32).fill(66));
    const removal = await kit.market.remove(job);
    expect(removal.cancelled).toBe(true);
    expect(removal.completed).toHaveLength(1);
    expect(removal.unanswered.map(({ error }) => error.code).sort()).toEqual([
      'client/bad-answer',
      'client/connection',
    ]);
    await expect(kit.market.remove(job)).rejects.toEqual(refusedWith('client/job-over'));
  });

  it('[C2V-7] makes the receipt again when the session ends in between', async () => {
    const { job } = await kit.store(10, 1);
    const take = kit.network.chain.take.bind(kit.network.chain);
    let turned = false;
    kit.network.chain.take = (opened) => {
      if (opened.declaration.name === 'market.complete' && !turned) {
        turned = true;
        kit.network.chain.session++;
      }
      return take(opened);
    };
    expect((await kit.market.remove(job)).completed).toHaveLength(1);
  });

  it('nobody else can remove a job', async () => {
    const { job } = await kit.store(10, 1);
    await expect(kit.marketOf(new Uint8Array(32).fill(3)).remove(job)).rejects.toEqual(
      refusedWith('client/not-yours'),
    );
  });

  it('renews with more escrow and a newer voucher for each partner', async () => {
    const { job, view } = await kit.store(10, 2);
    const plan = await kit.market.planRenewal(job, 119_000);
    expect(plan.sessions).toBe(2);
    const renewal = await kit.market.renew(job, plan.sessions);
    expect(renewal.prolonged).toHaveLength(2);
    const after = kit.network.chain.jobs.get(toHex(job))!;
    expect(after.job.escrow - view.job.escrow).toBe(plan.escrow);
    for (const agreement of after.agreements.values())
      expect(agreement).toMatchObject({ sequence: 2, sessions: view.job.sessions + 2 });
  });

  it('tells the whole history of a job', async () => {
    const { job } = await kit.store(10, 2);
    const { history, agreements } = await kit.market.job(job);
    expect(history.map(({ name }) => name)).toEqual([
      'market.job-confirmed',
      'market.agreement-started',
      'market.agreement-started',
    ]);
    expect(agreements).toHaveLength(2);
    expect((await kit.market.jobs()).map(({ id }) => toHex(id))).toEqual([toHex(job)]);
    await expect(kit.market.job(new Uint8Array(32))).rejects.toBeInstanceOf(PalisadeError);
  });
});
