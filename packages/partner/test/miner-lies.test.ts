/** A miner that lies, against validators that check: it is driven by hand, all else is real. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { heldFor } from '@palisade/chain';
import { nodeSigner, signEnvelope, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  challengesOfWindows,
  claims,
  createMiner,
  preCommit,
  preCommits,
  proofId,
  proofReady,
  proveCommit,
  proveWindow,
  readEntries,
  type SectorsParams,
  sectors,
  sectorsParameters,
  shapeOf,
  windowEntryBytes,
  windowEntryCount,
} from '@palisade/power';
import { afterEach, expect, it } from 'vitest';
import { ProofShelf } from '../src/miner/proof-shelf.ts';
import { writeWhole } from '../src/miner/sector-folder.ts';
import { proveSealed, proveStored, sealSector } from '../src/miner/tasks.ts';
import { type Cleanup, type Pool, send, startPool, tempFolder, until } from './pool-kit.ts';

const cleanups: Cleanup[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const SECTORS: Partial<SectorsParams> = {
  sectorBytes: 16_384,
  sealChallenges: 8,
  windowLeaves: 8,
  windowBlocks: 12,
  lookbackBlocks: 2,
  cutoffBlocks: 4,
  disputeBlocks: 22,
};

/** Serves proofs as a partner does. */
async function serve(shelf: ProofShelf): Promise<string> {
  const server = createServer(async (request, response) => {
    const id = /^\/v1\/proofs\/0x([0-9a-f]{64})$/.exec(request.url ?? '')?.[1];
    const bytes = id && (await shelf.read(new Uint8Array(Buffer.from(id, 'hex'))));
    response.writeHead(bytes ? 200 : 404).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function begin(pool: Pool) {
  const { nodeSecret, accountSecret } = pool.network.partners[1]!;
  const [folder, proofs] = [await tempFolder(cleanups), await tempFolder(cleanups)];
  const shelf = await ProofShelf.open(proofs);
  const url = await serve(shelf);
  const [signer, miner] = [nodeSigner(nodeSecret), secp256k1.addressOf(accountSecret)];
  const state = pool.node.application.committed;
  return { ...pool, signer, miner, folder, proofs, url, state };
}
type Liar = Awaited<ReturnType<typeof begin>>;

/** A sector that is announced honestly, up to its seal proof. */
async function announce({ chain, signer, miner, folder, state, proofs }: Liar) {
  await chain.send(createMiner, {}, signer);
  await until(async () => (await chain.session()).randomnessHeight > 0n);
  const { number: session, randomness: seed } = await chain.session();
  const shape = shapeOf(sectorsParameters.need(state));
  const sealed = sealSector({ folder, miner, sector: 0n, seed, shape }, () => {});
  const expires = (await chain.status()).height + 5000n;
  await chain.send(preCommit, { number: 0n, session, expires, ...sealed }, signer);
  await until(() => preCommits.get(state, miner, 0n)?.challenge.some((byte) => byte > 0) === true);
  const { challenge } = preCommits.need(state, miner, 0n);
  const statement = { miner, sector: 0n, seed, ...sealed };
  return proveSealed({ folder, proofs, statement, shape, challenge });
}

async function verdictOn({ urls, signer, domain, url }: Liar, proof: Uint8Array, at = urls.at(-1)) {
  const words = { number: 0n, proof, url, atMs: BigInt(Date.now()) };
  const asked = await signEnvelope(proofReady, words, domain, signer);
  return send('POST', `${at}/v1/sector-verdicts`, asked);
}

/** Proves the sector and waits for its first window; answers what that asks for. */
async function untilWindow(liar: Liar, seal: Uint8Array) {
  const { chain, signer, miner, folder, proofs, state } = liar;
  const { status, json } = await verdictOn(liar, seal);
  expect(status, JSON.stringify(json)).toBe(200);
  const verdicts = [new Uint8Array(Buffer.from(String(json.verdict).slice(2), 'hex'))];
  await chain.send(proveCommit, { number: 0n, proof: seal, verdicts }, signer);
  const { deadline, partition, replica } = sectors.need(state, miner, 0n);
  const { sectorBytes, windowLeaves: leaves, windowBlocks } = sectorsParameters.need(state);
  const half = BigInt(windowBlocks) / 2n;
  await until(async () => {
    const drawn = challengesOfWindows.get(state, BigInt(deadline));
    const { height } = await chain.status();
    return drawn !== undefined && height >= drawn.opens && height < drawn.opens + half;
  });
  const { opens, seed } = challengesOfWindows.need(state, BigInt(deadline));
  const place = { miner, deadline, partition, opens, seed };
  const known = [{ number: 0n, replica, folder }];
  return { proofs, place, sectorBytes, leaves, sectors: known };
}

/** What the chain takes from the liar, by itself. */
async function untilPunished({ state, miner }: Liar) {
  const { pledge } = sectors.need(state, miner, 0n);
  await until(() => heldFor(state, miner, 'sectors.pledge') < pledge, {
    what: () => `a dispute; power is ${claims.get(state, miner)?.raw}`,
  });
  expect(claims.need(state, miner).raw).toBe(0n);
}

it('[P10] validators refuse a false seal proof, and dispute a false window proof by themselves', async () => {
  const liar = await begin(await startPool(cleanups, undefined, { sectors: SECTORS }));
  const { chain, signer, proofs } = liar;
  const seal = await announce(liar);
  const absent = await verdictOn(liar, new Uint8Array(32).fill(9));
  expect(absent.json).toMatchObject({ error: { code: 'sectors/proof-fails' } });
  const window = await untilWindow(liar, seal);
  const length = windowEntryBytes(window.sectorBytes);
  const honest = proveStored(window);
  const bytes = (await (await ProofShelf.open(proofs)).read(honest.id!))!;
  bytes[length * 2 + 100]! ^= 1;
  const count = windowEntryCount(window.sectorBytes, 1, window.leaves);
  const proof = proofId(readEntries(bytes, count, length)!);
  writeWhole(`${proofs}/${toHex(proof)}`, bytes);
  const { deadline, partition } = window.place;
  await chain.send(proveWindow, { deadline, partition, skipped: [], proof }, signer);
  await untilPunished(liar);
}, 60_000);

it('[P10] validators report a window proof that none of them can have', async () => {
  const liar = await begin(await startPool(cleanups, undefined, { sectors: SECTORS }));
  const { place } = await untilWindow(liar, await announce(liar));
  const { deadline, partition } = place;
  const proof = new Uint8Array(32).fill(9);
  await liar.chain.send(proveWindow, { deadline, partition, skipped: [], proof }, liar.signer);
  await untilPunished(liar);
}, 60_000);
