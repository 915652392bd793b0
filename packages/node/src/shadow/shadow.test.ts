import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createApplication, encodeGenesis, NATIVE, send } from '@palisade/chain';
import { accountSigner, MemoryStore, signEnvelope, toBinaryString } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { createEmbeddedEngine, type Divergence, type Shadow } from '@palisade/engine';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeNetwork } from '../../../devnet/src/network.ts';
import { composeModules, domainOf, jobFileRule } from '../compose.ts';
import { asReplica } from './replica.ts';
import { threadShadow } from './thread-shadow.ts';

const SESSION_MS = 10_000;
const START_MS = 1_700_000_000_000;
const network = makeNetwork('shadow-test', START_MS, {
  ...{ blockTimeMs: 1000, guardMs: 0, sessionMs: SESSION_MS },
});
const domain = domainOf(network.genesis);
const client = accountSigner(network.clientSecret);
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function application(store: MemoryStore) {
  const modules = composeModules(domain);
  return createApplication({ modules, store, domain, jobFile: jobFileRule });
}

/** An engine over two replicas, with a clock that moves a second per block. */
async function engineWith(shadow: Shadow) {
  const dataDir = await mkdtemp(join(tmpdir(), 'palisade-shadow-'));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  let nowMs = START_MS;
  const divergences: Divergence[] = [];
  const hosted = network.validators.filter((_, i) => i < 4);
  const primary = application(new MemoryStore());
  const engine = createEmbeddedEngine({
    application: asReplica(primary),
    shadow: { make: async () => shadow },
    genesis: {
      chainId: network.genesis.chainId,
      timeNs: BigInt(START_MS) * 1_000_000n,
      initialHeight: 1n,
      validators: hosted.map(({ name, nodeSecret }) => ({
        ...{ name, power: 10n, publicKey: ed25519.publicKey(nodeSecret) },
      })),
      consensusParams: {
        block: { maxBytes: 8_388_608n, maxGas: -1n },
        evidence: { maxAgeNumBlocks: 100n, maxAgeDurationNs: 10n ** 15n, maxBytes: 1_048_576n },
        validator: { pubKeyTypes: ['ed25519'] },
        version: { app: 1n },
        abci: { voteExtensionsEnableHeight: 1n },
      },
      appState: encodeGenesis(network.genesis),
    },
    hostedKeys: hosted.map(({ nodeSecret }) => ({ secret: nodeSecret })),
    ...{ dataDir, blockTimeMs: 0, clock: { nowMs: () => nowMs } },
    onDivergence: (divergence) => divergences.push(divergence),
  });
  await engine.start();
  cleanups.push(() => engine.stop());
  let nonce = 0n;
  return {
    engine,
    divergences,
    async block() {
      nowMs += 1000;
      return engine.produce();
    },
    async pay() {
      const amount = 10n ** 18n;
      const to = new Uint8Array(20).fill(7);
      const payment = { to, denom: NATIVE.denom, amount, nonce: nonce++, maxFee: amount };
      await engine.submit(await signEnvelope(send, payment, domain, client));
      return this.block();
    },
  };
}

describe('[ENG] a replica that differs by a byte', () => {
  async function started() {
    const store = new MemoryStore();
    const shadow = { application: asReplica(application(store)) };
    const chain = await engineWith(shadow);
    await chain.pay();
    return { store, chain };
  }

  /** Flips a bit of the last byte of a record of the shadow; answers with its key. */
  async function tamper(store: MemoryStore, chosen: (key: string) => boolean): Promise<string> {
    for (const [key, value] of store.range('\0', '\xff')) {
      if (!chosen(key)) continue;
      const other = value.slice();
      other[other.length - 1]! ^= 1;
      await store.commit([[key, other]]);
      return key;
    }
    throw new Error('there is no such record');
  }

  it('is found by the block that touches the record, and the record is named', async () => {
    const { store, chain } = await started();
    const who = toBinaryString(client.id);
    const key = await tamper(
      store,
      (one) => one.startsWith('accounts/balance/') && one.includes(who),
    );
    await expect(chain.pay()).rejects.toMatchObject({ code: 'engine/divergence' });
    const [found] = chain.divergences;
    expect(`${found!.firstKey!.store}/${toBinaryString(found!.firstKey!.key)}`).toBe(key);
    expect((await chain.engine.status()).failure?.code).toBe('engine/divergence');
  });

  it('[APP] is found within two sessions where no block touches the record, which is named as well', async () => {
    const { store, chain } = await started();
    while (((await chain.engine.status()).height ?? 0n) < 12n) await chain.block();
    const partner = toBinaryString(accountSigner(network.partners[0]!.accountSecret).id);
    const key = await tamper(
      store,
      (one) => one.startsWith('accounts/balance/') && one.includes(partner),
    );
    const until = async () => {
      for (let i = 0; i < 25; i++) await chain.block();
    };
    await expect(until()).rejects.toMatchObject({ code: 'engine/divergence' });
    const [found] = chain.divergences;
    expect(found!.message).toContain('the application hash');
    expect(`${found!.firstKey!.store}/${toBinaryString(found!.firstKey!.key)}`).toBe(key);
  });
});

describe('[ENG] the shadow in a thread', () => {
  /** Inside the repository, so that the native packages are found. */
  const root = fileURLToPath(new URL('../../../../', import.meta.url));
  const folder = join(root, '.cache', `shadow-test-${process.pid}`);
  const worker = pathToFileURL(join(folder, 'shadow-worker.js'));

  beforeAll(async () => {
    await build({
      entryPoints: [fileURLToPath(new URL('./shadow-worker.ts', import.meta.url))],
      outdir: folder,
      ...{ bundle: true, format: 'esm', platform: 'node', target: 'node20' },
      external: ['lmdb', 'secp256k1'],
      banner: {
        js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);",
      },
    });
    // Executes as many questions as a test allows it, and dies.
    await writeFile(
      join(folder, 'dying.js'),
      `import { parentPort } from 'node:worker_threads';
       import './shadow-worker.js';
       let questions = 0;
       parentPort.on('message', () => { if (++questions > 9) process.exit(7); });`,
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('executes every block, and a session change, with the same results', async () => {
    const chain = await engineWith(threadShadow(domain, worker));
    for (let i = 0; i < 14; i++) await chain.pay();
    const { shadow, height } = await chain.engine.status();
    expect([shadow!.height, height]).toEqual([14n, 14n]);
    expect(chain.divergences).toEqual([]);
  });

  it('stops the chain with a reason when it dies', async () => {
    const chain = await engineWith(threadShadow(domain, pathToFileURL(join(folder, 'dying.js'))));
    const until = async () => {
      for (let i = 0; i < 9; i++) await chain.block();
    };
    await expect(until()).rejects.toMatchObject({
      code: 'node/shadow-crashed',
      message: expect.stringContaining('it left with code 7'),
    });
    expect((await chain.engine.status()).failure?.code).toBe('node/shadow-crashed');
    await expect(chain.block()).rejects.toMatchObject({ code: 'node/shadow-crashed' });
  });

  it('says what an error of the replica said, in its own class', async () => {
    const shadow = threadShadow(domain, worker);
    const early = shadow.application.finalizeBlock({} as never);
    await expect(early).rejects.toMatchObject({ name: 'PalisadeError' });
    await shadow.close!();
    await expect(shadow.application.info({} as never)).rejects.toMatchObject({
      code: 'node/shadow-closed',
    });
  });
});
