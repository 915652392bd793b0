import { revokeNodeKey, send } from '@palisade/chain/schema';
import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { eventsOf, PAL } from '../../../chain/test/chain-kit.ts';
import { Duties } from '../../test/duty-kit.ts';
import { startMarket } from '../../test/market-kit.ts';
import { cancel, complete, reportOmission } from '../index.ts';
import { omissions } from './records.ts';

/** A start of p0 for alice's job that v0 acknowledges, and blocks that leave it out. */
async function omitted(blocks = 3) {
  const market = await startMarket({ weights: [10n, 10n] });
  const { chain } = market;
  await chain.endSession();
  const kit = new Duties(market);
  const v0 = chain.validators[0]!;
  const job = await market.request('alice');
  const tx = await market.startTx('alice', 'p0', job);
  const omission = await kit.omission(v0, tx);
  await chain.blocks(blocks);
  const bert = market.client('bert');
  return { market, chain, kit, v0, job, tx, omission, bert };
}

describe('an acknowledged transaction in no block', () => {
  it('[P2V-5.G] is evidence against the validator that acknowledged the start, once', async () => {
    const { chain, kit, v0, tx, omission, bert } = await omitted();
    const block = await kit.report('bert', omission);
    expect(eventsOf(block, 'market.omission-proven')).toMatchObject([
      { validator: toHex(v0.nodeKey), transaction: toHex(await chain.idOf(tx)) },
    ]);
    expect(eventsOf(block, 'market.fault-noted')).toMatchObject([
      { role: '3', key: toHex(v0.nodeKey), fault: '4', warning: '1' },
    ]);
    await chain.expectRefused('market/omission-known', bert, reportOmission, omission);
    const again = await kit.omission(v0, tx, chain.height - 5n);
    await chain.expectRefused('market/omission-known', bert, reportOmission, again);
    // It can still be executed; that ends the matter.
    expect((await chain.block([tx])).results[0]?.code).toBe(0);
  });

  it('[C2V-7.G2, P2V-8.G2] may be the receipt nobody includes, reported by the very client who filed it', async () => {
    const { market, chain, kit, v0, job, tx } = await omitted();
    await chain.block([tx]);
    const receipt = await chain.sign(
      market.client('alice'),
      complete,
      await market.partnerSigned('p0', job, chain.session.number),
    );
    const omission = await kit.omission(v0, receipt);
    await chain.blocks(3);
    await kit.report('alice', omission);
    expect(kit.standing(v0).failuresInRow).toBe(1);
    expect((await chain.block([receipt])).results[0]?.code).toBe(0);
  });

  it('[C2V-7.G2] may still wait in the mempool: a report of it, and another after that, come beside it', async () => {
    const { chain, kit, tx, omission, bert } = await omitted();
    const check = async (each: Uint8Array) =>
      (await chain.application.checkTx({ tx: each, type: 'new' })).codespace;
    expect(await check(tx)).toBe('');
    const other = await kit.omission(chain.validators[1]!, tx, chain.height - 3n);
    for (const each of [omission, other])
      expect(await check(await chain.sign(bert, reportOmission, each))).toBe('');
    // What a report would be refused for in a block is refused here, too.
    expect(await check(await chain.sign(bert, reportOmission, omission))).toBe(
      'market/omission-known',
    );
  });

  it('is no evidence of a transaction that a block took, or whose place another took', async () => {
    const { market, chain, kit, v0, job, tx, omission, bert } = await omitted();
    await chain.block([tx]);
    await chain.expectRefused('market/not-omitted', bert, reportOmission, omission);
    const alice = market.client('alice');
    const one = await chain.sign(alice, cancel, { job });
    const other = await kit.omission(v0, one);
    await chain.blocks(3);
    await chain.run(alice, cancel, { job, nonce: 0n });
    await chain.expectRefused('market/not-omitted', bert, reportOmission, other);
    expect(kit.standing(v0).failuresInRow).toBe(0);
  });

  it('is no evidence while another of the same block takes it first', async () => {
    const { market, chain, tx, omission } = await omitted();
    const report = await chain.sign(market.client('bert'), reportOmission, omission);
    const { results } = await chain.block([tx, report]);
    expect(results.map(({ codespace }) => codespace)).toEqual(['', 'market/not-omitted']);
  });

  it('is no evidence when its command would be refused, or its fee cannot be paid', async () => {
    const { market, chain, kit, v0, job, omission, bert } = await omitted();
    const alice = market.client('alice');
    await chain.run(alice, cancel, { job });
    await chain.expectRefused('market/not-omitted', bert, reportOmission, omission);
    const other = await market.request('alice');
    const dear = await chain.sign(alice, cancel, { job: other, maxFee: 1n });
    const unpaid = await kit.omission(v0, dear);
    await chain.blocks(3);
    await chain.expectRefused('market/not-omitted', bert, reportOmission, unpaid);
  });

  it('is no evidence when its machine was revoked since', async () => {
    const { market, chain, omission, bert } = await omitted();
    const nodeKey = market.partner('p0').id;
    await chain.run(market.owner('p0'), revokeNodeKey, { nodeKey });
    await chain.expectRefused('market/not-omitted', bert, reportOmission, omission);
  });

  it('has two whole blocks to get into one, and is forgotten after the next session', async () => {
    const { chain, kit, v0, omission, tx, bert } = await omitted(2);
    await chain.expectRefused('market/too-early', bert, reportOmission, omission);
    const future = await kit.omission(v0, tx, chain.height + 9n);
    await chain.expectRefused('market/too-early', bert, reportOmission, future);
    await kit.report('bert', omission);
    await chain.endSession();
    await chain.expectRefused('market/omission-known', bert, reportOmission, omission);
    await chain.endSession();
    await chain.expectRefused('market/too-late', bert, reportOmission, omission);
    await chain.endSession();
    expect([...omissions.list(chain.state)]).toEqual([]);
  });

  it('needs the word of a validator about this very transaction, and a transaction of the chain', async () => {
    const { market, chain, kit, v0, tx, omission, bert, job } = await omitted();
    const other = await market.startTx('alice', 'p1', job);
    const stranger = { ...v0, secret: new Uint8Array(32).fill(7) };
    const { acknowledgement } = omission;
    const payment = { to: bert.id, denom: 'pal', amount: PAL };
    const wrong = [
      { transaction: other, acknowledgement },
      { transaction: tx.with(-1, tx.at(-1)! ^ 1), acknowledgement },
      { transaction: tx, acknowledgement: acknowledgement.with(-1, acknowledgement.at(-1)! ^ 1) },
      { transaction: tx, acknowledgement: tx },
      { transaction: acknowledgement, acknowledgement },
      await kit.omission(stranger, tx, 1n),
      // Of another module that nobody handed to this one.
      await kit.omission(v0, await chain.sign(market.client('cleo'), send, payment), 1n),
    ];
    for (const each of wrong)
      await chain.expectRefused('market/bad-evidence', bert, reportOmission, each);
  });
});
