import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { ctr } from '@noble/ciphers/aes.js';
import { scrypt } from '@noble/hashes/scrypt.js';
import { fromHex, PalisadeError, toHex, utf8 } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { logSection } from '../log/section.ts';
import {
  decryptSecret,
  encryptSecret,
  LIGHT_COST,
  parseKeystore,
  passphraseBytes,
} from './eip2335.ts';
import { addressOfPublicKey, publicKeyOf } from './keys.ts';
import { type Keystore, openKeystore } from './keystore.ts';

/** Tests make hundreds of keys: the least cost that is still a table. */
const cost = 16;
const passphrase = 'correct horse';

let dir: string;
let folders = 0;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'palisade-keys-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function freshKeystore(): Promise<{ keys: Keystore; at: string }> {
  const at = join(dir, `keys-${folders++}`);
  return { keys: await openKeystore(at), at };
}

/** The two test cases of ERC-2335, of which only the figures below differ. */
const VECTORS = {
  scrypt: {
    kdf: { dklen: 32, n: 262144, p: 1, r: 8 },
    checksum: 'd2217fe5f3e9a1e34581ef8a78f7c9928e436d36dacc5e846690a5581e8ea484',
    message: '06ae90d55fe0a6e9c5c3bc5b170827b2e5cce3929ed3f116c2811e6366dfe20f',
  },
  pbkdf2: {
    kdf: { dklen: 32, c: 262144, prf: 'hmac-sha256' },
    checksum: '8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1',
    message: 'cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad',
  },
};

function vectorFile(name: keyof typeof VECTORS): string {
  const { kdf, checksum, message } = VECTORS[name];
  const salt = 'd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3';
  const iv = '264daa3f303d7259501c93d997d84fe6';
  return JSON.stringify({
    crypto: {
      kdf: { function: name, params: { ...kdf, salt }, message: '' },
      checksum: { function: 'sha256', params: {}, message: checksum },
      cipher: { function: 'aes-128-ctr', params: { iv }, message },
    },
    path: 'm/12381/60/0/0',
    uuid: '64625def-3331-4eea-ab6f-782f3ed16a83',
    version: 4,
  });
}

describe('the encrypted form', () => {
  const password = '𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑';
  const secret = '0x000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f';

  it.each(['scrypt', 'pbkdf2'] as const)('opens the test case of ERC-2335 for %s', async (name) => {
    expect(toHex(await decryptSecret(parseKeystore(vectorFile(name)), password))).toBe(secret);
  });

  it('reads passphrases as ERC-2335 does: compatibility forms folded, control codes dropped', () => {
    expect(toHex(passphraseBytes(password))).toBe('0x7465737470617373776f7264f09f9491');
    expect(toHex(passphraseBytes('a\u0000\u001f\u007f\u0080\u009f b'))).toBe('0x612062');
  });

  it('is what an independent scrypt and AES would open', async () => {
    const raw = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
    const { crypto } = await encryptSecret(raw, passphrase, { cost: LIGHT_COST });
    if (crypto.kdf.function !== 'scrypt') throw new Error('scrypt is what we write');
    const { n: N, r, p, salt } = crypto.kdf.params;
    const derived = scrypt(utf8(passphrase), fromHex(salt), { N, r, p, dkLen: 32 });
    const cipher = ctr(derived.slice(0, 16), fromHex(crypto.cipher.params.iv));
    expect(toHex(cipher.decrypt(fromHex(crypto.cipher.message)))).toBe(toHex(raw));
  });

  it('refuses files that would make us work without end', () => {
    const greedy = (path: (file: ReturnType<typeof JSON.parse>) => void) => {
      const file = JSON.parse(vectorFile('scrypt'));
      path(file);
      return () => parseKeystore(JSON.stringify(file));
    };
    expect(greedy((f) => (f.crypto.kdf.params.n = 2 ** 21))).toThrow('needs over 1 GiB');
    expect(greedy((f) => (f.crypto.kdf.params.n = 1000))).toThrow('power of two');
    expect(greedy((f) => (f.crypto.kdf.params.dklen = 64))).toThrow('dklen');
    expect(greedy((f) => (f.version = 3))).toThrow('version');
    expect(() => parseKeystore('{')).toThrow('not JSON');
  });
});

