import { toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { PAL } from '../../../chain/test/chain-kit.ts';
import { burnedBy } from '../../test/burned.ts';
import { bytesOf, type Sealed, seal, sealProofOf, windowProofOf } from '../../test/sector-kit.ts';
import { SECTOR, type SectorKit, startSectors } from '../../test/sectors-kit.ts';
import {
  disputeSeal,
  disputeWindow,
  entryPath,
  partitions,
  proofId,
  proveCommit,
  proveWindow,
  reportWithheld,
  reportWithheldSeal,
  sealSubject,
  shapeOf,
  terminate,
  VERDICT,
  windowSubject,
} from '../index.ts';
import { challenges, MEMBER } from './state.ts';

const PLEDGE = 50n * PAL;
/** Fault fee and dispute fee of a sector, and the share of them that rewards. */
const FINE = PLEDGE / 100n + PLEDGE / 5n;
const REWARD = FINE / 5n;

/** A sector that is really sealed, announced and challenged. */
async function announced(kit: SectorKit, lie?: (sealed: Sealed) => Sealed): Promise<Sealed> {
  while (kit.chain.session.randomnessHeight === 0n) await kit.chain.block();
  const name = { miner: kit.id('m0'), sector: 0n, seed: kit.chain.session.randomness };
  const honest = seal(name, bytesOf(3000, 1), shapeOf(kit.params));
  const sealed = lie?.(honest) ?? honest;
  await kit.announce('m0', 0n, sealed.statement);
  await kit.challenged('m0', 0n);
  return sealed;
}

async function proven(kit: SectorKit, sealed: Sealed): Promise<readonly Uint8Array[]> {
  const seed = await kit.challenged('m0', 0n);
  const entries = await sealProofOf(sealed, seed);
  await kit.chain.run(kit.machine('m0'), proveCommit, await kit.proof('m0', 0n, proofId(entries)));
  return entries;
}

/** Proves the window by what the miner has; `held` differs from the sector when it lost bytes. */
async function window(kit: SectorKit, sealed: Sealed, held = sealed) {
  await kit.open('m0', 0n);
  const { deadline, partition } = kit.record('m0', 0n)!;
  const { opens, seed } = challenges.need(kit.chain.state, BigInt(deadline));
  const place = { miner: kit.id('m0'), deadline, partition, opens, seed };
  const known = { ...held, statement: sealed.statement };
  const entries = windowProofOf(place, [known], kit.params.windowLeaves);
  const proof = proofId(entries);
  await kit.chain.run(kit.machine('m0'), proveWindow, { deadline, partition, skipped: [], proof });
  return { place, entries };
}

const shown = (entries: readonly Uint8Array[], entry: number) => ({
  entry,
  bytes: entries[entry]!,
  path: entryPath(entries, entry),
});

describe('disputing a window proof', () => {
  it('[P10] takes power and pledge from a miner that proved with other bytes, and rewards who shows it', async () => {
    const kit = await startSectors();
    const sealed = await announced(kit);
    await proven(kit, sealed);
    const lost = { ...sealed, sealed: sealed.data };
    const { place, entries } = await window(kit, sealed, lost);
    expect(kit.power('m0')).toBe(SECTOR);
    await kit.close();
    const before = kit.balance('m1').free;
    const claim = { ...place, ...shown(entries, 2) };
    const tx = await kit.chain.sign(kit.machine('m1'), disputeWindow, claim);
    const { results } = await kit.chain.block([tx]);
    expect(results[0]!.code, results[0]!.log).toBe(0);
    expect(kit.power('m0')).toBe(0n);
    expect(kit.member('m0', 0n)).toMatchObject({ state: MEMBER.faulty });
    expect(kit.pledge('m0')).toBe(PLEDGE - FINE);
    expect(kit.balance('m1').free - before).toBe(REWARD - kit.chain.feeOf(tx));
    expect(burnedBy(kit.chain.state, 'sectors.dispute')).toBe(FINE - REWARD);
    await kit.refused('sectors/not-disputable', 'm1', disputeWindow, claim);
  });

  it('[P10] cannot harm a miner whose proof holds, by no entry and no made-up bytes', async () => {
    const kit = await startSectors();
    const sealed = await announced(kit);
    await proven(kit, sealed);
    const { place, entries } = await window(kit, sealed);
    for (const entry of entries.keys()) {
      const claim = { ...place, ...shown(entries, entry) };
      await kit.refused('sectors/proof-holds', 'm1', disputeWindow, claim);
    }
    const bytes = entries[0]!.slice();
    bytes[7]! ^= 1;
    const forged = { ...place, ...shown(entries, 0), bytes };
    await kit.refused('sectors/not-of-the-proof', 'm1', disputeWindow, forged);
    const moved = { ...place, ...shown(entries, 0), entry: 1 };
    await kit.refused('sectors/not-of-the-proof', 'm1', disputeWindow, moved);
    expect(kit.pledge('m0')).toBe(PLEDGE);
  });

  it('[P10] shows that a proof of the window before is none of this one', async () => {
    const kit = await startSectors();
    const sealed = await announced(kit);
    await proven(kit, sealed);
    const { place, entries } = await window(kit, sealed);
    await kit.close();
    await kit.open('m0', 0n);
    const { deadline, partition } = place;
    const replayed = { deadline, partition, skipped: [], proof: proofId(entries) };
    await kit.chain.run(kit.machine('m0'), proveWindow, replayed);
    const claims = entries.map((_, entry) => ({ ...place, ...shown(entries, entry) }));
    const codes: (number | undefined)[] = [];
    for (const claim of claims) {
      const tx = await kit.chain.sign(kit.machine('m1'), disputeWindow, claim);
      codes.push((await kit.chain.block([tx])).results[0]?.code);
    }
    expect(codes).toContain(0);
    expect(kit.power('m0')).toBe(0n);
  });

  it('[P10] has its time', async () => {
    const kit = await startSectors();
    const sealed = await announced(kit);
    await proven(kit, sealed);
    const { place, entries } = await window(kit, sealed, { ...sealed, sealed: sealed.data });
    await kit.until(place.opens + 20n);
    const claim = { ...place, ...shown(entries, 0) };
    await kit.refused('sectors/not-disputable', 'm1', disputeWindow, claim);
  });

  it('[P10] by withheld bytes needs more than two thirds of the validators', async () => {
    const kit = await startSectors({ weights: [10n, 10n, 10n] });
    const sealed = await announced(kit);
    await proven(kit, sealed);
    const { place, entries } = await window(kit, sealed);
    const { miner, deadline, partition } = place;
    const subject = windowSubject(miner, place, proofId(entries));
    const words = await Promise.all(
      [0, 1, 2].map((validator) => kit.verdict(subject, VERDICT.withheld, validator)),
    );
    const report = (verdicts: Uint8Array[]) => ({ miner, deadline, partition, verdicts });
    await kit.refused('sectors/bad-verdicts', 'm1', reportWithheld, report(words.slice(1)));
    const another = windowSubject(miner, { ...place, opens: place.opens + 30n }, proofId(entries));
    const about = await kit.verdict(another, VERDICT.withheld, 0);
    const mixed = report([about, ...words.slice(1)]);
    await kit.refused('sectors/bad-verdicts', 'm1', reportWithheld, mixed);
    await kit.chain.run(kit.machine('m1'), reportWithheld, report(words));
    expect(kit.power('m0')).toBe(0n);
    expect(kit.pledge('m0')).toBe(PLEDGE - FINE);
  });

  it('[P9] is also paid by a sector that its miner ends in the meantime', async () => {
    const kit = await startSectors();
    const sealed = await announced(kit);
    await proven(kit, sealed);
    const { place, entries } = await window(kit, sealed, { ...sealed, sealed: sealed.data });
    await kit.close();
    await kit.chain.run(kit.machine('m0'), terminate, { sectors: [0n] });
    const left = kit.pledge('m0');
    expect(left).toBeGreaterThan(0n);
    const key = [BigInt(place.deadline), place.miner, BigInt(place.partition)] as const;
    expect(partitions.need(kit.chain.state, ...key).members).toEqual([]);
    await kit.chain.run(kit.machine('m1'), disputeWindow, { ...place, ...shown(entries, 1) });
    expect(kit.pledge('m0')).toBe(left - FINE);
    await kit.until(kit.chain.height + 25n);
    expect(kit.pledge('m0')).toBe(0n);
    expect(partitions.get(kit.chain.state, ...key)).toBeUndefined();
  });
});

describe('disputing a seal proof', () => {
  it('[P10] ends a sector whose replica is the plain data, and takes all of its pledge', async () => {
    const kit = await startSectors();
    const sealed = await announced(kit, (honest) => ({
      ...honest,
      sealed: honest.data,
      statement: { ...honest.statement, replica: honest.statement.data },
    }));
    const entries = await proven(kit, sealed);
    await kit.window('m0', 0n);
    const claim = { miner: kit.id('m0'), number: 0n, ...shown(entries, 3) };
    await kit.chain.run(kit.machine('m1'), disputeSeal, claim);
    expect(kit.power('m0')).toBe(0n);
    expect(kit.pledge('m0')).toBe(0n);
    expect(burnedBy(kit.chain.state, 'sectors.dispute')).toBe(PLEDGE - PLEDGE / 5n);
    await kit.refused('sectors/no-such-sector', 'm1', disputeSeal, claim);
  });

  it('[P10] by withheld bytes needs more than two thirds of the validators, and ends the sector', async () => {
    const kit = await startSectors({ weights: [10n, 10n, 10n] });
    const sealed = await announced(kit);
    const entries = await proven(kit, sealed);
    await kit.window('m0', 0n);
    const miner = kit.id('m0');
    const subject = sealSubject(miner, 0n, proofId(entries));
    const words = await Promise.all(
      [VERDICT.withheld, VERDICT.fails, VERDICT.withheld].map((word, validator) =>
        kit.verdict(subject, word, validator),
      ),
    );
    const report = (verdicts: Uint8Array[]) => ({ miner, number: 0n, verdicts });
    await kit.refused('sectors/bad-verdicts', 'm1', reportWithheldSeal, report(words.slice(1)));
    const good = await kit.verdict(subject, VERDICT.holds, 0);
    const mixed = report([good, ...words.slice(1)]);
    await kit.refused('sectors/bad-verdicts', 'm1', reportWithheldSeal, mixed);
    await kit.chain.run(kit.machine('m1'), reportWithheldSeal, report(words));
    expect(kit.power('m0')).toBe(0n);
    expect(kit.pledge('m0')).toBe(0n);
    expect(burnedBy(kit.chain.state, 'sectors.dispute')).toBe(PLEDGE - PLEDGE / 5n);
    await kit.refused('sectors/no-such-sector', 'm1', reportWithheldSeal, report(words));
  });

  it('[P10] cannot harm a sector that was sealed by the rules, and has its time', async () => {
    const kit = await startSectors();
    const sealed = await announced(kit);
    const entries = await proven(kit, sealed);
    const miner = kit.id('m0');
    for (const entry of entries.keys())
      await kit.refused('sectors/proof-holds', 'm1', disputeSeal, {
        miner,
        number: 0n,
        ...shown(entries, entry),
      });
    const { height } = kit.record('m0', 0n)!;
    await kit.until(height + 40n);
    const late = { miner, number: 0n, ...shown(entries, 0) };
    await kit.refused('sectors/not-disputable', 'm1', disputeSeal, late);
    const report = { miner, number: 0n, verdicts: [] };
    await kit.refused('sectors/not-disputable', 'm1', reportWithheldSeal, report);
    expect(toHex(kit.record('m0', 0n)!.proof)).toBe(toHex(proofId(entries)));
  });
});
