import { revokeNodeKey, SEAT, validators } from '@palisade/chain';
import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { eventsOf } from '../../../chain/test/chain-kit.ts';
import { MIB, startPower } from '../../test/power-kit.ts';
import { collatorPower, draws, leaveCollators, seatings } from '../index.ts';

describe('seats', () => {
  it('[P5][P6] what is lent in a session is read in the next and has a seat in the one after', async () => {
    const pool = await startPower();
    const { chain } = pool;
    await pool.pool([1, 2, 3, 4, 5]);
    expect(chain.seats()).toEqual(['v0']);
    await pool.endSession();
    expect(chain.session.number).toBe(1n);
    expect(chain.seats()).toEqual(['v0']);
    const draw = draws.need(chain.state, 1n);
    expect(draw).toMatchObject({ seats: 3, reserve: 2, candidates: 5 });
    const change = await pool.endSession();
    expect(chain.seats()).toHaveLength(4);
    const seated = draw.winners.slice(0, 3).map(toHex);
    for (const seat of seatings.need(chain.state, 2n).seatings)
      if (seat.known === 0) expect(seated).toContain(toHex(seat.nodeKey));
    expect(change.validatorUpdates).toHaveLength(3);
    expect(eventsOf(change, 'power.validator-shortage')).toEqual([]);
  });

  it('[P8] go on turning: old holders leave the engine, and every block goes on being signed', async () => {
    const pool = await startPower({ standbys: 7 });
    const { chain } = pool;
    await pool.pool([1, 2, 3, 4, 5, 6, 7]);
    const seen = new Set<string>();
    for (let i = 0; i < 8; i++) {
      await pool.endSession();
      await chain.quietBlocks(2);
      for (const seat of chain.seats()) seen.add(seat);
      expect(chain.seats()).toContain('v0');
    }
    expect(chain.seats()).toHaveLength(4);
    expect(seen.size).toBeGreaterThan(5);
  });

  it('[P8] [V2V-0] reserves of the draw stand by, and no more than these', async () => {
    const pool = await startPower({ standbys: 7 });
    const { chain } = pool;
    await pool.pool([1, 2, 3, 4, 5, 6, 7]);
    for (let i = 0; i < 6; i++) {
      await pool.endSession();
      await chain.quietBlocks(1);
      const draw = draws.get(chain.state, chain.session.number - 1n);
      if (!draw || chain.session.number < 2n) continue;
      const standing = [...validators.list(chain.state)]
        .filter(([, { seat }]) => seat === SEAT.passive)
        .map(([[nodeKey]]) => toHex(nodeKey));
      expect(standing).toEqual(draw.winners.slice(3).map(toHex).sort());
    }
    expect(chain.session.number).toBe(6n);
  });

  it('a winner that leaves before its session gives way to the first reserve', async () => {
    const pool = await startPower({ params: { minEligible: 1 } });
    const { chain } = pool;
    await pool.pool([1, 2, 3, 4, 5]);
    await pool.endSession();
    const { winners } = draws.need(chain.state, 1n);
    const index = [1, 2, 3, 4, 5].find((i) => toHex(pool.nodeKey(i)) === toHex(winners[0]!))!;
    await chain.run(pool.owner(index), leaveCollators, { collator: winners[0]! });
    await pool.endSession();
    const seated = seatings.need(chain.state, 2n).seatings.filter(({ known }) => known === 0);
    expect(seated.map(({ nodeKey }) => toHex(nodeKey))).toEqual(winners.slice(1, 4).map(toHex));
  });

  it('a winner whose node key was revoked is removed, and the first reserve has its seat', async () => {
    const pool = await startPower();
    const { chain } = pool;
    await pool.pool([1, 2, 3, 4, 5]);
    await pool.endSession();
    const { winners } = draws.need(chain.state, 1n);
    const index = [1, 2, 3, 4, 5].find((i) => toHex(pool.nodeKey(i)) === toHex(winners[1]!))!;
    await chain.run(pool.owner(index), revokeNodeKey, { nodeKey: winners[1]! });
    await pool.endSession();
    expect(pool.collator(index).registered).toBe(0);
    const seated = seatings.need(chain.state, 2n).seatings.filter(({ known }) => known === 0);
    const expected = [winners[0], winners[2], winners[3]].map((key) => toHex(key!));
    expect(seated.map(({ nodeKey }) => toHex(nodeKey))).toEqual(expected);
    expect(collatorPower(chain.state, pool.nodeKey(index))).toBe(0n);
  });

  it('[P8] too few collators: all are in, the rest stays empty, and it is said', async () => {
    const pool = await startPower();
    await pool.pool([1, 2]);
    await pool.endSession();
    const change = await pool.endSession();
    expect(pool.chain.seats()).toEqual(['v0', 'v1', 'v2']);
    expect(eventsOf(change, 'power.validator-shortage')).toMatchObject([
      { wanted: '3', drawn: '2', stayed: '0', owned: '0' },
    ]);
  });

  it('[P8] no collators at all: known validators fill in with equal votes, as LOW_TRUST', async () => {
    const pool = await startPower({ weights: [1n, 1n, 1n, 1n], standbys: 0 });
    const change = await pool.endSession();
    expect(pool.chain.seats()).toEqual(['v0', 'v1', 'v2', 'v3']);
    expect(eventsOf(change, 'power.seats-taken')).toMatchObject([{ lowTrust: '1' }]);
    expect(change.validatorUpdates).toEqual([]);
  });

  it('[P7] lent power is free at once when its collator leaves, and does not come back with it', async () => {
    const pool = await startPower({ params: { minEligible: 1 } });
    const { chain } = pool;
    await pool.pool([1, 2]);
    await chain.run(pool.owner(1), leaveCollators, { collator: pool.nodeKey(1) });
    expect(pool.collator(1)).toMatchObject({ power: 0n, registered: 0, generation: 0 });
    await pool.lend('m0', 2, 4n * MIB);
    expect(pool.collator(2).power).toBe(8n * MIB);
    await pool.register(1);
    expect(pool.collator(1)).toMatchObject({ power: 0n, registered: 1, generation: 2 });
  });
});
