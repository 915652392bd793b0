import { nodeSigner } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { MIB, useJobs } from '../../test/jobs-kit.ts';

const kit = useJobs();

describe('a quote', () => {
  it('[C2V-4.1] is the escrow at the dearest partner needed, and names the only fee', async () => {
    const quote = await kit.market.quote({ size: 3 * MIB, replicas: 2, durationMs: 120_000 });
    expect(quote).toMatchObject({ sessions: 3, maxRate: 3n * 1001n, escrow: 2n * 3n * 3n * 1001n });
    expect(quote.partners.map(({ rate }) => rate)).toEqual([3000n, 3003n, 3006n, 3009n]);
    expect(quote.fee).toBeGreaterThan(kit.network.chain.params.feeBase);
  });

  it('[C2V-4.1] leaves out partners above the price that the client allows, and says so', async () => {
    const wish = { size: 1, replicas: 2, durationMs: 1, maxPrice: 1001n };
    expect((await kit.market.quote(wish)).partners).toHaveLength(2);
    await expect(kit.market.quote({ ...wish, replicas: 3 })).rejects.toMatchObject({
      code: 'client/too-few-partners',
      data: { found: 2, known: 4 },
    });
  });

  it('[C2V-4.1] leaves out partners below the score that the client wants, and those of unknown score', async () => {
    for (const [i, score] of [444, 900, 419].entries())
      kit.network.partners[i]!.standing = { score, receipts: 3, bond: '44' };
    const wish = { size: 1, replicas: 1, durationMs: 1 };
    expect((await kit.market.quote(wish)).partners).toHaveLength(4);
    const { partners } = await kit.market.quote({ ...wish, minScore: 420 });
    expect(partners.map(({ partner }) => partner.standing)).toEqual([
      { score: 444, receipts: 3, bond: 44n },
      { score: 900, receipts: 3, bond: 44n },
    ]);
    const refused = kit.market.quote({ ...wish, minScore: 901 });
    await expect(refused).rejects.toMatchObject({
      data: {
        reasons: expect.arrayContaining([
          expect.stringContaining('scores 900, below 901'),
          expect.stringContaining('has no score that is known'),
        ]),
      },
    });
  });

  it('[P2V-4, P2V-4.G1] believes a partner only what it has signed itself, and the forged endpoint to nobody', async () => {
    const board = kit.network.validators.map(({ server }) => server);
    const forged = nodeSigner(new Uint8Array(32).fill(77));
    Object.assign(kit.network.partners[0]!, {
      signer: { ...kit.network.partners[0]!.signer, sign: forged.sign },
    });
    expect(board).toHaveLength(4);
    const { partners } = await kit.market.quote({ size: 1, replicas: 1, durationMs: 1 });
    expect(partners).toHaveLength(3);
  });
});
