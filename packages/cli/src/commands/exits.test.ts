import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exactJson, parseExactJson } from '@palisade/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freshHomes, home, run } from '../../test/cli-kit.ts';

freshHomes();

const OWNER = `0x${'a1'.repeat(20)}`;
const TX = `0x${'b2'.repeat(32)}`;
const EXITS = [
  {
    ...{ kind: 'standard', exit_id: 2n ** 150n, state: 'open', danger: 'WATCH' },
    ...{ events: ['invalid_exit'], eth_height: 90n, scheduled_finalization_time: 1_800_000_000n },
    ...{ utxo_pos: 9_007_200_000_000_000_001n, owner: OWNER, amount: 15n * 10n ** 17n },
    currency: `0x${'00'.repeat(20)}`,
  },
  {
    ...{ kind: 'in-flight', exit_id: 7n, state: 'finalized', danger: 'OK', events: [] },
    ...{ eth_height: 50n, scheduled_finalization_time: null, txhash: TX, txbytes: '0x00' },
    ...{ is_canonical: true, piggybacked_inputs: [0n], piggybacked_outputs: [] },
  },
];

const STATUS = {
  danger: { level: 'DANGER', reasons: ['challenger_underfunded'], advice: 'Fund it.' },
  ...{ synced: true, mode: 'defensive', childBlock: 4000n, rootHeight: 90n, openExits: 2n },
  spending: { allowed: false, reason: 'The chain is in danger.' },
  challenger: { address: OWNER, balance: `${25n * 10n ** 16n}` },
};
const FOUND = [{ kind: 'invalid_exit', exitId: 2n ** 150n }, { kind: 'withheld_block' }];
const answers: Record<string, unknown> = {};

/** A watcher as far as these commands see it. */
let watcher: Server;
let api: string;
const asked: unknown[] = [];
beforeEach(() => {
  answers['/status'] = STATUS;
  answers['/exit.all'] = { success: true, data: EXITS };
  answers['/evidence.all'] = { success: true, data: FOUND };
});
beforeAll(async () => {
  watcher = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      asked.push([request.url, body && parseExactJson(body)]);
      response.end(exactJson(answers[request.url!]));
    });
  });
  await new Promise<void>((resolve) => watcher.listen(0, '127.0.0.1', resolve));
  api = `http://127.0.0.1:${(watcher.address() as AddressInfo).port}`;
});
afterAll(() => {
  watcher.closeAllConnections();
  watcher.close();
});

describe('exit list', () => {
  it('[X11] shows exits of all kinds with their state and danger, also those that are over', async () => {
    const { code, out } = await run(['exit', 'list', '--api', api, '--page', '2']);
    expect(code).toBe(0);
    const [head, open, over] = out.split('\n');
    expect(head).toMatch(/state +amount +can be paid +danger/);
    expect(open).toMatch(
      /^9007200000000000001 +open +1\.5 ether +after 2027-.* WATCH +invalid_exit/,
    );
    expect(over).toMatch(new RegExp(`^in flight ${TX} +finalized +OK$`));
    expect(asked.at(-1)).toEqual(['/exit.all', { open: false, page: 2n }]);
  });

  it('gives exact numbers to programs', async () => {
    const { out } = await run(['exit', 'list', '--open', '--api', api, '--json']);
    expect(out).toContain('9007200000000000001');
    expect(asked.at(-1)).toEqual(['/exit.all', { open: true, page: 1n }]);
  });
});

describe('watch status', () => {
  const ask = (...more: readonly string[]) => run(['watch', 'status', '--api', api, ...more]);

  it('[X11] tells the danger, what to do about it and who challenges, and fails while it lasts', async () => {
    const { code, out } = await ask();
    expect(code).toBe(1);
    expect(out).toMatch(/^DANGER {2}challenger_underfunded\nwhat to do +Fund it\./);
    expect(out).toMatch(/^spending +refused: The chain is in danger\.$/m);
    expect(out).toMatch(new RegExp(`^challenger +${OWNER}, 0\\.25 ether$`, 'm'));
  });

  it('succeeds when all is well, and passes on what else a watcher says', async () => {
    const danger = { level: 'OK', reasons: [], advice: 'Nothing.' };
    answers['/status'] = { ...STATUS, danger, waiting: 3n };
    const { code, out } = await ask('--json');
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringContaining('"waiting": "3"'),
    });
  });

  it('believes nothing that has another shape', async () => {
    answers['/status'] = { ...STATUS, danger: { level: 'FINE' } };
    expect((await ask()).err).toContain('wallet/bad-answer');
  });
});

describe('exit evidence', () => {
  const ask = () => run(['exit', 'evidence', '--api', api]);

  it('[X7] prints one document a line, with exact numbers', async () => {
    expect((await ask()).out).toBe(FOUND.map((one) => `${exactJson(one)}\n`).join(''));
  });

  it('says why a watcher gives none', async () => {
    const data = { code: 'evidence:busy', description: 'It is being collected.' };
    answers['/evidence.all'] = { success: false, data };
    const { err } = await ask();
    expect(err).toContain('wallet/refused');
    expect(err).toContain('It is being collected.');
  });
});

describe('exit check', () => {
  const place = { framework: OWNER, dialect: 'v2' };
  const root = `0x${'cc'.repeat(32)}`;
  const wrongNumber = {
    ...{ kind: 'invalid_block', place, blknum: 2000, root, transactions: [], txindex: null },
    ...{ answered: { number: 3000, hash: root }, made: [], left: [], earlier: null },
  };
  const check = async (...documents: readonly unknown[]) => {
    const path = join(home, 'evidence.jsonl');
    writeFileSync(path, documents.map((one) => `${exactJson(one)}\n`).join(''));
    return run(['exit', 'check', path]);
  };

  it('[X7] says of a file what it shows, and whom to ask for the rest', async () => {
    const withheld = { kind: 'withheld_block', place, blknum: 3000, root, sinceMs: 0, tries: 9 };
    const { code, out } = await check(wrongNumber, withheld);
    expect(code).toBe(0);
    expect(out.match(/✓/g)).toHaveLength(2);
    expect(out).toContain('✓ Block 2000 is invalid');
    expect(out).toMatch(/ask for blocks\(2000\) of the framework/);
    expect(out).toMatch(/ask for block\.get of the child chain/);
  });

  it('[X7] fails when one document shows nothing, and when it is none', async () => {
    const right = { ...wrongNumber, txindex: 0, answered: { number: 2000, hash: root } };
    const { code, out } = await check(wrongNumber, right);
    expect({ code, out }).toMatchObject({ code: 1, out: expect.stringContaining('✗') });
    const none = await check({ ...wrongNumber, kind: 'rumour' });
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('no evidence') });
  });
});
