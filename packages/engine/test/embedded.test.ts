// What is particular to the embedded driver: crashes, the shadow, the mempool, whose keys it holds.
import { fromUtf8, PalisadeError, toHex, utf8 } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { validatorAddress } from '@palisade/formats';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CommittedBlock, Divergence, FaultPoint } from '../src/index.ts';
import { createEmbeddedEngine, EMBEDDED_DESCRIPTION } from '../src/index.ts';
import { checkChain } from './checkChain.ts';
import { Bench, genesisOf, keyOf, START_MS, secretOf } from './embeddedSubject.ts';
import type { KvOptions } from './kvstore.ts';
import { createKvstore, newDisk } from './kvstore.ts';

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.make();
});
afterEach(() => bench.close());

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof PalisadeError ? error.code : String(error)),
  );

describe('[ENG] a crash of the embedded engine', () => {
  const points: FaultPoint[] = [
    'before-save',
    'after-save',
    'after-finalize',
    'before-app-commit',
    'after-app-commit',
    'after-mempool',
  ];

  it.each(points)('%s loses nothing acknowledged and repeats nothing', async (point) => {
    await bench.open({
      faults: (reached, height) => {
        if (reached === point && height === 3n) throw new Error('the power went out');
      },
    });
    await bench.blocks(2);
    await bench.engine.submit(utf8('acknowledged=1'));
    await expect(bench.blocks(1)).rejects.toThrow(/power went out/);
    expect((await bench.engine.status()).failure).toMatchObject({ code: 'engine/failed' });
    expect(await codeOf(bench.engine.submit(utf8('x=1')))).toBe('engine/failed');
    expect(await codeOf(bench.engine.produce())).toBe('engine/failed');

    await bench.open();
    // Once the block was saved, its signatures may be known, so it must be this block and no other.
    const { height } = await bench.engine.status();
    expect(height).toBe(point === 'before-save' ? 2n : 3n);
    await bench.blocks(2);
    expect(await checkChain(bench.engine)).toBe(height + 2n);
    expect(bench.application.get('acknowledged')).toBe('1');
    const included = await occurrences('acknowledged=1');
    expect(included).toBe(1);
  });

  it('never shows a signature for a block that is not stored', async () => {
    let shown: unknown;
    await bench.open({
      faults: async (reached, height) => {
        if (reached === 'before-save' && height === 2n) {
          shown = [await bench.engine.block(2n), await bench.engine.commit(2n)];
          throw new Error('the power went out');
        }
      },
    });
    await bench.blocks(1);
    await expect(bench.blocks(1)).rejects.toThrow(/power/);
    expect(shown).toEqual([undefined, undefined]);
  });

  it('is followed by a run of all stored blocks when the application lost its state', async () => {
    await bench.open();
    for (const tx of ['a=1', 'b=2', 'app=4']) {
      await bench.engine.submit(utf8(tx));
      await bench.blocks(1);
    }
    const { appHash } = await bench.engine.status();
    Object.assign(bench.disk, newDisk());
    await bench.open();
    expect(bench.application.seen.finalized.map(({ height }) => height)).toEqual([1n, 2n, 3n]);
    expect(toHex((await bench.engine.status()).appHash)).toBe(toHex(appHash));
    await bench.blocks(1);
    await checkChain(bench.engine);
    expect((await bench.engine.block(4n))!.block.header.version.app).toBe(4n);
  });

  it('is not papered over when the application is ahead of the blocks', async () => {
    await bench.open();
    await bench.blocks(2);
    bench.disk.saved = { ...bench.disk.saved, height: 9n };
    expect(await codeOf(bench.open())).toBe('engine/app-ahead');
  });

  it('is not papered over when the application has another state', async () => {
    await bench.open();
    await bench.blocks(2);
    bench.disk.saved = { ...bench.disk.saved, appHash: new Uint8Array(32) };
    expect(await codeOf(bench.open())).toBe('engine/other-state');
  });

  it('is not papered over when the application runs a block to another result', async () => {
    await bench.open();
    await bench.engine.submit(utf8('a=1'));
    await bench.blocks(2);
    Object.assign(bench.disk, newDisk());
    const twist: KvOptions = { twist: (_, key, value) => (key === 'a' ? `${value}!` : value) };
    expect(await codeOf(bench.open({}, twist))).toBe('engine/replay-differs');
  });
});

