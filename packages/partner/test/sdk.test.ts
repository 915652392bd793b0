/** The client SDK and partners as they will meet: stored, read back, prolonged and ended. */
import { memorySpool, openMarket, spoolFile } from '@palisade/client';
import { accountSigner } from '@palisade/core';
import { afterEach, describe, expect, it } from 'vitest';
import {
  agreementOnChain,
  type Cleanup,
  contentOf,
  MIB,
  QUICK,
  sessionsUntil,
  startPool,
  startTestPartner,
  until,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('the SDK and three partners', () => {
  it('[C2V-0..C2V-7, P2V-1..P2V-8] store a sealed file, read it back, and end with a receipt', async () => {
    const pool = await startPool(cleanups, { ...QUICK, sessionMs: 6000 });
    const partners = await Promise.all(
      [0, 1, 2].map((number) => startTestPartner(pool, cleanups, { number })),
    );
    const secret = pool.network.clientSecret;
    const account = { signer: accountSigner(secret), ownerSecret: secret };
    const market = openMarket(pool.chain, account);
    const plain = contentOf(3 * MIB + 11).bytes;
    const source = (async function* () {
      yield plain;
    })();
    const manifest = { name: 'a file', kind: 'file', size: plain.length } as const;
    const spooled = await spoolFile(source, manifest, account, memorySpool);
    await until(async () => (await pool.chain.partners()).length === 3);
    const { sessions, maxRate } = await market.quote({
      size: spooled.size,
      replicas: 3,
      durationMs: 60_000,
    });
    const stored = await market.put({ ...spooled, replicas: 3, sessions, maxRate });
    expect(stored.partners).toHaveLength(3);
    const got = await market.get(stored.job);
    const parts: Uint8Array[] = [];
    for await (const part of got.bytes) parts.push(part);
    expect(Buffer.concat(parts).equals(plain)).toBe(true);
    const agreed = (nodeKey: Uint8Array) => agreementOnChain(pool, stored.job, nodeKey);
    const { nodeKey: first } = partners[0]!;
    await sessionsUntil(pool, async () => (await agreed(first))!.answered > 0);
    await market.remove(stored.job);
    const states = () =>
      Promise.all(partners.map(async ({ nodeKey }) => (await agreed(nodeKey))!.state));
    await sessionsUntil(pool, async () => `${await states()}` === '2,2,2', { what: 'the end' });
  });
});