describe('the folder of keys', () => {
  const kind = fc.constantFrom('account' as const, 'node' as const);
  const phrase = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 30 });
  const secret = fc
    .uint8Array({ minLength: 32, maxLength: 32 })
    .filter((bytes) => secp256k1.isSecret(bytes));

  it('gives back any secret under its passphrase, and under no other', async () => {
    const { keys } = await freshKeystore();
    let n = 0;
    const property = fc.asyncProperty(kind, secret, phrase, phrase, async (k, s, right, wrong) => {
      const name = `key-${n++}`;
      const info = await keys.import({ name, kind: k, secret: s, passphrase: right, cost });
      expect(info.publicKey).toBe(toHex(publicKeyOf(k, s)));
      expect(toHex((await keys.unlock(name, right)).secret)).toBe(toHex(s));
      fc.pre(toHex(passphraseBytes(right)) !== toHex(passphraseBytes(wrong)));
      await expect(keys.unlock(name, wrong)).rejects.toMatchObject({
        code: 'keystore/wrong-passphrase',
      });
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('lists what it holds without a passphrase, and tells damaged files apart', async () => {
    const { keys, at } = await freshKeystore();
    const b = await keys.create({ name: 'b', kind: 'node', passphrase, cost, description: 'me' });
    const a = await keys.create({ name: 'a', kind: 'account', passphrase, cost });
    writeFileSync(join(at, 'broken.json'), '{}');
    writeFileSync(join(at, 'foreign.json'), vectorFile('scrypt'));
    writeFileSync(join(at, 'notes.txt'), 'not a key');
    const { keys: listed, damaged } = await keys.list();
    expect(listed).toEqual([a, b]);
    expect(damaged.map(({ file }) => file)).toEqual(['broken.json', 'foreign.json']);
    const { secret: raw } = await keys.unlock('a', passphrase);
    expect(a.address).toBe(toHex(secp256k1.addressOf(raw)));
    expect(addressOfPublicKey(fromHex(a.publicKey))).toBe(a.address);
    expect(b.address).toBeUndefined();
  });

  it('keeps files for their owner alone, and refuses a folder that others may enter', async () => {
    const { keys, at } = await freshKeystore();
    await keys.create({ name: 'k', kind: 'node', passphrase, cost });
    expect(statSync(at).mode & 0o777).toBe(0o700);
    expect(statSync(join(at, 'k.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(at)).toEqual(['k.json']);
    chmodSync(at, 0o750);
    await expect(openKeystore(at)).rejects.toMatchObject({ code: 'files/too-open' });
  });

  it('never replaces a key', async () => {
    const { keys } = await freshKeystore();
    await keys.create({ name: 'k', kind: 'node', passphrase, cost });
    const before = await keys.export('k');
    const again = keys.create({ name: 'k', kind: 'account', passphrase, cost });
    await expect(again).rejects.toMatchObject({ code: 'files/exists' });
    expect(await keys.export('k')).toBe(before);
  });

  it('an exported file opens elsewhere', async () => {
    const { keys } = await freshKeystore();
    await keys.create({ name: 'k', kind: 'node', passphrase, cost });
    const opened = await decryptSecret(parseKeystore(await keys.export('k')), passphrase);
    expect(toHex(opened)).toBe(toHex((await keys.unlock('k', passphrase)).secret));
  });

  it('refuses names, passphrases and secrets that cannot be meant', async () => {
    const { keys } = await freshKeystore();
    const good = { name: 'k', kind: 'account' as const, passphrase, cost };
    const refusals = [
      ['keystore/bad-name', () => keys.create({ ...good, name: '../k' })],
      ['keystore/bad-name', () => keys.unlock('a/b', passphrase)],
      ['keystore/short-passphrase', () => keys.create({ ...good, passphrase: 'short' })],
      ['keystore/bad-secret', () => keys.import({ ...good, secret: new Uint8Array(32) })],
      ['keystore/bad-secret', () => keys.import({ ...good, secret: 'deadbeefdeadbeefdeadbeefXX' })],
      ['keystore/bad-secret', () => keys.import({ ...good, kind: 'node', secret: 'deadbeef' })],
      ['keystore/no-such-key', () => keys.unlock('absent', passphrase)],
    ] as const;
    for (const [code, refusal] of refusals) {
      const error = await refusal().then(
        () => undefined,
        (e) => e,
      );
      expect(error?.code).toBe(code);
      expect(inspect(error)).not.toContain('deadbeef');
    }
  });

  it('no changed file opens as a key: whatever digit is turned, unlocking fails', async () => {
    const { keys, at } = await freshKeystore();
    for (const k of ['account', 'node'] as const) {
      await keys.create({ name: k, kind: k, passphrase, cost });
      const path = join(at, `${k}.json`);
      const text = readFileSync(path, 'utf8');
      const { crypto, pubkey } = JSON.parse(text);
      const parts: readonly string[] = [
        pubkey,
        crypto.kdf.params.salt,
        crypto.checksum.message,
        crypto.cipher.message,
        crypto.cipher.params.iv,
      ];
      for (const part of parts) {
        for (let at = 0; at < part.length; at += 7) {
          const digit = (Number.parseInt(part[at]!, 16) ^ 1).toString(16);
          const changed = part.slice(0, at) + digit + part.slice(at + 1);
          writeFileSync(path, text.replace(part, changed));
          const error = await keys.unlock(k, passphrase).catch((e: unknown) => e);
          expect(error).toBeInstanceOf(PalisadeError);
          expect((error as PalisadeError).code).toMatch(/wrong-passphrase|tampered/);
        }
      }
      const other = k === 'account' ? 'node' : 'account';
      writeFileSync(path, text.replace(`"kind": "${k}"`, `"kind": "${other}"`));
      await expect(keys.unlock(k, passphrase)).rejects.toBeInstanceOf(PalisadeError);
    }
  });

  it('printing or logging an open key shows no secret', async () => {
    const { keys } = await freshKeystore();
    await keys.create({ name: 'k', kind: 'account', passphrase, cost });
    const key = await keys.unlock('k', passphrase);
    const lines: string[] = [];
    const log = createLogger(logSection.parse({ stdout: false }), {
      name: 't',
      sinks: [{ write: (line) => lines.push(line) }],
    });
    log.info('unlocked', { key, copy: { ...key } });
    const shown = inspect(key) + JSON.stringify(key) + lines.join('');
    expect(shown).toContain(key.address);
    expect(shown).not.toContain(toHex(key.secret).slice(2));
    expect(shown).not.toContain('secret');
  });
});