describe('[ENG] the time of blocks', () => {
  it('begins with genesis and then is the median of what the validators say', async () => {
    const seconds = (offset: number) => ({ nowMs: () => bench.clock.ms + offset * 1_000 });
    await bench.open({
      hostedKeys: [
        { secret: secretOf(0), clock: seconds(-3_600) },
        { secret: secretOf(1), clock: seconds(1) },
        { secret: secretOf(2), clock: seconds(2) },
        { secret: secretOf(3), clock: seconds(86_400) },
      ],
    });
    await bench.blocks(3);
    const timeMs = async (height: bigint) =>
      Number((await bench.engine.block(height))!.block.header.timeNs / 1_000_000n);
    expect(await timeMs(1n)).toBe(START_MS);
    // Powers are equal: half of the weight is reached at the second clock, whatever the first and last say.
    expect(await timeMs(2n)).toBe(START_MS + 1_000 + 1_000);
    expect(await timeMs(3n)).toBe(START_MS + 2_000 + 1_000);
  });

  it('goes on by a millisecond where clocks stand still or go back', async () => {
    await bench.open();
    for (let height = 0; height < 3; height++) {
      bench.clock.ms -= 5_000;
      await bench.engine.produce();
    }
    const times = await Promise.all(
      [1n, 2n, 3n].map(async (height) => (await bench.engine.block(height))!.block.header.timeNs),
    );
    expect(times[1]! - times[0]!).toBe(1_000_000n);
    expect(times[2]! - times[1]!).toBe(1_000_000n);
  });

  it('makes blocks by itself at even intervals', async () => {
    await bench.open({ blockTimeMs: 20, clock: { nowMs: () => Date.now() } });
    const times: number[] = [];
    bench.engine.onBlock(() => void times.push(performance.now()));
    await vi.waitFor(() => expect(times.length).toBeGreaterThanOrEqual(6), { timeout: 60_000 });
    await bench.engine.stop();
    const count = times.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(times).toHaveLength(count);
  });
});

