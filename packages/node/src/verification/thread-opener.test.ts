import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inlineOpener, NATIVE, send } from '@palisade/chain';
import { accountSigner, isRefusal, signEnvelope, signingDomain, toHex } from '@palisade/core';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { commandCatalogue } from '../compose.ts';
import { type ThreadOpener, threadOpener } from './thread-opener.ts';

const domain = signingDomain(new Uint8Array(32).fill(9));
const known = commandCatalogue(domain);
const signer = accountSigner(new Uint8Array(32).fill(1));
let folder: string;
let txs: Uint8Array[];
let opened: ThreadOpener | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'palisade-verify-'));
  await build({
    entryPoints: [fileURLToPath(new URL('./verify-worker.ts', import.meta.url))],
    outfile: join(folder, 'verify-worker.js'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['lmdb', 'secp256k1'],
    banner: {
      js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);",
    },
  });
  // Packages that stay outside the bundle are found beside the sources.
  const modules = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
  const { symlink } = await import('node:fs/promises');
  await symlink(modules, join(folder, 'node_modules'));
  txs = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      signEnvelope(
        send,
        { to: signer.id, denom: NATIVE.denom, amount: 1n, nonce: BigInt(i), maxFee: 1n },
        domain,
        signer,
      ),
    ),
  );
});
afterEach(() => opened?.stop());
afterAll(() => rm(folder, { recursive: true, force: true }));

function threads(file = 'verify-worker.js') {
  opened = threadOpener(known, domain, pathToFileURL(join(folder, file)));
  return opened.opener;
}

/** Every seventh with another signature, every eleventh cut short. */
function spoiled(): Uint8Array[] {
  return txs.map((tx, i) => {
    if (i % 11 === 5) return tx.slice(0, -1);
    if (i % 7 !== 3) return tx;
    const other = tx.slice();
    other[other.length - 30]! ^= 1;
    return other;
  });
}

const shown = (answers: readonly unknown[]) =>
  answers.map((answer) =>
    isRefusal(answer) ? answer.code : toHex((answer as { id: Uint8Array }).id),
  );

describe('checking signatures in threads', () => {
  it('[ENG] says of every transaction what the calling thread would have said, in order', async () => {
    const mixed = spoiled();
    const expected = shown(await inlineOpener(known, domain).open(mixed));
    expect(new Set(expected.filter((answer) => !answer.startsWith('0x'))).size).toBe(2);
    expect(shown(await threads().open(mixed))).toEqual(expected);
  });

  it('[ENG] gives each of many single callers its own answer', async () => {
    const mixed = spoiled().slice(0, 40);
    const opener = threads();
    const answers = await Promise.all(mixed.map((tx) => opener.open([tx])));
    expect(answers.every((answer) => answer.length === 1)).toBe(true);
    expect(shown(answers.flat())).toEqual(shown(await inlineOpener(known, domain).open(mixed)));
  });

  it('[ENG] checks itself what a thread that died has left', async () => {
    await writeFile(join(folder, 'dying.js'), 'process.exit(7);');
    const answers = await threads('dying.js').open(txs.slice(0, 20));
    expect(answers.some(isRefusal)).toBe(false);
  });
});
