/** The client SDK and partners as they will meet: stored, read back, prolonged and ended. */
import { memorySpool, openMarket, spoolFile } from '@palisade/client';
import { accountSigner, isRefusal, nodeSigner, toHex } from '@palisade/core';
import { cancel, complete, ROLE, standingQuery } from '@palisade/market/schema';
import { afterEach, describe, expect, it } from 'vitest';
import {
  agreementOnChain,
  type Cleanup,
  contentOf,
  MIB,
  type Pool,
  QUICK,
  send,
  sessionsUntil,
  startPool,
  startTestPartner,
  until,
} from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** As many partners as copies, and a client that has stored a sealed file with them. */
async function stored(pool: Pool, size: number, replicas: number) {
  const partners = await Promise.all(
    Array.from({ length: replicas }, (_, number) => startTestPartner(pool, cleanups, { number })),
  );
  const secret = pool.network.clientSecret;
  const account = { signer: accountSigner(secret), ownerSecret: secret };
  const market = openMarket(pool.chain, account);
  const plain = contentOf(size).bytes;
  const source = (async function* () {
    yield plain;
  })();
  const manifest = { name: 'a file', kind: 'file', size: plain.length } as const;
  const spooled = await spoolFile(source, manifest, account, memorySpool);
  const wish = { size: spooled.size, replicas, durationMs: 60_000 };
  const quote = () => market.quote(wish).catch(() => undefined);
  await until(async () => (await quote()) !== undefined, { what: 'partners that may take it' });
  const { sessions, maxRate } = await market.quote(wish);
  const put = await market.put({ ...spooled, replicas, sessions, maxRate });
  return { market, partners, plain, put };
}

/** From now on validators keep commands of one name out of their blocks, until one of another comes. */
function leaveOut({ node: { application } }: Pool, name: string, until: string): void {
  const prepare = application.prepareProposal.bind(application);
  application.prepareProposal = async (request) => {
    const { txs } = await prepare(request);
    const opened = await application.opener.open(txs);
    const names = opened.map((tx) => (isRefusal(tx) ? '' : tx.declaration.name));
    if (names.includes(until)) application.prepareProposal = prepare;
    return names.includes(until) ? { txs } : { txs: txs.filter((_, i) => names[i] !== name) };
  };
}

describe('the SDK and three partners', () => {
  it('[C2V-0..C2V-7, P2V-1..P2V-8] store a sealed file, read it back, and end with a receipt', async () => {
    const pool = await startPool(cleanups, { ...QUICK, sessionMs: 6000 });
    const { market, partners, plain, put } = await stored(pool, 3 * MIB + 11, 3);
    expect(put.partners).toHaveLength(3);
    const got = await market.get(put.job);
    const parts: Uint8Array[] = [];
    for await (const part of got.bytes) parts.push(part);
    expect(Buffer.concat(parts).equals(plain)).toBe(true);
    const agreed = (nodeKey: Uint8Array) => agreementOnChain(pool, put.job, nodeKey);
    const { nodeKey: first } = partners[0]!;
    await sessionsUntil(pool, async () => (await agreed(first))!.answered > 0);
    await market.remove(put.job);
    const states = () =>
      Promise.all(partners.map(async ({ nodeKey }) => (await agreed(nodeKey))!.state));
    await sessionsUntil(pool, async () => `${await states()}` === '2,2,2', { what: 'the end' });
  });

  it('[C2V-7.G2] the receipt nobody includes: validators acknowledge it and leave it out, and the chain finds them guilty by their own words', async () => {
    const pool = await startPool(cleanups, { ...QUICK, sessionMs: 30_000 });
    const { market, partners, put } = await stored(pool, 1000, 1);
    const known = `${partners[0]!.url}/v1/agreements/${toHex(put.job)}`;
    await until(async () => (await send('GET', known)).json.state === 'complete', {
      what: 'the partner hears of its start',
    });
    // Until the client gives up: behind a receipt that nobody includes, nothing of it has its turn.
    leaveOut(pool, complete.name, cancel.name);
    const removal = await market.remove(put.job);
    expect(removal).toMatchObject({
      completed: [],
      unanswered: [{ error: { code: 'client/receipt-omitted' } }],
      cancelled: true,
    });
    const active = pool.network.validators.slice(0, 4);
    const failures = active.map(async ({ nodeSecret }) => {
      const who = { role: ROLE.validator, key: nodeSigner(nodeSecret).id };
      return (await pool.chain.query(standingQuery, who)).failuresInRow;
    });
    const guilty = (await Promise.all(failures)).filter((count) => count === 1);
    expect(3 * guilty.length).toBeGreaterThan(active.length);
  });
});
