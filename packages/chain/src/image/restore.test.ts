import { decode, encode, type KeyValueReader, MemoryStore, toHex } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { type FinalizeBlockRequest, merkleRoot, type Snapshot } from '@palisade/formats';
import { describe, expect, it } from 'vitest';
import { type Chain, PAL, startChain } from '../../test/chain-kit.ts';
import { committed } from '../application/roots.ts';
import { createApplication, encodeGenesis, MemorySnapshots, send } from '../index.ts';
import { encodeEntry, splitChunk, stateAfter } from './entries.ts';
import { snapshotMetadata } from './snapshot-format.ts';

const jobFile = { command: 'none', isOnChain: () => false };
const fullRoot = (state: KeyValueReader) =>
  toHex(merkleRoot([...stateAfter(state, '')].map((entry) => encodeEntry(entry))));
const namedFull = (state: KeyValueReader) => toHex(committed.need(state).fullRoot);
const lastAppHash = (state: KeyValueReader) => toHex(committed.need(state).appHash);

/** A chain whose application makes snapshots, and whose blocks can be run again elsewhere. */
async function chainWithSnapshots() {
  const chain = await startChain({ accounts: { alice: 1000n * PAL }, sessionMs: 10_000n });
  const snapshots = new MemorySnapshots();
  const blocks: FinalizeBlockRequest[] = [];
  const replicaOn = (store: MemoryStore, kept?: MemorySnapshots) =>
    createApplication({
      modules: chain.application.modules,
      store,
      domain: chain.domain,
      jobFile,
      ...(kept ? { snapshots: kept } : {}),
    });
  const application = replicaOn(chain.state as MemoryStore, snapshots);
  const finalize = application.finalizeBlock.bind(application);
  application.finalizeBlock = async (request) => {
    blocks.push(request);
    return finalize(request);
  };
  chain.application = application;
  return { chain, snapshots, blocks, replicaOn };
}

async function pay(chain: Chain, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const to = sha256(Uint8Array.of(i, Number(chain.height))).slice(0, 20);
    await chain.run(chain.account('alice'), send, { to, denom: 'pal', amount: PAL });
  }
}

/** Up to a finished snapshot, with payments before, at and after its block. */
async function withSnapshot() {
  const made = await chainWithSnapshots();
  const { chain, snapshots } = made;
  await pay(chain, 5);
  await chain.endSession();
  await pay(chain, 2);
  const [snapshot] = await snapshots.list();
  const height = snapshot!.height;
  const after = made.blocks.find((block) => block.height === height + 1n)!;
  expect(after).toBeDefined();
  return { ...made, snapshot: snapshot!, appHash: await appHashAt(made, height) };
}

/** The app hash that a replica from genesis comes to. */
async function appHashAt({ chain, blocks, replicaOn }: Made, height: bigint): Promise<Uint8Array> {
  const store = new MemoryStore();
  const replica = replicaOn(store);
  await initialise(replica, chain);
  for (const block of blocks.filter((one) => one.height <= height)) {
    await replica.finalizeBlock(block);
    await replica.commit({});
  }
  return committed.need(store).appHash;
}
type Made = Awaited<ReturnType<typeof chainWithSnapshots>>;

async function initialise(replica: Chain['application'], chain: Chain) {
  return replica.initChain({
    timeNs: 0n,
    chainId: chain.genesis.chainId,
    consensusParams: {} as never,
    validators: [],
    appStateBytes: encodeGenesis(chain.genesis),
    initialHeight: 1n,
  });
}

async function chunksOf(snapshots: MemorySnapshots, { height, format, chunks }: Snapshot) {
  const all = Array.from({ length: chunks }, (_, i) => snapshots.load(height, format, i));
  return (await Promise.all(all)).map((chunk) => chunk!);
}