describe('[ENG] whose keys the embedded engine holds', () => {
  it('says what it is', async () => {
    await bench.open();
    expect(bench.engine.description).toBe(EMBEDDED_DESCRIPTION);
    expect(EMBEDDED_DESCRIPTION).toMatch(/single-operator.*not Byzantine fault tolerant/);
    expect((await bench.engine.status()).hosted).toHaveLength(5);
  });

  it('refuses a genesis with a validator that it does not host', async () => {
    const hostedKeys = [0, 1, 2].map((index) => ({ secret: secretOf(index) }));
    expect(await codeOf(bench.open({ hostedKeys }))).toBe('engine/genesis');
  });

  it('stops loudly when the application seats a stranger, and goes on once it has the key', async () => {
    const failures: PalisadeError[] = [];
    await bench.open({ onFailure: (error) => void failures.push(error) });
    const stranger = toHex(keyOf(9)).slice(2);
    await bench.engine.submit(utf8(`seat:${stranger}=5`));
    expect(await codeOf(bench.blocks(1))).toBe('engine/validator-not-hosted');
    expect(failures.map(({ code }) => code)).toEqual(['engine/validator-not-hosted']);
    expect(await codeOf(bench.open())).toBe('engine/validator-not-hosted');
    const hostedKeys = [0, 1, 2, 3, 9].map((index) => ({ secret: secretOf(index) }));
    await bench.open({ hostedKeys });
    await bench.blocks(4);
    expect((await bench.engine.validators(4n))!.validators).toHaveLength(5);
    await checkChain(bench.engine);
  });

  it('goes on without a validator whose key is gone, its proposals costing a round', async () => {
    await bench.open();
    await bench.blocks(1);
    await bench.open({ hostedKeys: [0, 1, 2].map((index) => ({ secret: secretOf(index) })) });
    await bench.blocks(8);
    await checkChain(bench.engine);
    const commits = await Promise.all(
      [2n, 3n, 4n, 5n, 6n].map(async (height) => (await bench.engine.commit(height))!.commit),
    );
    for (const { signatures } of commits) {
      expect(signatures.filter(({ blockIdFlag }) => blockIdFlag === 'absent')).toHaveLength(1);
    }
    expect(new Set(commits.map(({ round }) => round))).toEqual(new Set([0, 1]));
    const votes = bench.application.seen.finalized.at(-1)!.decidedLastCommit.votes;
    expect(votes.filter(({ blockIdFlag }) => blockIdFlag === 'absent')).toHaveLength(1);
  });

  it('stops when two thirds of the power or less are left', async () => {
    await bench.open();
    await bench.blocks(1);
    await bench.open({ hostedKeys: [0, 1].map((index) => ({ secret: secretOf(index) })) });
    expect(await codeOf(bench.engine.produce())).toBe('engine/no-quorum');
  });

  it('lets everyone propose in proportion to power', async () => {
    const genesis = genesisOf([30n, 10n, 10n, 10n]);
    await bench.open({ genesis });
    await bench.blocks(12);
    const turns = new Map<string, number>();
    for (let height = 1n; height <= 12n; height++) {
      const { proposerAddress } = (await bench.engine.block(height))!.block.header;
      const key = toHex(proposerAddress);
      turns.set(key, (turns.get(key) ?? 0) + 1);
    }
    expect(turns.get(toHex(validatorAddress(keyOf(0))))).toBe(6);
    expect([...turns.values()].sort()).toEqual([2, 2, 2, 6]);
  });

  it.each([
    [
      'the same key twice',
      [
        [0, 5n],
        [0, 6n],
      ],
      'formats/validator-update',
    ],
    [
      'nobody left',
      [
        [0, 0n],
        [1, 0n],
        [2, 0n],
        [3, 0n],
      ],
      'formats/validator-update',
    ],
    ['the removal of a stranger', [[4, 0n]], 'formats/validator-update'],
  ] as const)('refuses an update of the validator set with %s', async (_, updates, code) => {
    await bench.open();
    await bench.blocks(1);
    const finalizeBlock = bench.application.finalizeBlock.bind(bench.application);
    bench.application.finalizeBlock = async (request) => ({
      ...(await finalizeBlock(request)),
      validatorUpdates: updates.map(([index, power]) => ({ publicKey: keyOf(index), power })),
    });
    expect(await codeOf(bench.blocks(1))).toBe(code);
  });

  it('keeps a data folder to the genesis it was made with', async () => {
    await bench.open();
    await bench.blocks(1);
    const genesis = { ...genesisOf(), appState: utf8('another world') };
    expect(await codeOf(bench.open({ genesis }))).toBe('engine/other-genesis');
  });

  it('begins at the height that genesis names', async () => {
    await bench.open({ genesis: { ...genesisOf(), initialHeight: 100n } });
    expect((await bench.engine.status()).height).toBe(99n);
    await bench.blocks(3);
    expect(await checkChain(bench.engine)).toBe(102n);
    await bench.open({ genesis: { ...genesisOf(), initialHeight: 100n } });
    expect((await bench.engine.status()).height).toBe(102n);
  });
});

