import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '@palisade/core';
import { encryptSecret, LIGHT_COST, publicKeyOf } from '@palisade/daemon/base';
import { describe, expect, it } from 'vitest';
import {
  ADDRESS,
  develop,
  freshHomes,
  home,
  json,
  network,
  run,
  SECRET,
} from '../../test/cli-kit.ts';

freshHomes();

const PUBLIC = toHex(publicKeyOf('account', SECRET)).slice(2);

describe('keys', () => {
  const env = { PALISADE_PASSPHRASE: 'correct horse' };
  const light = async () =>
    JSON.stringify({
      ...(await encryptSecret(SECRET, env.PALISADE_PASSPHRASE, { cost: LIGHT_COST })),
      pubkey: '',
    });

  it('are imported, listed, used and exported, and never shown', async () => {
    const secret = toHex(SECRET);
    const made = await run(['keys', 'import', 'alice'], { env, stdin: `${secret}\n` });
    expect(made).toMatchObject({ code: 0, out: expect.stringContaining(ADDRESS) });
    const file = join(home, 'keys/alice.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const list = await run(['keys', 'list', '--json']);
    expect(json(list.out).keys).toMatchObject([
      { name: 'alice', kind: 'account', address: ADDRESS },
    ]);
    const exported = await run(['keys', 'export', 'alice']);
    expect(JSON.parse(exported.out)).toHaveProperty('crypto');
    for (const { out, err } of [made, list, exported])
      expect(out + err).not.toContain(secret.slice(2));
  });

  it('of other tools are imported with their passphrase', async () => {
    const path = join(home, 'foreign.json');
    writeFileSync(path, await light());
    const made = await run(['keys', 'import', 'bob', '--file', path, '--json'], { env });
    expect(json(made.out)).toMatchObject({ name: 'bob', address: ADDRESS });
    const wrong = { PALISADE_PASSPHRASE: 'wrong horse' };
    const refused = await run(['keys', 'import', 'eve', '--file', path], { env: wrong });
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('wrong-passphrase') });
  });

  it('ask for a passphrase twice, and say so when there is nobody to ask', async () => {
    const differ = await run(['keys', 'new', 'carol'], {
      answers: ['one passphrase', 'another one'],
    });
    expect(differ).toMatchObject({ code: 2, err: expect.stringContaining('differ') });
    expect(existsSync(join(home, 'keys/carol.json'))).toBe(false);
    const nobody = await run(['keys', 'new', 'carol']);
    expect(nobody).toMatchObject({ code: 2, err: expect.stringContaining('--passphrase-file') });
  });

  it('that are not there, or of the other kind, are not asked a passphrase for', async () => {
    const url = { PALISADE_URL: 'http://127.0.0.1:9' };
    const nobody = await run(['balance', '--key', 'nobody'], { env: url });
    expect(nobody.err).toContain('keystore/no-such-key');
    const pubkey = toHex(publicKeyOf('node', SECRET)).slice(2);
    const file = JSON.stringify({ ...JSON.parse(await light()), kind: 'node', pubkey });
    writeFileSync(join(home, 'keys/machine.json'), file);
    const machine = await run(['balance', '--key', 'machine'], { env: url });
    expect(machine).toMatchObject({ code: 1, err: expect.stringContaining('cli/other-kind') });
  });

  it('are to be made when there are none, and named when there are several', async () => {
    const url = { PALISADE_URL: 'http://127.0.0.1:9' };
    expect((await run(['balance'], { env: url })).err).toContain('palisade keys new NAME');
    const file = JSON.stringify({ ...JSON.parse(await light()), kind: 'account', pubkey: PUBLIC });
    mkdirSync(join(home, 'keys'), { recursive: true, mode: 0o700 });
    for (const name of ['a', 'b']) writeFileSync(join(home, `keys/${name}.json`), file);
    const which = await run(['balance'], { env: url });
    expect(which.err).toContain('There are several keys: a, b.');
    await develop();
    const chosen = { ...env, PALISADE_URL: network!.urls[0]! };
    const { out } = await run(['balance', '--key', 'b', '--json'], { env: chosen });
    expect(json(out)).toMatchObject({ address: ADDRESS });
  });
});
