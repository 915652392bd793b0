import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import {
  ADDRESS,
  develop,
  fileOf,
  freshHomes,
  json,
  network,
  run,
  STORED,
} from '../../test/cli-kit.ts';

freshHomes();

describe('standing', () => {
  const KEY = `0x${'ab'.repeat(32)}`;

  it('[P2V-2.G3] of a partner says what it is trusted with, and why it gets no new work', async () => {
    await develop();
    const chain = network!.chain;
    const challenge = { challengeFinding: 2, challengeSession: 12n };
    chain.standing = { score: 317, failuresInRow: 5, contained: 1, receipts: 3, ...challenge };
    chain.mayTake = { ...chain.mayTake, code: 'market/low-score', message: 'Low.', next: 'Wait.' };
    const { out } = await run(['standing', KEY]);
    expect(out).toContain('317 of 1000');
    expect(out).toMatch(/failures\s+5 in a row, contained until it passes a challenge/);
    expect(out).toMatch(/bond\s+4 PAL/);
    expect(out, '[P2V-1.G2]').toMatch(/challenge\s+failed: no answer \(session 12\)/);
    expect(out).toMatch(/new work\s+no: Low\. Wait\./);
    const view = json((await run(['standing', KEY, '--json'])).out);
    expect(view).toMatchObject({ role: 2, score: 317, barred: { code: 'market/low-score' } });
  });

  it('of a client or a validator has no limits', async () => {
    await develop();
    const { out } = await run(['standing', ADDRESS]);
    expect(out).toContain('444 of 1000');
    expect(out).not.toContain('bond');
    const validator = await run(['standing', KEY, '--validator', '--json']);
    expect(json(validator.out)).toMatchObject({ role: 3, score: 444 });
    expect(await run(['standing', '0x12'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('palisade partners --json'),
    });
  });

  it('a bond goes back after a yes', async () => {
    await develop();
    const no = await run(['return-bond', KEY], { answers: ['no'] });
    expect(no.out).toContain('Nothing was sent');
    const { out, err } = await run(['return-bond', KEY], { answers: ['yes'] });
    expect(err).toMatch(/bond\s+4 PAL/);
    expect(out).toMatch(/4 PAL are free again since block \d+/);
    expect(network!.chain.nonces.get(`${ADDRESS}/main`)).toBe(1n);
  });

  it('[C2V-4.1] is shown with every partner, and put chooses by it', async () => {
    await develop();
    for (const [i, score] of [444, 900].entries())
      network!.partners[i]!.standing = { score, receipts: 7, bond: `${4n * 10n ** 18n}` };
    const { out } = await run(['partners']);
    expect(out).toMatch(/score\s+receipts\s+bond\s+challenge/);
    expect(out).toMatch(/900\s+7\s+4 PAL\s+none/);
    const { path } = fileOf(100);
    const refused = await run(['put', path, ...STORED, '--min-score', '500', '--json']);
    expect(json(refused.out)).toMatchObject({ error: { code: 'client/too-few-partners' } });
    const line = ['put', path, '--replicas', '1', '--for', '1m', '--min-score', '500', '--yes'];
    const stored = await run([...line, '--json']);
    expect(stored.code).toBe(0);
    const [agreement] = [...network!.chain.jobs.values()][0]!.agreements.keys();
    expect(agreement).toBe(toHex(network!.partners[1]!.signer.id));
  });
});
