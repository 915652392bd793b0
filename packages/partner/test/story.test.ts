/** A partner's whole work, with real validators: from READY to the last payment. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '@palisade/core';
import { afterEach, describe, expect, it } from 'vitest';
import {
  agreementOnChain,
  type Cleanup,
  contentOf,
  MIB,
  partnerKey,
  sessionsUntil,
  startPool,
  startTestPartner,
  until,
  upload,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('a partner at work', () => {
  it('[P2V-1..P2V-5] announces, offers, takes a content, starts, proves it and is paid', async () => {
    const pool = await startPool(cleanups);
    const partner = await startTestPartner(pool, cleanups);
    const { client } = pool;
    const content = contentOf(2 * MIB + 5);
    const job = await client.request(content, { sessions: 2 });
    const offer = await client.offerFor(job);
    expect(offer.partner).toEqual(partner.nodeKey);
    await client.accept(job, offer.partner, offer.rate);
    const voucher = await client.voucher(job, partner.nodeKey, { rate: offer.rate });
    const answer = await upload(partner.url, job, voucher, content);
    expect(answer).toMatchObject({
      status: 200,
      json: { state: 'starting', offset: content.size },
    });
    const mine = () => agreementOnChain(pool, job, partnerKey(pool));
    await until(async () => (await mine()) !== undefined, { what: 'the start' });
    await sessionsUntil(pool, async () => (await mine())!.state === 2, { what: 'the end' });
    const agreement = await mine();
    expect(agreement).toMatchObject({ answered: 2, missed: 0, paid: 2n * offer.rate });
    await until(
      async () => (await readdir(join(partner.dataDir, 'agreements/ended'))).length === 1,
    );
    const { firstSession } = agreement!;
    const lines = await readFile(join(partner.dataDir, 'ledger', `${firstSession}.jsonl`), 'utf8');
    expect(JSON.parse(lines)).toMatchObject({
      session: `${firstSession}`,
      job: toHex(job),
      rate: `${offer.rate}`,
      sequence: 1,
    });
    expect((await fetch(`${partner.url}/v1/content/${toHex(content.contentId)}`)).status).toBe(404);
  });
});
