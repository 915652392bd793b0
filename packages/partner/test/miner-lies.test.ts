/** A miner that lies, against validators that check: it is driven by hand, all else is real. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { nodeSigner, signEnvelope, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import {
  challengesOfWindows,
  claims,
  createMiner,
  partitions,
  preCommit,
  preCommits,
  proofId,
  proofReady,
  proveCommit,
  proveWindow,
  readEntries,
  type SectorsParams,
  sealEntryBytes,
  sealEntryCount,
  sealSubject,
  sectors,
  sectorsParameters,
  shapeOf,
  VERDICT,
  verdict,
  windowEntryBytes,
  windowEntryCount,
} from '@palisade/power';
import { afterEach, expect, it } from 'vitest';
import { disputeFee } from '../../power/src/sectors/fees.ts';
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
  sealDisputeBlocks: 120,
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
async function announce({ chain, signer, miner, folder, state, proofs }: Liar, sector = 0n) {
  if (sector === 0n) await chain.send(createMiner, {}, signer);
  await until(async () => (await chain.session()).randomnessHeight > 0n);
  const { number: session, randomness: seed } = await chain.session();
  const shape = shapeOf(sectorsParameters.need(state));
  const own = join(folder, `${sector}`);
  const sealed = sealSector({ folder: own, miner, sector, seed, shape }, () => {});
  const expires = (await chain.status()).height + 5000n;
  await chain.send(preCommit, { number: sector, session, expires, ...sealed }, signer);
  const challengeOf = () => preCommits.need(state, miner, sector).challenge;
  await until(() => challengeOf().some((byte) => byte > 0));
  const statement = { miner, sector, seed, ...sealed };
  return proveSealed({ folder: own, proofs, statement, shape, challenge: challengeOf() });
}

/** A proof with one changed byte, put where it is served. */
async function falsified({ proofs }: Liar, honest: Uint8Array, count: number, length: number) {
  const bytes = (await (await ProofShelf.open(proofs)).read(honest))!;
  bytes[length * 2 + 100]! ^= 1;
  const proof = proofId(readEntries(bytes, count, length)!);
  writeWhole(`${proofs}/${toHex(proof)}`, bytes);
  return proof;
}

/** Proves a second sector by a proof that one validator gives its false word for. */
async function proveWithFalseWord(liar: Liar, proof: Uint8Array) {
  const { chain, signer, miner, domain, network } = liar;
  const says = { subject: sealSubject(miner, 1n, proof), verdict: VERDICT.holds };
  const validator = nodeSigner(network.validators[0]!.nodeSecret);
  const verdicts = [await signEnvelope(verdict, says, domain, validator)];
  await chain.send(proveCommit, { number: 1n, proof, verdicts }, signer);
}

/** The chain ends the second sector by itself, and takes all of its pledge. */
async function untilSecondEnds({ state, miner }: Liar) {
  await until(() => sectors.get(state, miner, 1n)?.ended !== 0n, { what: () => 'a dispute' });
  expect(sectors.need(state, miner, 1n).pledge).toBe(0n);
}

async function verdictOn(
  { urls, signer, domain, url, clock }: Liar,
  proof: Uint8Array,
  at = urls.at(-1),
) {
  const words = { number: 0n, proof, url, atMs: BigInt(clock.nowMs()) };
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
  const known = [{ number: 0n, replica, folder: join(folder, '0') }];
  return { proofs, place, sectorBytes, leaves, sectors: known };
}

/** The window proof of the first sector fails, which takes its power; missed windows leave it standing. */
async function untilPunished({ state, miner }: Liar) {
  const { deadline, partition, pledged } = sectors.need(state, miner, 0n);
  const key = [BigInt(deadline), miner, BigInt(partition)] as const;
  await until(() => partitions.need(state, ...key).proof.every((byte) => byte === 0), {
    what: () => 'a dispute',
  });
  expect(claims.need(state, miner).raw).toBe(0n);
  const left = sectors.need(state, miner, 0n).pledge;
  expect(left).toBeLessThanOrEqual(pledged - disputeFee(sectorsParameters.need(state), pledged));
}

it('[P10] validators refuse a false seal proof, and dispute false proofs of windows and seals by themselves', async () => {
  const liar = await begin(await startPool(cleanups, undefined, { sectors: SECTORS }));
  const { chain, signer, state } = liar;
  const seal = await announce(liar);
  const absent = await verdictOn(liar, new Uint8Array(32).fill(9));
  expect(absent.json).toMatchObject({ error: { code: 'sectors/proof-fails' } });
  const window = await untilWindow(liar, seal);
  const honest = proveStored(window);
  const count = windowEntryCount(window.sectorBytes, 1, window.leaves);
  const proof = await falsified(liar, honest.id!, count, windowEntryBytes(window.sectorBytes));
  const { deadline, partition } = window.place;
  await chain.send(proveWindow, { deadline, partition, skipped: [], proof }, signer);
  await untilPunished(liar);

  const shape = shapeOf(sectorsParameters.need(state));
  const second = await announce(liar, 1n);
  const lie = await falsified(liar, second, sealEntryCount(shape), sealEntryBytes(shape));
  await proveWithFalseWord(liar, lie);
  await untilSecondEnds(liar);
});

it('[P10] validators report proofs of windows and seals that none of them can have', async () => {
  const liar = await begin(await startPool(cleanups, undefined, { sectors: SECTORS }));
  const seal = await announce(liar);
  expect((await verdictOn(liar, seal)).status).toBe(200);
  await announce(liar, 1n);
  await proveWithFalseWord(liar, new Uint8Array(32).fill(8));
  const { place } = await untilWindow(liar, seal);
  const { deadline, partition } = place;
  const proof = new Uint8Array(32).fill(9);
  await liar.chain.send(proveWindow, { deadline, partition, skipped: [], proof }, liar.signer);
  await untilSecondEnds(liar);
  await untilPunished(liar);
});
