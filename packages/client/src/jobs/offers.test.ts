import { equalBytes, nodeSigner, toHex } from '@palisade/core';
import { rateFor } from '@palisade/market/schema';
import { describe, expect, it } from 'vitest';
import { useJobs } from '../../test/jobs-kit.ts';

const kit = useJobs(3);

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !isSo(); ) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('offers', () => {
  it('[C2V-4.2] a direct partner is taken at the price of its READY, though it made no offer', async () => {
    const [direct, ...others] = kit.network.partners;
    direct!.direct = true;
    for (const other of others) other.server.fault = () => 'reset';
    const { partners, view } = await kit.store(1000, 1);
    expect(partners.map(({ partner }) => toHex(partner))).toEqual([toHex(direct!.signer.id)]);
    expect(partners[0]!.rate).toBe(rateFor(direct!.price, view.job.size));
  });

  it('[C2V-4.2] nobody is direct who does not say so in its own signed words', async () => {
    const [liar, ...others] = kit.network.partners;
    liar!.direct = true;
    // The validator shows its READY under another signature.
    Object.assign(liar!, {
      signer: { ...liar!.signer, sign: nodeSigner(new Uint8Array(32).fill(77)).sign },
    });
    const { partners } = await kit.store(1000, 2, { quoted: 2 });
    expect(partners.map(({ partner }) => toHex(partner)).sort()).toEqual(
      others.map(({ signer }) => toHex(signer.id)).sort(),
    );
  });

  it('[P2V-4.G1] the client reports whom it reached, and whom it did not', async () => {
    const [away] = kit.network.partners;
    away!.server.fault = () => 'reset';
    const { job, partners } = await kit.store(1000, 2);
    await until(
      () =>
        kit.network.reports.length >= 2 + Number(kit.network.reports.some(({ ok }) => ok === 0)),
    );
    for (const { partner } of partners)
      expect(kit.network.reports).toContainEqual({ job, partner, ok: 1, sequence: 1n });
    for (const { partner, ok } of kit.network.reports)
      expect(ok).toBe(equalBytes(partner, away!.signer.id) ? 0 : 1);
  });
});