describe('the full root', () => {
  it('[APP] is that of the state as of the session before, from the second session on', async () => {
    const chain = await startChain({ accounts: { alice: 1000n * PAL }, sessionMs: 10_000n });
    const roots = [fullRoot(chain.state)];
    await pay(chain, 3);
    expect(namedFull(chain.state)).toBe(`0x${'00'.repeat(32)}`);
    for (let session = 0; session < 3; session++) {
      await chain.blocks(2);
      await chain.block([], { afterMs: 10_000n });
      expect(namedFull(chain.state)).toBe(roots.at(-1));
      roots.push(fullRoot(chain.state));
      await pay(chain, 2);
      expect(namedFull(chain.state)).toBe(roots.at(-2));
    }
    expect(new Set(roots).size).toBe(4);
  });

  it('[APP] does not depend on restarts', async () => {
    const appHash = async (restarts: boolean) => {
      const chain = await startChain({ accounts: { alice: 1000n * PAL }, sessionMs: 10_000n });
      for (let session = 0; session < 3; session++) {
        for (let i = 0; i < 3; i++) {
          if (restarts) chain.restart();
          await pay(chain, 1);
        }
        if (restarts) chain.restart();
        await chain.block([], { afterMs: 10_000n });
      }
      return lastAppHash(chain.state);
    };
    expect(await appHash(true)).toBe(await appHash(false));
  });
});

