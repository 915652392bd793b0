// A node over sessions: full roots, snapshots on disk, a shadow restored from them, and the audit.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { committed, NATIVE, Overlay, send } from '@palisade/chain';
import { accountSigner, signEnvelope, toHex } from '@palisade/core';
import { LmdbStore } from '@palisade/daemon/store';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { makeNetwork } from '../../devnet/src/network.ts';
import { startTestNode } from '../test/test-node.ts';
import { auditState } from './audit/auditState.ts';
import type { RunningNode } from './node.ts';
import type { NodeOptions } from './options.ts';
import { SnapshotFolder } from './store/snapshot-folder.ts';

const START_MS = 1_700_000_000_000;
const timing = { blockTimeMs: 1000, sessionMs: 10_000, guardMs: 0 };
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A network whose node can be started again; its clock moves a second per block. */
async function lab() {
  const dataDir = await mkdtemp(join(tmpdir(), 'palisade-restarts-'));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const network = makeNetwork('restarts', START_MS, timing);
  const client = accountSigner(network.clientSecret);
  let nowMs = START_MS;
  let nonce = 0n;
  let node: RunningNode | undefined;
  const start = async (more: Partial<NodeOptions> = {}) => {
    const started = await startTestNode(network, {
      dataDir,
      clock: { nowMs: () => nowMs },
      shadow: true,
      ...more,
    });
    node = started.node;
    cleanups.push(started.stop);
    return started;
  };
  return {
    dataDir,
    start,
    async blocks(count: number) {
      for (let i = 0; i < count; i++) {
        nowMs += 1000;
        const amount = 10n ** 18n;
        const to = new Uint8Array(20).fill(Number(nonce % 200n) + 1);
        const payment = { to, denom: NATIVE.denom, amount, nonce: nonce++, maxFee: amount };
        await node!.engine.submit(await signEnvelope(send, payment, node!.domain, client));
        await node!.engine.produce();
      }
    },
  };
}

describe('[APP] a node over sessions', () => {
  it('keeps the snapshots of two sessions, and restores cold shadows from them', async () => {
    const { start, blocks, dataDir } = await lab();
    const { node } = await start({ shadowRestartEvery: 8 });
    const loaded = vi.spyOn(node.application, 'loadSnapshotChunk');
    await blocks(35);
    const status = async () => (await node.engine.status()).shadow!;
    while ((await status()).restarts < 3) await blocks(1);
    expect((await status()).restarts).toBeGreaterThanOrEqual(3);
    expect((await node.engine.status()).failure).toBeUndefined();
    expect(loaded).toHaveBeenCalled();
    const { snapshots } = await node.application.listSnapshots({});
    expect(snapshots).toHaveLength(2);
    expect((await readdir(join(dataDir, 'snapshots'))).sort()).toEqual(
      snapshots.map(({ height, format }) => `${height}-${format}`).sort(),
    );
  });

  it('goes on where it was after restarts in the middle of a session; its shadow starts from the snapshot', async () => {
    const { start, blocks } = await lab();
    const loaded = vi.spyOn(SnapshotFolder.prototype, 'load');
    cleanups.push(async () => loaded.mockRestore());
    for (let i = 0; i < 5; i++) {
      const { node, stop } = await start();
      expect(loaded).toHaveBeenCalledTimes(Math.max(0, i - 1));
      await blocks(6);
      const { height, failure, shadow } = await node.engine.status();
      expect([height, shadow!.height, failure]).toEqual([6n * BigInt(i + 1), height, undefined]);
      if (i === 4) expect((await node.application.listSnapshots({})).snapshots).toHaveLength(2);
      await stop();
    }
  });
});

describe('[ENG] a shadow whose snapshot was damaged on the disk', () => {
  it('runs all blocks again instead', async () => {
    const { start, blocks, dataDir } = await lab();
    const { node, stop } = await start();
    await blocks(15);
    const [snapshot] = (await node.application.listSnapshots({})).snapshots;
    await stop();
    const path = join(dataDir, 'snapshots', `${snapshot!.height}-1`, '0.chunk');
    const chunk = await readFile(path);
    chunk[chunk.length - 1]! ^= 1;
    await writeFile(path, chunk);
    const { node: again } = await start();
    await blocks(2);
    const { shadow, failure } = await again.engine.status();
    expect([shadow!.height, failure]).toEqual([17n, undefined]);
  });
});

describe('[APP] the audit of a stopped node', () => {
  it('finds all laws kept; refuses while the node runs', async () => {
    const { start, blocks, dataDir } = await lab();
    const { node, stop } = await start({ shadow: false });
    await blocks(12);
    const { appHash } = await node.engine.status();
    await expect(auditState(dataDir)).rejects.toMatchObject({ code: 'daemon/data-dir-in-use' });
    await stop();
    const report = await auditState(dataDir);
    expect(report.findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(report).toMatchObject({ ok: true, height: 12n });
    expect(toHex(report.appHash)).toBe(toHex(appHash));
    expect(report.findings.map(({ name }) => name)).toContain(
      'accounts: balances + holds = genesis + minted - burned',
    );
    const { node: again } = await start({ shadow: false });
    expect((await again.engine.status()).height).toBe(12n);
  });

  it('names the law that a changed record breaks, and what was committed otherwise', async () => {
    const { start, blocks, dataDir } = await lab();
    const { stop } = await start({ shadow: false });
    await blocks(2);
    await stop();
    const store = new LmdbStore(join(dataDir, 'state'));
    const [key, value] = [...store.range('accounts/balance/', 'accounts/balance0')][0]!;
    const richer = value.slice();
    richer[1]! ^= 1;
    const last = committed.need(store);
    await store.commit([[key, richer]]);
    await store.close();
    const report = await auditState(dataDir);
    expect(report.ok).toBe(false);
    const broken = report.findings.filter(({ ok }) => !ok).map(({ name }) => name);
    expect(broken[0]).toContain('accounts: balances + holds');
    const again = new LmdbStore(join(dataDir, 'state'));
    const changed = new Overlay(again);
    committed.set(changed, [], { ...last, fullRoot: new Uint8Array(32).fill(1) });
    await again.commit(changed.changes());
    await again.close();
    const second = await auditState(dataDir);
    expect(second.findings.find(({ name }) => name === 'app hash')).toMatchObject({
      ok: false,
      what: expect.stringContaining(toHex(last.appHash)),
    });
  });

  it('says so where there is no node', async () => {
    const { dataDir } = await lab();
    await expect(auditState(dataDir)).rejects.toMatchObject({ code: 'node/no-state' });
  });
});
