/** What a watcher says when its nodes of the root chain leave it unsure: of another chain than it judged, or one node's word alone. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ALICE } from '../../payments/test/wallets.ts';
import { notReady, statusOf } from '../src/status.ts';
import { type ApiWorld, startApiWorld } from './api-world.ts';

let world: ApiWorld;
beforeAll(async () => {
  world = await startApiWorld('v2');
  world.chain.deposit(ALICE, 10n);
  await world.read();
});
afterAll(() => world.stop());

it('[X10][X14] on a root chain that has not the block it judged by, nothing is recent and nothing may be spent', async () => {
  const { watch } = world;
  expect([watch.isFresh(), watch.refusal()]).toEqual([true, undefined]);
  // Its head may be where it was, or far below: the node just tells of another chain.
  world.tellOtherChain(true);
  await watch.look();
  expect(watch.isFresh()).toBe(false);
  expect(watch.findings.synced).toBe(false);
  expect(watch.refusal()).toMatchObject({ code: 'watcher/not-synced' });
  await watch.look();
  expect(watch.isFresh()).toBe(false);
  // A node that was behind is told from one that is on another chain by its next answer.
  world.tellOtherChain(false);
  await watch.look();
  expect([watch.isFresh(), watch.refusal()]).toEqual([true, undefined]);
});

it('[X14] one node alone is believed, and it is said as long as no other confirmed it', async () => {
  const { watch, chain } = world;
  const alarms = () => world.methods['alarm.get']!.call({} as never);
  expect([await alarms(), statusOf(watch).unwitnessed, notReady(watch)]).toEqual([
    [],
    null,
    undefined,
  ]);
  world.lackWitness(2);
  chain.deposit(ALICE, 5n);
  await world.read();
  const unwitnessed = { from: chain.height - 1, to: chain.height };
  expect(await alarms()).toEqual([{ unwitnessed }]);
  expect(statusOf(watch).unwitnessed).toEqual(unwitnessed);
  expect(notReady(watch)).toMatch(/told by one node alone/);
  expect(watch.refusal()).toBeUndefined();
  // One that missed a turn is told of, but makes nobody leave.
  const patient = { parts: { ...watch.parts, finalityMargin: 2 } };
  expect(notReady(Object.assign(Object.create(watch), patient))).toBeUndefined();
  world.lackWitness(0);
  chain.deposit(ALICE, 5n);
  await world.read();
  expect([await alarms(), notReady(watch)]).toEqual([[], undefined]);
});
