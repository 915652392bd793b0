import { isRefusal, toHex } from '@palisade/core';
import { ProvenTree } from '@palisade/formats';
import { describe, expect, it } from 'vitest';
import { MIB, type PowerKit, startPower } from '../../test/power-kit.ts';
import { collatorPower, draws, linesOf, snapshotHead, snapshotLines } from '../index.ts';
import { lineOf, pageOfLines } from './draws.ts';
import { type DrawClaim, snapshotRoot, verifyDraw } from './verify.ts';

async function drawn(): Promise<PowerKit> {
  const pool = await startPower({ standbys: 7 });
  await pool.mine('m0', 100n * MIB);
  for (const [i, power] of [3n, 1n, 8n, 20n, 2n, 5n, 4n].entries()) {
    await pool.register(i + 1);
    await pool.lend('m0', i + 1, power * MIB);
  }
  await pool.endSession();
  return pool;
}

/** The store's tree as a node keeps it. */
function treeOf({ chain }: PowerKit): ProvenTree {
  const entries = [...chain.state.range('snapshot/', 'snapshot0')].map(
    ([key, value]) =>
      [
        Uint8Array.from(key.slice('snapshot/'.length), (char) => char.charCodeAt(0)),
        value,
      ] as const,
  );
  return ProvenTree.fromSorted(entries);
}

function claimOf(pool: PowerKit, session: bigint): DrawClaim {
  const { state, domain } = pool.chain;
  const { seed, winners, seats, reserve, leastPower } = draws.need(state, session);
  const head = { session, seats, reserve, leastPower };
  const lines = [...linesOf(state, session)];
  return {
    occasion: { genesisHash: domain.genesisHash, session, seed },
    root: snapshotRoot(head, lines),
    head,
    lines,
    winners,
  };
}

describe('a draw', () => {
  it('[P8] can be checked by whoever has the snapshot, its root and the seed', async () => {
    const pool = await drawn();
    const claim = claimOf(pool, 1n);
    expect(toHex(claim.root)).toBe(toHex(treeOf(pool).root()));
    const checked = verifyDraw(claim);
    if (isRefusal(checked)) throw new Error(checked.message);
    expect(checked.places.map(({ role }) => role)).toEqual([
      ...Array(3).fill('seat'),
      ...Array(2).fill('reserve'),
    ]);
    expect(checked).toMatchObject({ candidates: 7, totalPower: 43n * MIB });
    expect(checked.next!.key).toBeGreaterThan(checked.places[4]!.key);
    const twenty = checked.places.find(({ power }) => power === 20n * MIB);
    if (twenty) expect(twenty.sharePpm).toBe(465_116);
  });

  it('[P8] of a past session can be checked still, when powers have long changed', async () => {
    const pool = await drawn();
    const before = claimOf(pool, 1n);
    await pool.takeBack('m0', 4, 20n * MIB);
    await pool.lend('m0', 1, 30n * MIB);
    await pool.endSession();
    await pool.change('m0', -50n * MIB);
    await pool.endSession();
    expect(collatorPower(pool.chain.state, pool.nodeKey(4))).toBe(0n);
    expect(claimOf(pool, 1n)).toEqual(before);
    expect(isRefusal(verifyDraw(before))).toBe(false);
    for (const session of [2n, 3n])
      expect(isRefusal(verifyDraw(claimOf(pool, session)))).toBe(false);
  });

  it('[P8] in which one line, the seed, the order or a name was bent is found out', async () => {
    const pool = await drawn();
    const claim = claimOf(pool, 1n);
    const [first, ...rest] = claim.lines;
    const richer = { ...first!, line: { ...first!.line, power: first!.line.power + 1n } };
    const [a, b, ...others] = claim.winners;
    const bent: [string, Partial<DrawClaim>][] = [
      ['power/wrong-snapshot', { lines: [richer, ...rest] }],
      ['power/wrong-snapshot', { lines: rest }],
      ['power/wrong-snapshot', { head: { ...claim.head, leastPower: 2n } }],
      ['power/other-snapshot', { head: { ...claim.head, session: 2n } }],
      ['power/wrong-draw', { winners: [b!, a!, ...others] }],
      ['power/wrong-draw', { winners: claim.winners.slice(1) }],
      ['power/wrong-draw', { winners: [...claim.winners, a!] }],
      ['power/wrong-draw', { occasion: { ...claim.occasion, seed: new Uint8Array(32).fill(3) } }],
    ];
    for (const [code, change] of bent)
      expect(verifyDraw({ ...claim, ...change })).toMatchObject({ code });
  });

  it("[P6] a collator's power in the snapshot is proven by its line alone", async () => {
    const pool = await drawn();
    const tree = treeOf(pool);
    const flat = snapshotLines.keyOf(pool.nodeKey(4)).slice('snapshot/'.length);
    const key = Uint8Array.from(flat, (char) => char.charCodeAt(0));
    const proof = tree.prove(key)!;
    expect('exist' in proof && proof.exist).toBeTruthy();
    const { state } = pool.chain;
    expect(collatorPower(state, pool.nodeKey(4))).toBe(20n * MIB);
    expect(collatorPower(state, pool.nodeKey(0))).toBe(0n);
    expect(snapshotHead.need(state)).toMatchObject({ session: 1n, leastPower: MIB });
  });

  it('[P8] leaves out collators below the least power, unless too few have it', async () => {
    const pool = await startPower({ params: { minCollatorPower: 4n * MIB } });
    await pool.mine('m0', 50n * MIB);
    for (const [i, power] of [5n, 4n, 3n].entries()) {
      await pool.register(i + 1);
      await pool.lend('m0', i + 1, power * MIB);
    }
    await pool.endSession();
    expect(snapshotHead.need(pool.chain.state).leastPower).toBe(1n);
    expect(draws.need(pool.chain.state, 1n).candidates).toBe(3);
    await pool.register(4);
    await pool.lend('m0', 4, 6n * MIB);
    await pool.endSession();
    expect(snapshotHead.need(pool.chain.state).leastPower).toBe(4n * MIB);
    expect(draws.need(pool.chain.state, 2n).candidates).toBe(3);
  });
});

describe('lines of a snapshot', () => {
  it('[P6] are the same alone, in pages and all at once, of any session that is remembered', async () => {
    const pool = await drawn();
    await pool.takeBack('m0', 4, 20n * MIB);
    await pool.endSession();
    await pool.lend('m0', 2, 2n * MIB);
    await pool.endSession();
    const { state } = pool.chain;
    for (let session = 1n; session <= pool.chain.session.number; session++) {
      const all = [...linesOf(state, session)];
      expect(all).toHaveLength(7);
      for (const { nodeKey, line } of all) expect(lineOf(state, session, nodeKey)).toEqual(line);
      const paged = [];
      for (let after = new Uint8Array(32); ; after = paged.at(-1)!.nodeKey as never) {
        const page = pageOfLines(state, session, after, 3);
        paged.push(...page);
        if (page.length < 3) break;
      }
      expect(paged).toEqual(all);
    }
    expect(lineOf(state, 1n, pool.nodeKey(4))?.power).toBe(20n * MIB);
    expect(lineOf(state, 0n, pool.nodeKey(4))).toBeUndefined();
  });
});