describe('[ENG] the mempool', () => {
  it('survives a restart, in order', async () => {
    await bench.open();
    for (const tx of ['first=1', 'second=2', 'third=3']) await bench.engine.submit(utf8(tx));
    await bench.open();
    expect((await bench.engine.status()).mempool.txs).toBe(3);
    await bench.blocks(1);
    const { txs } = (await bench.engine.block(1n))!.block;
    expect(txs.slice(1).map(fromUtf8)).toEqual(['first=1', 'second=2', 'third=3']);
  });

  it('asks the application again after each block, and says what it dropped and why', async () => {
    await bench.open({ limits: { blockTxBytes: 40 } });
    await bench.engine.submit(utf8('filler=0123456789012345'));
    await bench.engine.submit(utf8('until:1'));
    await bench.blocks(1);
    expect(await occurrences('until:1')).toBe(0);
    expect((await bench.engine.status()).mempool.txs).toBe(0);
    expect(bench.dropped).toMatchObject([
      { tx: utf8('until:1'), check: { log: expect.stringContaining('only below height 1') } },
    ]);
    await bench.open();
    expect(bench.dropped).toHaveLength(1);
    expect(bench.engine.waiting()).toEqual([]);
  });

  it('drops nothing before that is noted', async () => {
    const onDropped = () => {
      throw new Error('no room to write it down');
    };
    await bench.open({ limits: { blockTxBytes: 40 }, onDropped });
    await bench.engine.submit(utf8('filler=0123456789012345'));
    await bench.engine.submit(utf8('until:1'));
    await expect(bench.blocks(1)).rejects.toThrow('no room to write it down');
    await bench.open();
    expect(bench.dropped.map(({ tx }) => fromUtf8(tx))).toEqual(['until:1']);
  });

  it('is bounded in number, bytes and size of one', async () => {
    await bench.open({ limits: { mempoolTxs: 2, txBytes: 10 } });
    const refusals = [];
    for (const tx of ['a=1', 'b=1', 'c=1', 'far-too-long=1']) {
      const answer = await bench.engine.submit(utf8(tx));
      refusals.push(answer.accepted ? undefined : answer.refusal.code);
    }
    expect(refusals).toEqual([undefined, undefined, 'engine/mempool-full', 'engine/tx-too-large']);
    await bench.open({ limits: { mempoolBytes: 8 } });
    expect(await bench.engine.submit(utf8('dd=1'))).toMatchObject({
      refusal: { code: 'engine/mempool-full', retry: 'later' },
    });
  });

  it('stays within its bound when many come at once', async () => {
    await bench.open({ limits: { mempoolTxs: 5 } });
    const all = Array.from({ length: 20 }, (_, index) => utf8(`k${index}=1`));
    const answers = await Promise.all(all.map((tx) => bench.engine.submit(tx)));
    expect(answers.filter(({ accepted }) => accepted)).toHaveLength(5);
  });

  it('spreads over blocks what does not fit one', async () => {
    await bench.open({ limits: { blockTxBytes: 60 } });
    for (let index = 0; index < 12; index++) await bench.engine.submit(utf8(`key${index}=value`));
    await bench.blocks(8);
    for (let height = 1n; height <= 8n; height++) {
      const { txs } = (await bench.engine.block(height))!.block;
      expect(txs.reduce((sum, tx) => sum + tx.length + 2, 0)).toBeLessThanOrEqual(60);
    }
    expect((await bench.engine.status()).mempool.txs).toBe(0);
  });

  it('takes transactions while a block is being made, and none is lost or doubled', async () => {
    await bench.open();
    const sent: Promise<unknown>[] = [];
    const keep = setInterval(() => {
      for (let more = 0; more < 5; more++) {
        sent.push(bench.engine.submit(utf8(`n${sent.length}=1`)));
      }
    }, 1);
    await bench.blocks(15);
    clearInterval(keep);
    await Promise.all(sent);
    await bench.blocks(1);
    const seen = await allTxs();
    const wanted = sent.map((_, index) => `n${index}=1`);
    expect(seen.filter((tx) => /^n\d+=1$/.test(tx)).sort()).toEqual([...wanted].sort());
    expect(wanted.length).toBeGreaterThan(10);
  });
});

