import { blake3 } from '@palisade/core/crypto';
import { describe, expect, it } from 'vitest';
import { PAL } from '../../../chain/test/chain-kit.ts';
import { burnedBy } from '../../test/burned.ts';
import { FUNDS, SECTOR, startSectors } from '../../test/sectors-kit.ts';
import {
  declareFaults,
  declareRecoveries,
  deregisterMiner,
  preCommit,
  preCommits,
  proveCommit,
  proveWindow,
  sealSubject,
  terminate,
  VERDICT,
  windowAt,
} from '../index.ts';
import { MEMBER } from './state.ts';

const DEPOSIT = 10n * PAL;
const PLEDGE = 50n * PAL;

describe('announcing a sector', () => {
  it('[P9] holds a deposit, and takes no number twice, proven or not', async () => {
    const kit = await startSectors();
    await kit.announce('m0', 3n);
    expect(kit.deposit('m0')).toBe(DEPOSIT);
    for (const number of [3n, 2n, 0n])
      await kit.refused('sectors/number-used', 'm0', preCommit, kit.announcement(number));
    await kit.until(60n);
    expect(kit.deposit('m0')).toBe(0n);
    await kit.refused('sectors/number-used', 'm0', preCommit, kit.announcement(3n));
    await kit.announce('m1', 3n);
  });

  it('[P9] has its bound, and lists of sectors name some, each once', async () => {
    const kit = await startSectors({ params: { maxSectors: 2 } });
    await kit.sector('m0', 0n);
    await kit.announce('m0', 1n);
    await kit.refused('sectors/too-many', 'm0', preCommit, kit.announcement(2n));
    for (const sectors of [[], [0n, 0n], [1n, 0n]])
      await kit.refused('sectors/bad-list', 'm0', terminate, { sectors });
  });

  it('[P9] is for miners only, with an end that is neither too near nor too far', async () => {
    const kit = await startSectors();
    await kit.chain.run(kit.chain.account('m2'), deregisterMiner, {});
    while (kit.chain.session.randomnessHeight === 0n) await kit.chain.block();
    await kit.refused('power/not-a-miner', 'm2', preCommit, kit.announcement(0n));
    const now = kit.chain.height;
    for (const expires of [now + 80n, now + 5100n])
      await kit.refused('sectors/bad-expiry', 'm0', preCommit, kit.announcement(0n, { expires }));
  });

  it('[P10] seals by randomness of late only', async () => {
    const kit = await startSectors({ params: { sealSessions: 1 }, sessionMs: 20_000n });
    const young = { ...kit.announcement(0n), session: 1n };
    await kit.refused('sectors/bad-seal-session', 'm0', preCommit, young);
    while (kit.chain.session.number < 2n) await kit.chain.block();
    const old = { ...kit.announcement(0n), session: 0n };
    await kit.refused('sectors/bad-seal-session', 'm0', preCommit, old);
  });

  it('[P9] predecessor mistake d: asks for free funds, not for all that the account has', async () => {
    const kit = await startSectors({ funds: 30n * PAL });
    await kit.announce('m0', 0n);
    await kit.announce('m0', 1n);
    const { free, held } = kit.balance('m0');
    expect(free).toBeLessThan(DEPOSIT);
    expect(free + held).toBeGreaterThan(DEPOSIT);
    await kit.refused('accounts/insufficient-funds', 'm0', preCommit, kit.announcement(2n));
    await kit.challenged('m0', 1n);
    const proof = await kit.proof('m0', 1n);
    await kit.refused('accounts/insufficient-funds', 'm0', proveCommit, proof);
  });
});

