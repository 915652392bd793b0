import { toHex } from '@palisade/core';
import { type RpcServer, serveRpc, silentLogger } from '@palisade/daemon';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALICE, at, BOB, DOMAIN, output, pay, recover } from '../../../payments/test/wallets.ts';
import { Operator } from '../../test/operator.ts';
import { childChainMethods } from './rpc.ts';

const operator = new Operator({ domain: DOMAIN, recover });
let server: RpcServer;
beforeAll(async () => {
  const methods = childChainMethods({
    submit: (signed) => operator.submit(signed),
    block: (root) => operator.block(root),
    fees: () => ({ '1': [] }),
    configuration: () => ({ deposit_finality_margin: 10 }),
  });
  server = await serveRpc({
    ...{ host: '127.0.0.1', port: 0, service: 'child_chain', version: '1.0.5+test', methods },
    log: silentLogger,
  });
});
afterAll(() => server.stop());

type Answer = { readonly data: { readonly code?: string } };

async function ask(method: string, body: unknown): Promise<Answer> {
  const response = await fetch(`${server.url}/${method}`, {
    ...{ method: 'POST', body: JSON.stringify(body) },
  });
  return (await response.json()) as Answer;
}

describe('the API of a child chain', () => {
  it('[X16] takes payments, and hands out the block that was made of them', async () => {
    operator.deposit(at(1), output([ALICE, 10n]));
    const transaction = toHex(pay([at(1)], [ALICE], [[BOB, 10n]]));
    expect(await ask('transaction.submit', { transaction })).toMatchObject({
      ...{ success: true, data: { blknum: 1000, txindex: 0 } },
    });
    expect(await ask('transaction.submit', { transaction })).toMatchObject({
      ...{ success: false, data: { code: 'submit:utxo_not_found' } },
    });
    const { tree } = operator.close();
    expect((await ask('block.get', { hash: toHex(tree.root) })).data).toEqual({
      ...{ blknum: 1000, hash: toHex(tree.root), transactions: [transaction] },
    });
    const none = await ask('block.get', { hash: `0x${'00'.repeat(32)}` });
    expect(none.data.code).toBe('get_block:not_found');
  });

  it('[X16] hands a batch in as a whole, in its order, so that its payments can share a block', async () => {
    const handedIn: number[] = [];
    let close = () => {};
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    const methods = childChainMethods({
      submit: async (signed) => {
        if (handedIn.push(signed[0]!) === 3) close();
        await closed;
        return { blknum: 1000, txindex: signed[0]! - 1, txhash: signed };
      },
      block: () => undefined,
      fees: () => ({}),
      configuration: () => ({}),
    });
    const answers = await methods['transaction.batch_submit']!.call({
      transactions: ['0x01', '0x02', '0x03'],
    });
    expect(answers).toMatchObject([{ txindex: 0 }, { txindex: 1 }, { txindex: 2 }]);
    expect(handedIn).toEqual([1, 2, 3]);
  });
});
