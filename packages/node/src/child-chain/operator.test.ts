import { isRefusal, toHex } from '@palisade/core';
import { type RpcServer, serveRpc, silentLogger } from '@palisade/daemon';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALICE, at, BOB, DOMAIN, output, pay, recover } from '../../../payments/test/wallets.ts';
import { Operator } from './operator.ts';
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

describe('an operator of a child chain', () => {
  it('[X16] takes payments over its API, and hands out the block that it made of them', async () => {
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

  it('[X4] refuses to spend an output from the start of its exit, and takes it again when that is over', () => {
    operator.deposit(at(1001), output([BOB, 5n]));
    const spend = pay([at(1001)], [BOB], [[ALICE, 5n]]);
    operator.setExiting(at(1001), true);
    expect(isRefusal(operator.submit(spend))).toBe(true);
    operator.setExiting(at(1001), false);
    expect(isRefusal(operator.submit(spend))).toBe(false);
  });
});