describe('proving an announced sector', () => {
  it('[P9] waits for a challenge that nobody knew at the announcement', async () => {
    const kit = await startSectors();
    await kit.announce('m0', 0n);
    const { challenge } = preCommits.need(kit.chain.state, kit.id('m0'), 0n);
    expect(challenge).toEqual(new Uint8Array(32));
    await kit.refused('sectors/not-challenged', 'm0', proveCommit, await kit.proof('m0', 0n));
    await kit.announce('m1', 0n);
    expect(await kit.challenged('m1', 0n)).not.toEqual(await kit.challenged('m0', 0n));
  });

  it('[P9] turns the deposit into a pledge, and gives no power yet', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    expect(kit.deposit('m0')).toBe(0n);
    expect(kit.pledge('m0')).toBe(PLEDGE);
    expect(kit.power('m0')).toBe(0n);
    expect(kit.member('m0', 0n)).toMatchObject({ state: MEMBER.unproven });
    await kit.refused('sectors/not-announced', 'm0', proveCommit, await kit.proof('m0', 0n));
  });

  it('[P9] predecessor mistake b: is late from the last block on, and costs the deposit there and not at the end of the sector', async () => {
    const kit = await startSectors();
    await kit.announce('m0', 0n, { expires: kit.chain.height + 4000n });
    const { height } = preCommits.need(kit.chain.state, kit.id('m0'), 0n);
    const late = height + BigInt(kit.params.maxProveBlocks);
    await kit.until(late - 1n);
    expect(kit.deposit('m0')).toBe(DEPOSIT);
    await kit.chain.block();
    expect(kit.deposit('m0')).toBe(0n);
    await kit.refused('sectors/not-announced', 'm0', proveCommit, await kit.proof('m0', 0n));
  });

  it('[P9] is in time in the block before', async () => {
    const kit = await startSectors();
    await kit.announce('m0', 0n);
    const { height } = preCommits.need(kit.chain.state, kit.id('m0'), 0n);
    await kit.until(height + BigInt(kit.params.maxProveBlocks) - 2n);
    await kit.chain.run(kit.machine('m0'), proveCommit, await kit.proof('m0', 0n));
    expect(kit.chain.height).toBe(height + BigInt(kit.params.maxProveBlocks) - 1n);
    await kit.until(kit.chain.height + 40n);
    expect(kit.pledge('m0')).toBe(PLEDGE);
  });

  it('[P9] predecessor mistake c: takes the deposit of what is not proven exactly once', async () => {
    const kit = await startSectors();
    await kit.announce('m0', 0n);
    const before = kit.balance('m0');
    const burnedBefore = burnedBy(kit.chain.state, 'sectors.unproven');
    await kit.until(60n);
    expect(kit.balance('m0')).toEqual({ free: before.free, held: before.held - DEPOSIT });
    expect(burnedBy(kit.chain.state, 'sectors.unproven') - burnedBefore).toBe(DEPOSIT);
  });

  it('[P9] predecessor mistake a: takes it from every miner that is late, also behind one that has nothing due', async () => {
    const kit = await startSectors();
    const [first, ...late] = kit.inOrder();
    while (kit.chain.session.randomnessHeight === 0n) await kit.chain.block();
    const txs = [];
    for (const name of [first!, ...late])
      txs.push(await kit.chain.sign(kit.machine(name), preCommit, kit.announcement(5n)));
    await kit.chain.block(txs);
    const { height } = preCommits.need(kit.chain.state, kit.id(late[0]!), 5n);
    // The first one in order proves its sector in time: in the block of the others it owes nothing.
    await kit.challenged(first!, 5n);
    await kit.chain.run(kit.machine(first!), proveCommit, await kit.proof(first!, 5n));
    await kit.until(height + BigInt(kit.params.maxProveBlocks));
    for (const name of late) expect(kit.deposit(name), name).toBe(0n);
    expect(kit.pledge(first!)).toBe(PLEDGE);
  });

  it('[P10] needs the word of as many validators as the chain wants, about this very proof', async () => {
    const kit = await startSectors({ weights: [10n, 10n, 10n], params: { sealVerdicts: 2 } });
    await kit.announce('m0', 0n);
    await kit.challenged('m0', 0n);
    const proof = blake3(Buffer.from('some proof'));
    const subject = sealSubject(kit.id('m0'), 0n, proof);
    const holds = (validator: number, about = subject) =>
      kit.verdict(about, VERDICT.holds, validator);
    const refused = async (verdicts: Uint8Array[]) =>
      kit.refused('sectors/bad-verdicts', 'm0', proveCommit, { number: 0n, proof, verdicts });
    await refused([]);
    await refused([await holds(0)]);
    await refused([await holds(0), await holds(0)]);
    await refused([await holds(0), await holds(1, sealSubject(kit.id('m0'), 1n, proof))]);
    await refused([await holds(0), await kit.verdict(subject, VERDICT.fails, 1)]);
    await refused([await holds(0), new Uint8Array(20)]);
    const verdicts = [await holds(0), await holds(2)];
    await kit.chain.run(kit.machine('m0'), proveCommit, { number: 0n, proof, verdicts });
  });
});

