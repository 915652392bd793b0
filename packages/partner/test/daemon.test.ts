/** The partner as a process of its own: settings, keys, signals. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex } from '@palisade/core';
import { LIGHT_COST, listKeys, loadConfig, openKeystore, renderToml } from '@palisade/daemon';
import { afterEach, describe, expect, it } from 'vitest';
import { bundleScript } from '../../daemon/test/child.ts';
import { partnerConfig } from '../src/index.ts';
import { type Cleanup, partnerKey, send, startPool, tempFolder, until } from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe('the settings', () => {
  it('say of every key what it is for, and a generated file changes nothing', async () => {
    for (const key of listKeys(partnerConfig)) expect(key.description.length).toBeGreaterThan(10);
    const file = join(await tempFolder(cleanups), 'partner.toml');
    await writeFile(file, renderToml(partnerConfig, { title: 'A partner' }));
    expect(loadConfig(partnerConfig, { file }).value).toEqual(loadConfig(partnerConfig, {}).value);
  });

  it('never show the passphrase, and refuse a key that nothing reads', () => {
    expect(listKeys(partnerConfig).find(({ path }) => path === 'node.passphrase')?.secret).toBe(
      true,
    );
    expect(() => loadConfig(partnerConfig, { set: { 'partner.prise': '5' } })).toThrow(
      /partner\.price/,
    );
  });
});

describe('the daemon', () => {
  it('[P2V-7] starts from a file and variables, and at SIGTERM signs off and exits with 0', async () => {
    const pool = await startPool(cleanups, undefined, { hasProcesses: true });
    const dataDir = await tempFolder(cleanups);
    const keys = await openKeystore(join(dataDir, 'keys'));
    await keys.import({
      name: 'partner',
      kind: 'node',
      passphrase: 'correct horse',
      secret: pool.network.partners[0]!.nodeSecret,
      cost: LIGHT_COST,
    });
    const file = join(dataDir, 'partner.toml');
    const values = {
      node: { dataDir, validators: [...pool.urls] },
      listen: { port: 0 },
      partner: { quotaBytes: 2 ** 24, reserveBytes: 0, price: 7n },
      timing: { stillActiveMs: 1000 },
    };
    await writeFile(file, renderToml(partnerConfig, { values }));
    const script = await bundleScript(
      `import { runPartnerDaemon } from './src/index.ts';
       await runPartnerDaemon({ file: process.argv[2], env: { PALISADE_NODE_PASSPHRASE: process.argv[3] } });`,
      fileURLToPath(new URL('..', import.meta.url)),
    );
    cleanups.push(async () => script.remove());
    const wrong = script.run(file, 'wrong horse');
    expect(await wrong.ended).toBe(1);
    expect(JSON.stringify(wrong.lines())).toContain('keystore/wrong-passphrase');
    const child = script.run(file, 'correct horse');
    const { url } = await child.saw('listening');
    const status = (await send('GET', `${url}/status`)).json;
    expect(status).toMatchObject({ nodeKey: toHex(partnerKey(pool)), price: '7', accepting: true });
    const ready = async () =>
      (await pool.chain.partners()).find(({ nodeKey }) => toHex(nodeKey) === status.nodeKey)?.ready;
    await until(async () => (await ready())?.accepting === 1);
    child.kill('SIGTERM');
    expect(await child.ended).toBe(0);
    expect(await ready()).toBeUndefined();
    const text = JSON.stringify(child.lines());
    expect(text).not.toContain('correct horse');
    expect(text).not.toContain(toHex(pool.network.partners[0]!.nodeSecret).slice(2));
  });
});