describe('[ENG] sources of transactions', () => {
  it('come before the mempool, hear what was committed, and cannot hold up a block', async () => {
    const committed: [bigint, string[]][] = [];
    const market = {
      take: async (height: bigint) => [utf8(`jobs${height}=1`)],
      committed: async (height: bigint, txs: readonly Uint8Array[]) => {
        committed.push([height, txs.map(fromUtf8)]);
      },
    };
    const broken = { take: () => Promise.reject(new Error('no jobs today')) };
    const greedy = { take: async () => [new Uint8Array(1_000)] };
    await bench.open({
      proposalSources: [market, broken, greedy],
      limits: { sourceBytes: 500 },
    });
    await bench.engine.submit(utf8('from=mempool'));
    await bench.blocks(1);
    const { txs } = (await bench.engine.block(1n))!.block;
    expect(txs.slice(1).map(fromUtf8)).toEqual(['jobs1=1', 'from=mempool']);
    expect(committed).toEqual([[1n, txs.map(fromUtf8)]]);
    expect(bench.notices.map(({ message }) => message)).toEqual([
      expect.stringContaining('no jobs today'),
      expect.stringContaining('1003 bytes'),
    ]);
    await bench.open({ proposalSources: [market] });
    expect(committed.at(-1)).toEqual([1n, txs.map(fromUtf8)]);
  });
});

describe('[ENG] an application that contradicts itself', () => {
  it('stops the engine when it refuses its own proposal', async () => {
    await bench.open();
    bench.application.processProposal = async () => ({ status: 'reject' });
    expect(await codeOf(bench.blocks(1))).toBe('engine/proposal-rejected');
  });

  it('stops the engine when it prepares more than fits', async () => {
    await bench.open({ limits: { blockTxBytes: 100 } });
    bench.application.prepareProposal = async () => ({ txs: [new Uint8Array(101)] });
    expect(await codeOf(bench.blocks(1))).toBe('engine/proposal-too-large');
  });

  it('stops the engine when it answers with too few results', async () => {
    await bench.open();
    const finalizeBlock = bench.application.finalizeBlock.bind(bench.application);
    bench.application.finalizeBlock = async (request) => ({
      ...(await finalizeBlock(request)),
      txResults: [],
    });
    expect(await codeOf(bench.blocks(1))).toBe('engine/results-missing');
  });

  it('loses a vote by refusing its extension, and the engine stops only without a quorum', async () => {
    await bench.open();
    const refused = validatorAddress(keyOf(2));
    bench.application.verifyVoteExtension = async ({ validatorAddress: address }) => ({
      status: toHex(address) === toHex(refused) ? 'reject' : 'accept',
    });
    await bench.blocks(2);
    await checkChain(bench.engine);
    expect(bench.notices[0]).toMatchObject({ code: 'engine/extension-rejected' });
    bench.application.verifyVoteExtension = async () => ({ status: 'reject' });
    expect(await codeOf(bench.blocks(1))).toBe('engine/no-quorum');
  });
});

describe('[ENG] evidence', () => {
  it('survives a restart before it is in a block', async () => {
    await bench.open();
    await bench.blocks(2);
    const { forgeDuplicate } = await import('./embeddedSubject.ts');
    await bench.engine.submitEvidence(await forgeDuplicate(bench.engine, 2n));
    await bench.open();
    await bench.blocks(2);
    expect(bench.application.seen.misbehavior).toHaveLength(1);
  });

  it('is refused once it is older than both bounds, and dropped when it grows too old waiting', async () => {
    const params = genesisOf().consensusParams;
    const evidence = { maxAgeNumBlocks: 2n, maxAgeDurationNs: 1_000_000_000n, maxBytes: 1n };
    const genesis = { ...genesisOf(), consensusParams: { ...params, evidence } };
    await bench.open({ genesis });
    await bench.blocks(2);
    const { forgeDuplicate } = await import('./embeddedSubject.ts');
    const old = await forgeDuplicate(bench.engine, 1n);
    // One byte of room for evidence: it waits, and no block can take it.
    expect(await bench.engine.submitEvidence(old)).toMatchObject({ accepted: true });
    await bench.blocks(3);
    expect(bench.application.seen.misbehavior).toEqual([]);
    expect(await bench.engine.submitEvidence(old)).toMatchObject({
      refusal: { message: expect.stringContaining('too old') },
    });
  });
});

