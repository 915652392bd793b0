import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exactJson, PalisadeError, toHex } from '@palisade/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChildChain, httpChildChain } from './child-chain.ts';

const HASH = new Uint8Array(32).fill(7);
const good = { blknum: 1000n, hash: toHex(HASH), transactions: ['0x0102', '0x'] };

let answer: (response: ServerResponse) => void;
let server: Server;
let childChain: ChildChain;
beforeAll(async () => {
  server = createServer((_, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  childChain = httpChildChain(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const say = (body: string, status = 200) => {
  answer = (response) => response.writeHead(status).end(body);
};
const sayData = (data: unknown, success = true) => say(exactJson({ success, data }));

describe('the API of a child chain, as a watcher reads it', () => {
  it('[X7] gives blocks, and says when there is none', async () => {
    sayData(good);
    expect(await childChain.block(HASH)).toEqual({
      ...{ number: 1000, hash: HASH },
      transactions: [Uint8Array.of(1, 2), new Uint8Array()],
    });
    sayData({ object: 'error', code: 'get_block:not_found' }, false);
    expect(await childChain.block(HASH)).toBeUndefined();
  });

  it.each([
    ['a page of a proxy', '<html>502</html>'],
    ['nothing', ''],
    ['another envelope', '{"result":1}'],
    [
      'a hash that is too long',
      exactJson({ success: true, data: { ...good, hash: `0x00${'a'.repeat(100)}` } }),
    ],
    ['a number that is none', exactJson({ success: true, data: { ...good, blknum: -1n } })],
    ['half of a byte', exactJson({ success: true, data: { ...good, transactions: ['0x012'] } })],
    [
      'a transaction beyond all size',
      exactJson({ success: true, data: { ...good, transactions: [`0x${'00'.repeat(2000)}`] } }),
    ],
    ['a failure without reason', '{"success":false,"data":null}'],
  ])('[X7] %s is no block, and asked for again later', async (_, body) => {
    say(body);
    const error = await childChain.block(HASH).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PalisadeError);
    expect((error as PalisadeError).retry).toBe('later');
  });

  it('[X7] an answer without end is cut off', async () => {
    answer = (response) => {
      const more = () => {
        while (response.write('"'.repeat(65_536)));
        response.once('drain', more);
      };
      response.on('error', () => {});
      more();
    };
    await expect(childChain.forward('fees.all', {})).rejects.toThrowError(
      /more than 1048576 bytes/,
    );
  });

  it('one that is not there is unreachable', async () => {
    const nobody = httpChildChain('http://127.0.0.1:1');
    await expect(nobody.block(HASH)).rejects.toThrowError(/does not answer/);
  });
});
