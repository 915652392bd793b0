/** A new partner and what the chain lets it do, with real validators. */
import { send as transfer } from '@palisade/chain/schema';
import { accountSigner, nodeSigner, signEnvelope, toHex } from '@palisade/core';
import { offer, ROLE, ready, returnBond, standingQuery } from '@palisade/market/schema';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Cleanup,
  contentOf,
  errorCode,
  type Pool,
  PRICE,
  partnerKey,
  QUICK,
  send,
  sessionsUntil,
  startPool,
  startTestPartner,
  until,
} from './pool-kit.ts';

const PAL = 10n ** 18n;
const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const standingOf = ({ chain }: Pool, key: Uint8Array) =>
  chain.query(standingQuery, { role: ROLE.partner, key });

/** The text of a stream of offers, as far as it came in a moment. */
async function offersSoFar(pool: Pool, job: Uint8Array, ms: number): Promise<string> {
  let text = '';
  const url = `${pool.urls[0]}/v1/jobs/${toHex(job)}/offers?limit=1`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ms) });
    for await (const chunk of response.body!) text += Buffer.from(chunk).toString();
  } catch (error) {
    if ((error as Error).name !== 'TimeoutError') throw error;
  }
  return text;
}

describe('a new partner', () => {
  it('[P2V-1] posts its bond by itself, once, and its account gets it back after its time', async () => {
    const pool = await startPool(cleanups);
    const key = partnerKey(pool);
    const { dataDir, stop } = await startTestPartner(pool, cleanups);
    const bond = async () => (await standingOf(pool, key)).bond;
    await until(async () => (await bond()) > 0n, { what: 'the bond' });
    const first = await standingOf(pool, key);
    expect(first).toMatchObject({ bond: 4n * PAL, score: 444, receipts: 0 });
    await stop();
    await startTestPartner(pool, cleanups, { dataDir });
    const owner = accountSigner(pool.network.partners[0]!.accountSecret);
    const due = first.bondSession + 5n;
    await sessionsUntil(pool, async () => (await pool.chain.session()).number >= due);
    expect(await bond()).toBe(4n * PAL);
    await pool.chain.send(returnBond, { partner: key }, owner);
    expect(await bond()).toBe(0n);
  });

  it('[P2V-2.G3] whose account cannot pay a bond takes no work, and does as soon as it can', async () => {
    const pool = await startPool(cleanups, { ...QUICK, sessionMs: 60_000 });
    const { accountSecret, nodeSecret } = pool.network.partners[0]!;
    const account = accountSigner(accountSecret);
    const { client } = pool;
    await pool.chain.send(
      transfer,
      { to: client.signer.id, denom: 'pal', amount: 97n * PAL },
      account,
    );
    const partner = await startTestPartner(pool, cleanups);
    const content = contentOf(10);
    const job = await client.request(content);
    expect(await offersSoFar(pool, job, 2000)).not.toContain('event: offer');
    const { json } = await send('GET', `${partner.url}/status`);
    expect(json).toMatchObject({ accepting: false, reason: expect.stringContaining('a bond of') });
    // Nor would validators pass such an offer on.
    const own = {
      job,
      rate: PRICE,
      validUntilMs: BigInt(pool.clock.nowMs() + 60_000),
      ready: await readyOf(pool, nodeSecret, partner.url),
    };
    const said = await signEnvelope(offer, own, pool.domain, nodeSigner(nodeSecret));
    expect(errorCode(await send('POST', `${pool.urls[0]}/v1/offers`, said))).toBe('market/no-bond');
    await pool.chain.send(
      transfer,
      { to: account.id, denom: 'pal', amount: 10n * PAL },
      client.signer,
    );
    await until(async () => (await standingOf(pool, partner.nodeKey)).bond > 0n, {
      what: 'the bond',
    });
    const { partner: offering } = await client.offerFor(job);
    expect(toHex(offering)).toBe(toHex(partner.nodeKey));
    expect(await offersSoFar(pool, job, 1000)).toContain('"score":444');
    expect((await standingOf(pool, partner.nodeKey)).bond).toBe(4n * PAL);
  });
});

async function readyOf(
  { domain, clock }: Pool,
  secret: Uint8Array,
  url: string,
): Promise<Uint8Array> {
  const value = {
    sequence: 1n,
    atMs: BigInt(clock.nowMs()),
    expiresMs: BigInt(clock.nowMs() + 60_000),
    url,
    utility: 1,
    price: PRICE,
    maxSize: 1n << 30n,
    maxSessions: 100,
    freeBytes: 1n << 30n,
    freeSlots: 10,
    direct: 0,
    accepting: 1,
    reason: '',
  };
  return signEnvelope(ready, value, domain, nodeSigner(secret));
}