describe('[ENG] the shadow', () => {
  const shadowOf = (options: KvOptions = {}, restartEvery?: number) => {
    const made: { closed: boolean }[] = [];
    const shadow = {
      make: async () => {
        const entry = { closed: false };
        made.push(entry);
        const close = async () => {
          entry.closed = true;
        };
        return { application: createKvstore(newDisk(), options), close };
      },
      ...(restartEvery !== undefined && { restartEvery }),
    };
    return { made, shadow };
  };

  it('follows the primary at every height, also after a restart from nothing', async () => {
    await bench.open({ shadow: shadowOf().shadow });
    await bench.engine.submit(utf8('a=1'));
    await bench.blocks(3);
    expect((await bench.engine.status()).shadow).toEqual({ height: 3n, restarts: 0 });
    await bench.open({ shadow: shadowOf().shadow });
    await bench.blocks(1);
    expect((await bench.engine.status()).shadow).toEqual({ height: 4n, restarts: 0 });
  });

  it('stops the chain where it differs, before that block is committed, and names the key', async () => {
    const reports: Divergence[] = [];
    const twist = (height: bigint, key: string, value: string) =>
      height === 3n && key === 'm' ? `${value}'` : value;
    await bench.open({
      shadow: shadowOf({ twist }).shadow,
      onDivergence: (report) => void reports.push(report),
    });
    await bench.blocks(2);
    for (const tx of ['z=1', 'm=1', 'b=1']) await bench.engine.submit(utf8(tx));
    expect(await codeOf(bench.blocks(1))).toBe('engine/divergence');
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({
      height: 3n,
      firstKey: { store: 'kv', key: utf8('m'), primary: utf8('1'), shadow: utf8("1'") },
    });
    expect(reports[0]!.message).toContain('the application hash');
    expect(reports[0]!.message).toContain(toHex(utf8('m')));
    expect(await codeOf(bench.engine.produce())).toBe('engine/divergence');
    expect(bench.disk.saved.height).toBe(2n);
    // With a replica that agrees, the block that was decided is finished.
    await bench.open({ shadow: shadowOf().shadow });
    expect((await bench.engine.status()).height).toBe(3n);
  });

  it('stops the chain for a result that differs, even where the state does not', async () => {
    const twistResult: KvOptions['twistResult'] = (height, result) =>
      height === 2n ? { ...result, gasUsed: 2n } : result;
    const { shadow } = shadowOf({ twistResult });
    await bench.open({ shadow });
    await bench.blocks(1);
    await expect(bench.blocks(1)).rejects.toThrow(/the gas of transaction 0/);
  });

  it('stops the chain for another judgement of a proposal or an extension', async () => {
    for (const method of ['processProposal', 'verifyVoteExtension'] as const) {
      const { shadow } = shadowOf();
      const contrary = {
        make: async () => {
          const { application } = await shadow.make();
          return {
            application: Object.assign(application, {
              [method]: async () => ({ status: 'reject' }),
            }),
          };
        },
      };
      await bench.open({ shadow: contrary });
      await expect(bench.blocks(1)).rejects.toThrow(/the two replicas differ on/);
    }
  });

  it.each([
    ['a snapshot of the primary and the blocks since', 4n],
    ['all blocks from genesis, where there is no snapshot', undefined],
  ])('is replaced now and then by a cold one, made from %s', async (_, snapshotEvery) => {
    const { made, shadow } = shadowOf({}, 5);
    await bench.open({ shadow }, snapshotEvery === undefined ? {} : { snapshotEvery });
    for (let height = 0; height < 40; height++) {
      await bench.engine.submit(utf8(`key${height}=value of ${height}`));
      await bench.blocks(1);
      if ((await bench.engine.status()).shadow!.restarts >= 2) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const { shadow: status, height } = await bench.engine.status();
    expect(status!.restarts).toBeGreaterThanOrEqual(2);
    expect(status!.height).toBe(height);
    expect(made[0]!.closed).toBe(true);
    await bench.blocks(2);
    await bench.engine.stop();
    expect(made.every(({ closed }) => closed)).toBe(true);
  });

  it('finds by a cold replica what a warm one hides: state that lives in memory only', async () => {
    // Both warm replicas bend the same value the first time they run it; a later run does not.
    const runs = new Map<string, number>();
    const hidden = (name: string): KvOptions => ({
      twist: (height, key, value) => {
        if (key !== 'memory') return value;
        const run = (runs.get(`${name}${height}`) ?? 0) + 1;
        runs.set(`${name}${height}`, run);
        return run === 1 ? `${value}?` : value;
      },
    });
    const { shadow } = shadowOf(hidden('shadow'), 3);
    await bench.open({ shadow }, hidden('primary'));
    await bench.engine.submit(utf8('memory=1'));
    const failed = async () => {
      for (let height = 0; height < 60; height++) {
        await bench.blocks(1);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await expect(failed()).rejects.toThrow(
      /cold replica does not come to what the primary answered/,
    );
  });

  it('is tried again later when a cold one cannot be made', async () => {
    const { shadow } = shadowOf({}, 2);
    let calls = 0;
    const flaky = {
      restartEvery: 2,
      make: () => (++calls === 2 ? Promise.reject(new Error('no worker')) : shadow.make()),
    };
    await bench.open({ shadow: flaky });
    for (let height = 0; height < 40; height++) {
      await bench.blocks(1);
      if ((await bench.engine.status()).shadow!.restarts > 0) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(bench.notices.map(({ code }) => code)).toContain('engine/shadow-restart-failed');
    expect((await bench.engine.status()).shadow!.restarts).toBe(1);
  });
});

describe('[ENG] starting and stopping', () => {
  it('starts once', async () => {
    await bench.open();
    expect(await codeOf(bench.engine.start())).toBe('engine/stopped');
  });

  it('does not answer before it started', async () => {
    const engine = createEmbeddedEngine({
      application: createKvstore(newDisk()),
      genesis: genesisOf(),
      hostedKeys: [],
      dataDir: '/nowhere',
      blockTimeMs: 0,
      clock: bench.clock,
    });
    expect(await codeOf(engine.submit(utf8('a=1')))).toBe('engine/stopped');
    expect(await codeOf(engine.status())).toBe('engine/stopped');
  });

  it('finishes the height at hand before it stops', async () => {
    await bench.open();
    const heard: CommittedBlock[] = [];
    bench.engine.onBlock((block) => void heard.push(block));
    const made = bench.engine.produce();
    await bench.engine.stop();
    await made;
    expect(heard).toHaveLength(1);
  });

  it('makes durable what was on its way in when it stopped', async () => {
    await bench.open();
    const answers = Array.from({ length: 10 }, (_, index) =>
      bench.engine.submit(utf8(`s${index}=1`)),
    );
    await bench.engine.stop();
    expect((await Promise.all(answers)).every(({ accepted }) => accepted)).toBe(true);
    await bench.open();
    expect((await bench.engine.status()).mempool.txs).toBe(10);
  });

  it('signs with the keys that it was given', async () => {
    await bench.open();
    await bench.blocks(1);
    const { signatures } = (await bench.engine.commit(1n))!.commit;
    const addresses = [0, 1, 2, 3].map((i) =>
      toHex(validatorAddress(ed25519.publicKey(secretOf(i)))),
    );
    expect(signatures.map(({ validatorAddress: address }) => toHex(address)).sort()).toEqual(
      addresses.sort(),
    );
  });
});

async function allTxs(): Promise<string[]> {
  const { height: last, initialHeight } = await bench.engine.status();
  const txs: string[] = [];
  for (let height = initialHeight; height <= last; height++) {
    txs.push(...(await bench.engine.block(height))!.block.txs.map(fromUtf8));
  }
  return txs;
}

async function occurrences(tx: string): Promise<number> {
  return (await allTxs()).filter((other) => other === tx).length;
}
