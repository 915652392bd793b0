import { describe, expect, it } from 'vitest';
import { RATE, runningJob } from '../test/market-kit.ts';
import {
  AGREEMENT_STATE,
  complete,
  fileVoucher,
  partnerComplete,
  UTILITY,
  type usageVoucher,
} from './index.ts';

/** Two sessions at the rate of the kit: the ceiling of what can be vouched for. */
const CEILING = 2n * RATE;
const HALF = RATE / 2n;
const RESULT = new Uint8Array(32).fill(7);

const begin = () => runningJob({ utility: UTILITY.computation, sessions: 2 });

describe('a usage voucher is refused', () => {
  it('that the client did not sign for this job, partner and total', async () => {
    const { market, chain, job } = await begin();
    const p0 = market.partner('p0');
    const refused = (fields: Parameters<typeof usageVoucher.schema.toJson>[0] | object) =>
      chain.expectRefused('market/voucher-not-signed', p0, fileVoucher, fields as never);
    await refused(await market.usage('bert', 'p0', job));
    await refused(await market.usage('alice', 'p1', job));
    const good = await market.usage('alice', 'p0', job, { units: 1n, amount: HALF });
    for (const change of [
      { sequence: 2 },
      { units: 2n },
      { amount: RATE },
      { timeMs: good.timeMs + 1n },
      { previous: RESULT },
    ])
      await refused({ ...good, ...change });
    await chain.run(p0, fileVoucher, good);
  });

  it('with sequence 0, for whatever amount, and it convicts nobody of anything', async () => {
    const { market, chain, job } = await begin();
    const zero = await market.fileTx('alice', 'p0', job, { sequence: 0, amount: HALF });
    const { score } = market.clientStanding('alice');
    await chain.expectTxRefused('market/voucher-not-newer', zero);
    expect(market.clientStanding('alice').score).toBe(score);
  });

  it('of storage, of unknown jobs, by partners without an agreement, and after a receipt', async () => {
    const { market, chain, job } = await begin();
    const storage = await market.request('alice');
    await market.start('alice', 'p0', storage);
    await chain.expectTxRefused(
      'market/not-interactive',
      await market.fileTx('alice', 'p0', storage, {}),
    );
    await chain.expectTxRefused('market/no-agreement', await market.fileTx('alice', 'p1', job, {}));
    const unknown = new Uint8Array(32);
    const lost = await market.fileTx('alice', 'p0', unknown, {});
    await chain.expectTxRefused('market/no-such-job', lost);
    await market.complete('alice', 'p0', job, chain.session.number, { amount: HALF });
    const kept = await market.fileTx('alice', 'p0', job, { sequence: 9, amount: RATE });
    await chain.expectTxRefused('market/agreement-ending', kept);
  });
});

describe('a receipt of computation is refused', () => {
  it('that says less than a filed voucher, or names a session that has not come', async () => {
    const { market, chain, job } = await begin();
    const { number } = chain.session;
    await market.file('alice', 'p0', job, { sequence: 3, units: 5n, amount: RATE });
    const refused = async (code: string, last: bigint, sequence: number, use: object) => {
      const receipt = await market.clientSigned('alice', 'p0', job, last, sequence, use);
      await chain.expectRefused(code, market.partner('p0'), partnerComplete, receipt);
    };
    const good = { units: 5n, amount: RATE };
    await refused('market/other-voucher', number, 2, good);
    await refused('market/other-voucher', number, 3, { ...good, units: 4n });
    await refused('market/other-voucher', number, 3, { ...good, amount: RATE - 1n });
    await refused('market/bad-last-session', number + 1n, 3, good);
    await market.partnerComplete('alice', 'p0', job, number, good, 3);
    await refused('market/agreement-ending', number, 4, { ...good, amount: CEILING });
  });

  it('that names a session after the last one, when the window is open', async () => {
    const { market, chain, job } = await begin();
    for (let i = 0; i < 2; i++) await chain.endSession();
    expect(market.agreement(job, 'p0').state).toBe(AGREEMENT_STATE.disputed);
    const { number } = chain.session;
    const late = await market.clientSigned('alice', 'p0', job, number, 1, { amount: HALF });
    const p0 = market.partner('p0');
    await chain.expectRefused('market/bad-last-session', p0, partnerComplete, late);
  });

  it('but not because its session ended before it was filed', async () => {
    const { market, chain, job } = await begin();
    const { number } = chain.session;
    const receipt = await market.clientSigned('alice', 'p0', job, number, 1, { amount: HALF });
    await chain.endSession();
    await chain.run(market.partner('p0'), partnerComplete, receipt);
    expect(market.agreement(job, 'p0').lastSession).toBe(number + 1n);
  });

  it('when one of storage names use', async () => {
    const { market, chain, job: _ } = await begin();
    const job = await market.request('alice');
    await market.start('alice', 'p0', job);
    for (const use of [{ units: 1n }, { amount: 1n }, { result: RESULT }]) {
      const receipt = await market.partnerSigned('p0', job, chain.session.number, 1, use);
      await chain.expectRefused(
        'market/not-interactive',
        market.client('alice'),
        complete,
        receipt,
      );
    }
  });
});
