import { accountSigner, equalBytes, nodeSigner, toHex } from '@palisade/core';
import { rateFor } from '@palisade/market/schema';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FairClock } from '../../test/fair-clock.ts';
import { FakeNetwork } from '../../test/fake-network.ts';
import { connect } from '../base/index.ts';
import { memorySpool, openMarket, spoolFile } from './index.ts';

const SECRET = new Uint8Array(32).fill(7);
const policy = { attempts: 4, timeoutMs: 400, pauseMs: 5 };

let network: FakeNetwork;
/** All is in this process. */
const clock = new FairClock();
afterAll(() => clock.stop());
beforeEach(async () => {
  network = await FakeNetwork.start(3);
});
afterEach(() => network.stop());

async function store(replicas: number, quoted = 3) {
  const chain = connect({
    urls: [network.urls[0]!],
    policy,
    environment: { ...clock.environment, random: () => 0 },
  });
  const market = openMarket(chain, { signer: accountSigner(SECRET), ownerSecret: SECRET });
  const bytes = new Uint8Array(1000).fill(3);
  async function* stream() {
    yield bytes;
  }
  const manifest = { name: 'plan.txt', kind: 'file', size: bytes.length } as const;
  const spooled = await spoolFile(stream(), manifest, { ownerSecret: SECRET }, memorySpool);
  const { sessions, maxRate } = await market.quote({ size: 1000, replicas: quoted, durationMs: 1 });
  return market.put({ ...spooled, replicas, sessions, maxRate, patienceMs: 2000 });
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !isSo(); ) {
    if (Date.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('offers', () => {
  it('[C2V-4.2] a direct partner is taken at the price of its READY, though it made no offer', async () => {
    const [direct, ...others] = network.partners;
    direct!.direct = true;
    for (const other of others) other.server.fault = () => 'reset';
    const { partners, view } = await store(1);
    expect(partners.map(({ partner }) => toHex(partner))).toEqual([toHex(direct!.signer.id)]);
    expect(partners[0]!.rate).toBe(rateFor(direct!.price, view.job.size));
  });

  it('[C2V-4.2] nobody is direct who does not say so in its own signed words', async () => {
    const [liar, ...others] = network.partners;
    liar!.direct = true;
    // The validator shows its READY under another signature.
    Object.assign(liar!, {
      signer: { ...liar!.signer, sign: nodeSigner(new Uint8Array(32).fill(77)).sign },
    });
    const { partners } = await store(2, 2);
    expect(partners.map(({ partner }) => toHex(partner)).sort()).toEqual(
      others.map(({ signer }) => toHex(signer.id)).sort(),
    );
  });

  it('[P2V-4.G1] the client reports whom it reached, and whom it did not', async () => {
    const [away] = network.partners;
    away!.server.fault = () => 'reset';
    const { job, partners } = await store(2);
    await until(
      () => network.reports.length >= 2 + Number(network.reports.some(({ ok }) => ok === 0)),
    );
    for (const { partner } of partners)
      expect(network.reports).toContainEqual({ job, partner, ok: 1, sequence: 1n });
    for (const { partner, ok } of network.reports)
      expect(ok).toBe(equalBytes(partner, away!.signer.id) ? 0 : 1);
  });
});
