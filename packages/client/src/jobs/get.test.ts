import { concat, equalBytes } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { collect, MIB, refusedWith, useJobs } from '../../test/jobs-kit.ts';

const kit = useJobs();

describe('get among bad partners', () => {
  it('changes to another partner at a wrong byte, and goes on at that group', async () => {
    const { job, bytes, partners } = await kit.store(6 * MIB, 3);
    const asked: number[] = [];
    for (const { partner } of partners.slice(0, 2)) {
      kit.partnerOf(partner).serveBytes = (served, from) => {
        if (from < 0) return served;
        asked.push(from);
        const copy = served.slice();
        const at = 2 * MIB + 5 - from;
        if (at >= 0) copy[at]! ^= 1;
        return copy;
      };
    }
    expect(equalBytes(await collect((await kit.market.get(job)).bytes), bytes)).toBe(true);
    expect(asked).toHaveLength(2);
    for (const from of asked) expect(from % MIB).toBe(0);
    expect(asked[1]).toBe(2 * MIB);
  });

  it('goes on at the group where connections broke, again and again', async () => {
    const { job, bytes, partners } = await kit.store(6 * MIB, 2);
    for (const { partner } of partners) kit.partnerOf(partner).breakAfter = MIB + MIB / 2;
    expect(equalBytes(await collect((await kit.market.get(job)).bytes), bytes)).toBe(true);
  });

  it('takes an outline from nobody but who has the right one', async () => {
    const { job, bytes, partners } = await kit.store(3 * MIB, 3);
    for (const { partner } of partners.slice(1))
      kit.partnerOf(partner).serveBytes = (served) => served.map((byte) => byte ^ 1);
    expect(equalBytes(await collect((await kit.market.get(job)).bytes), bytes)).toBe(true);
  });

  it('says that nobody has it when all lie, and gives out no wrong byte', async () => {
    const { job, partners, bytes } = await kit.store(3 * MIB, 2);
    for (const { partner } of partners)
      kit.partnerOf(partner).serveBytes = (served, from) =>
        from < 0 ? served : served.map((byte, i) => (from + i > 2 * MIB ? byte ^ 1 : byte));
    const seen: Uint8Array[] = [];
    const reading = (async () => {
      for await (const part of (await kit.market.get(job)).bytes) seen.push(part);
    })();
    await expect(reading).rejects.toEqual(refusedWith('client/no-source'));
    const got = concat(...seen);
    expect(equalBytes(got, bytes.subarray(0, got.length))).toBe(true);
  });

  it('gives up a partner that goes silent in the middle', async () => {
    const { job } = await kit.store(100, 2);
    for (const { server } of kit.network.partners)
      server.fault = (path) => (path.includes('/content/') ? 'hang' : undefined);
    await expect(kit.market.get(job)).rejects.toEqual(refusedWith('client/no-source'));
  });
});

describe('sharing', () => {
  it('opens one file for somebody else, and only that one', async () => {
    const { job, bytes } = await kit.store(1000, 1);
    const text = await kit.market.share(job);
    const friend = kit.marketOf(new Uint8Array(32).fill(3));
    const file = await friend.getShared(text);
    expect(equalBytes(await collect(file.bytes), bytes)).toBe(true);
    await expect(friend.get(job)).rejects.toEqual(refusedWith('content/wrong-key'));
  });
});