describe('restoring from a snapshot', () => {
  it('[APP] a restored replica goes on with the hashes of the first', async () => {
    const { chain, snapshots, blocks, replicaOn, snapshot, appHash } = await withSnapshot();
    const store = new MemoryStore();
    const own = new MemorySnapshots();
    const replica = replicaOn(store, own);
    expect(await replica.offerSnapshot({ snapshot, appHash })).toEqual({ result: 'accept' });
    for (const [index, chunk] of (await chunksOf(snapshots, snapshot)).entries())
      expect(await replica.applySnapshotChunk({ index, chunk, sender: 'first' })).toMatchObject({
        result: 'accept',
      });
    const { lastBlockHeight, lastBlockAppHash } = await replica.info({} as never);
    expect([lastBlockHeight, toHex(lastBlockAppHash)]).toEqual([snapshot.height, toHex(appHash)]);
    await chain.endSession();
    await pay(chain, 1);
    await chain.endSession();
    await pay(chain, 2);
    for (const block of blocks.filter(({ height }) => height > snapshot.height)) {
      const { appHash: hash } = await replica.finalizeBlock(block);
      await replica.commit({});
      expect(hash).toHaveLength(32);
    }
    expect(lastAppHash(store)).toBe(lastAppHash(chain.state));
    expect(fullRoot(store)).toBe(fullRoot(chain.state));
    const list = async (of: MemorySnapshots) =>
      (await of.list()).map(({ height, hash }) => [height, toHex(hash)]);
    expect(await list(own)).toEqual(await list(snapshots));
    expect(await list(own)).toHaveLength(2);
  });

  it('[APP] a chunk with another byte is asked for again, from somebody else', async () => {
    const { snapshots, replicaOn, snapshot, appHash } = await withSnapshot();
    const replica = replicaOn(new MemoryStore());
    await replica.offerSnapshot({ snapshot, appHash });
    const [chunk] = await chunksOf(snapshots, snapshot);
    const other = chunk!.slice();
    other[other.length - 1]! ^= 1;
    expect(await replica.applySnapshotChunk({ index: 0, chunk: other, sender: 'liar' })).toEqual({
      result: 'retry',
      refetchChunks: [0],
      rejectSenders: ['liar'],
    });
    expect(
      await replica.applySnapshotChunk({ index: 0, chunk: chunk!, sender: 'b' }),
    ).toMatchObject({ result: 'accept' });
  });

  it('[APP] a state that was changed throughout is refused at the end, and nothing of it stays', async () => {
    const { chain, snapshots, replicaOn, snapshot, appHash } = await withSnapshot();
    const [chunk] = await chunksOf(snapshots, snapshot);
    const forged = chunk!.slice();
    forged[forged.length - 1]! ^= 1;
    const told = decode(snapshotMetadata, snapshot.metadata);
    const chunks = [new Uint8Array(sha256(forged))];
    const metadata = encode(snapshotMetadata, { ...told, chunks });
    const store = new MemoryStore();
    const replica = replicaOn(store);
    const offer = { snapshot: { ...snapshot, metadata }, appHash };
    expect(await replica.offerSnapshot(offer)).toEqual({ result: 'accept' });
    const piece = { index: 0, chunk: forged, sender: 'liar' };
    expect(await replica.applySnapshotChunk(piece)).toMatchObject({ result: 'reject-snapshot' });
    expect([...store.range('\0', '\xff')]).toEqual([]);
    expect(await replica.applySnapshotChunk(piece)).toMatchObject({ result: 'abort' });
    expect((await initialise(replica, chain)).appHash).toEqual(chain.genesisAppHash);
  });

  it('[APP] a forgery that agrees with itself parts from the chain when the session ends', async () => {
    const { chain, snapshots, blocks, replicaOn, snapshot, appHash } = await withSnapshot();
    const [chunk] = await chunksOf(snapshots, snapshot);
    const entries = splitChunk(chunk!)!.map(([entry]) => entry);
    // An account that does nothing, with a coin more than it had.
    const idle = entries.findLast(([key]) => key.startsWith('accounts/balance/'))!;
    idle[1][idle[1].length - 1]! ^= 1;
    const leaves = entries.map((entry) => encodeEntry(entry));
    const forged = new Uint8Array(Buffer.concat(leaves));
    const told = decode(snapshotMetadata, snapshot.metadata);
    const metadata = encode(snapshotMetadata, { ...told, chunks: [sha256(forged)] });
    const hash = merkleRoot(leaves);
    const store = new MemoryStore();
    const replica = replicaOn(store);
    await replica.offerSnapshot({ snapshot: { ...snapshot, hash, metadata }, appHash });
    expect(
      await replica.applySnapshotChunk({ index: 0, chunk: forged, sender: 'liar' }),
    ).toMatchObject({ result: 'accept' });
    await chain.endSession();
    for (const block of blocks.filter(({ height }) => height > snapshot.height)) {
      await replica.finalizeBlock(block);
      await replica.commit({});
    }
    expect(namedFull(store)).not.toBe(namedFull(chain.state));
    expect(lastAppHash(store)).not.toBe(lastAppHash(chain.state));
  });

  it('[APP] an offer is refused for its format, its app hash, its chain, its height, its words', async () => {
    const { replicaOn, snapshot, appHash, chain } = await withSnapshot();
    const offered = async (change: Partial<Snapshot>, hash = appHash) => {
      const request = { snapshot: { ...snapshot, ...change }, appHash: hash };
      return (await replicaOn(new MemoryStore()).offerSnapshot(request)).result;
    };
    const told = decode(snapshotMetadata, snapshot.metadata);
    const saying = (change: Partial<typeof told>) => ({
      metadata: encode(snapshotMetadata, { ...told, ...change }),
    });
    expect(await offered({})).toBe('accept');
    expect(await offered({ format: 2 })).toBe('reject-format');
    expect(await offered({}, new Uint8Array(32))).toBe('reject');
    expect(await offered({ height: snapshot.height + 1n })).toBe('reject');
    expect(await offered({ chunks: 2 })).toBe('reject');
    expect(await offered({ metadata: snapshot.metadata.slice(1) })).toBe('reject');
    expect(await offered(saying({ genesisHash: new Uint8Array(32) }))).toBe('reject');
    expect(await offered(saying({ roots: told.roots.slice(1) }))).toBe('reject');
    expect(await chain.application.offerSnapshot({ snapshot, appHash })).toEqual({
      result: 'abort',
    });
  });

  it('[APP] a replica that died while it was restored begins anew, from genesis or a snapshot', async () => {
    const { chain, snapshots, replicaOn, snapshot, appHash } = await withSnapshot();
    const [chunk] = await chunksOf(snapshots, snapshot);
    const told = decode(snapshotMetadata, snapshot.metadata);
    // Two chunks announced, one delivered: the restoration is never completed.
    const twice = encode(snapshotMetadata, { ...told, chunks: [...told.chunks, ...told.chunks] });
    const begun = async () => {
      const store = new MemoryStore();
      const replica = replicaOn(store);
      await replica.offerSnapshot({
        snapshot: { ...snapshot, chunks: 2, metadata: twice },
        appHash,
      });
      await replica.applySnapshotChunk({ index: 0, chunk: chunk!, sender: 'a' });
      expect([...store.range('\0', '\xff')].length).toBeGreaterThan(5);
      return store;
    };
    const fromGenesis = replicaOn(await begun());
    expect((await fromGenesis.info({} as never)).lastBlockHeight).toBe(0n);
    expect((await initialise(fromGenesis, chain)).appHash).toEqual(chain.genesisAppHash);
    const again = replicaOn(await begun());
    expect(await again.offerSnapshot({ snapshot, appHash })).toEqual({ result: 'accept' });
    expect(await again.applySnapshotChunk({ index: 0, chunk: chunk!, sender: 'a' })).toMatchObject({
      result: 'accept',
    });
    expect((await again.info({} as never)).lastBlockHeight).toBe(snapshot.height);
  });
});