describe('a proven sector', () => {
  it('[P9] has power from its first window on, and keeps it while it is proven', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    await kit.window('m0', 0n);
    expect(kit.power('m0')).toBe(SECTOR);
    await kit.window('m0', 0n);
    expect(kit.power('m0')).toBe(SECTOR);
    expect(kit.pledge('m0')).toBe(PLEDGE);
  });

  it('[P9] is proven in its own window, once', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    const value = kit.windowProof('m0', 0n);
    const other = { ...value, deadline: (value.deadline + 1) % 3 };
    await kit.refused('sectors/no-such-partition', 'm0', proveWindow, other);
    await kit.open('m0', 0n);
    await kit.chain.run(kit.machine('m0'), proveWindow, kit.windowProof('m0', 0n));
    await kit.refused('sectors/window-proven', 'm0', proveWindow, kit.windowProof('m0', 0n));
    await kit.close();
    await kit.refused('sectors/window-closed', 'm0', proveWindow, kit.windowProof('m0', 0n));
  });

  it('[P9] loses its power when a window closes without a proof; the first time costs nothing else', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    await kit.window('m0', 0n);
    await kit.close();
    await kit.open('m0', 0n);
    expect(kit.power('m0')).toBe(SECTOR);
    await kit.close();
    expect(kit.power('m0')).toBe(0n);
    expect(kit.pledge('m0')).toBe(PLEDGE);
    await kit.refused('sectors/nothing-to-prove', 'm0', proveWindow, await openProof(kit));
  });

  it('[P9] that was never proven in a window loses no power with it', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    await kit.sector('m0', 1n);
    await kit.window('m0', 0n);
    const before = kit.power('m0');
    await kit.open('m0', 1n);
    await kit.close();
    expect(kit.member('m0', 1n)).toMatchObject({ state: MEMBER.faulty, faults: 1 });
    expect(kit.power('m0')).toBe(before);
  });

  it('[P9] predecessor mistake f: pays for every further period of a fault, and ends after too many, with a fee', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    const fault = PLEDGE / 100n;
    for (const paid of [0n, 1n, 2n]) {
      await kit.open('m0', 0n);
      await kit.close();
      expect(kit.pledge('m0')).toBe(PLEDGE - paid * fault);
    }
    const { height } = kit.record('m0', 0n)!;
    await kit.open('m0', 0n);
    await kit.close();
    const age = kit.chain.height - height;
    const byAge = (PLEDGE * 85_000n * (age < 100n ? age : 100n)) / (1_000_000n * 100n);
    const fee = [byAge, PLEDGE / 50n, (fault * 105n) / 100n].reduce((a, b) => (a > b ? a : b));
    expect(kit.pledge('m0')).toBe(PLEDGE - 3n * fault - fee);
    expect(burnedBy(kit.chain.state, 'sectors.fault')).toBe(3n * fault);
    expect(burnedBy(kit.chain.state, 'sectors.termination')).toBe(fee);
    await kit.until(kit.chain.height + 25n);
    expect(kit.pledge('m0')).toBe(0n);
    expect(kit.record('m0', 0n)).toBeUndefined();
  });

  it('[P9] predecessor mistake e: a partition is proven without its faulty sectors', async () => {
    const kit = await startSectors({ params: { partitionSectors: 4 } });
    const [good, bad] = await twoTogether(kit);
    await kit.open('m0', good);
    await kit.close();
    // Both are faulty now; one is there again.
    await kit.chain.run(kit.machine('m0'), declareRecoveries, { sectors: [good] });
    const before = kit.power('m0');
    await kit.window('m0', good);
    expect(kit.power('m0')).toBe(before + SECTOR);
    expect(kit.member('m0', good)).toMatchObject({ state: MEMBER.active, faults: 0 });
    expect(kit.member('m0', bad)).toMatchObject({ state: MEMBER.faulty });
    await kit.close();
    await kit.window('m0', good);
    expect(kit.power('m0')).toBe(before + SECTOR);
  });

  it('[P9] that is skipped in a proof loses its power then, and pays from the second close on', async () => {
    const kit = await startSectors({ params: { partitionSectors: 4 } });
    const [kept, skipped] = await twoTogether(kit);
    await kit.window('m0', kept);
    await kit.close();
    const before = kit.power('m0');
    await kit.open('m0', kept);
    const twice = kit.windowProof('m0', kept, [skipped, skipped]);
    await kit.refused('sectors/bad-skipped', 'm0', proveWindow, twice);
    await kit.chain.run(kit.machine('m0'), proveWindow, kit.windowProof('m0', kept, [skipped]));
    expect(kit.power('m0')).toBe(before - SECTOR);
    await kit.close();
    expect(kit.member('m0', skipped)).toMatchObject({ faults: 1 });
    expect(kit.record('m0', skipped)!.pledge).toBe(PLEDGE);
    await kit.window('m0', kept);
    await kit.close();
    expect(kit.record('m0', skipped)!.pledge).toBe(PLEDGE - PLEDGE / 100n);
    expect(kit.record('m0', kept)!.pledge).toBe(PLEDGE);
  });

  it('[P9] can be declared faulty and recovered before the cutoff, never in sight of the challenge', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    await kit.window('m0', 0n);
    await kit.close();
    await kit.refused('sectors/wrong-state', 'm0', declareRecoveries, { sectors: [0n] });
    await kit.chain.run(kit.machine('m0'), declareFaults, { sectors: [0n] });
    expect(kit.power('m0')).toBe(0n);
    await kit.refused('sectors/wrong-state', 'm0', declareFaults, { sectors: [0n] });
    await kit.chain.run(kit.machine('m0'), declareRecoveries, { sectors: [0n] });
    await kit.window('m0', 0n);
    expect(kit.power('m0')).toBe(SECTOR);
    const { deadline } = kit.record('m0', 0n)!;
    await kit.close();
    const opens = kit.chain.height + 20n;
    expect(windowAt(kit.params, opens)).toMatchObject({ deadline, opens });
    await kit.until(opens - BigInt(kit.params.cutoffBlocks) - 1n);
    const tx = await kit.chain.sign(kit.machine('m0'), declareFaults, { sectors: [0n] });
    const { results } = await kit.chain.block([tx]);
    expect(results[0]!.codespace).toBe('sectors/deadline-closed');
  });

  it('[P9] that fails to recover is faulty still, and pays', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    await kit.open('m0', 0n);
    await kit.close();
    await kit.chain.run(kit.machine('m0'), declareRecoveries, { sectors: [0n] });
    await kit.open('m0', 0n);
    await kit.close();
    expect(kit.member('m0', 0n)).toMatchObject({ state: MEMBER.faulty, faults: 2 });
    expect(kit.pledge('m0')).toBe(PLEDGE - PLEDGE / 100n);
  });

  it('[P9] ends with its time without a fee; the pledge comes back when nothing can be disputed', async () => {
    const kit = await startSectors();
    const expires = kit.chain.height + 120n;
    await kit.sector('m0', 0n, { expires });
    while (kit.chain.height < expires - 31n) await kit.window('m0', 0n);
    await kit.until(expires - 1n);
    expect(kit.power('m0')).toBe(SECTOR);
    await kit.chain.block();
    expect(kit.power('m0')).toBe(0n);
    expect(kit.pledge('m0')).toBe(PLEDGE);
    for (const late of [declareFaults, declareRecoveries, terminate])
      await kit.refused('sectors/no-such-sector', 'm0', late, { sectors: [0n] });
    await kit.refused('sectors/number-used', 'm0', preCommit, kit.announcement(0n));
    await kit.until(expires + 20n);
    expect(kit.pledge('m0')).toBe(0n);
  });

  it('[P9] is ended early for a fee by its miner, who may leave when the pledge is free', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    await kit.window('m0', 0n);
    await kit.close();
    await kit.chain.expectRefused('power/has-power', kit.chain.account('m0'), deregisterMiner, {});
    await kit.chain.run(kit.machine('m0'), terminate, { sectors: [0n] });
    expect(kit.power('m0')).toBe(0n);
    const fee = PLEDGE - kit.pledge('m0');
    expect(fee).toBeGreaterThanOrEqual(PLEDGE / 50n);
    await kit.refused('sectors/no-such-sector', 'm0', terminate, { sectors: [0n] });
    await kit.quiet();
    await kit.chain.expectRefused(
      'sectors/not-empty',
      kit.chain.account('m0'),
      deregisterMiner,
      {},
    );
    await kit.until(kit.chain.height + 25n);
    await kit.chain.run(kit.chain.account('m0'), deregisterMiner, {});
    const spent = FUNDS - kit.balance('m0').free - fee;
    expect(spent).toBeLessThan(PAL / 10n);
  });

  it('[P11] answers with its pledge for validators that the miner backs, and returns what is left', async () => {
    const kit = await startSectors();
    await kit.sector('m0', 0n);
    await kit.sector('m0', 1n);
    await kit.slash('m0', 60n * PAL);
    expect(kit.pledge('m0')).toBe(40n * PAL);
    await kit.quiet();
    await kit.close();
    for (const number of [0n, 1n]) {
      while (!(await canTerminate(kit, number))) await kit.chain.block();
      await kit.chain.run(kit.machine('m0'), terminate, { sectors: [number] });
    }
    await kit.until(kit.chain.height + 25n);
    expect(kit.pledge('m0')).toBe(0n);
    expect(kit.balance('m0').held).toBe(PAL);
  });
});

/** Four sectors of a miner in three deadlines: two of them, upwards, that share a partition. */
async function twoTogether(kit: Kit): Promise<[bigint, bigint]> {
  const all = [0n, 1n, 2n, 3n];
  for (const number of all) await kit.sector('m0', number);
  const deadlineOf = (number: bigint) => kit.record('m0', number)!.deadline;
  for (const a of all)
    for (const b of all) if (a < b && deadlineOf(a) === deadlineOf(b)) return [a, b];
  throw new Error('no two sectors share a deadline');
}

type Kit = Awaited<ReturnType<typeof startSectors>>;

async function openProof(kit: Kit) {
  await kit.open('m0', 0n);
  return kit.windowProof('m0', 0n);
}

async function canTerminate(kit: Kit, number: bigint): Promise<boolean> {
  const { deadline } = kit.record('m0', number)!;
  const next = kit.chain.height + 1n;
  const open = windowAt(kit.params, next);
  const soon = windowAt(kit.params, next + BigInt(kit.params.cutoffBlocks));
  return open.deadline !== deadline && soon.deadline !== deadline;
}
