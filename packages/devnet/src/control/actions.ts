/** What a development network can be asked to do with its time. */
import { connect } from '@palisade/client';
import { PalisadeError } from '@palisade/core';
import { ed25519 } from '@palisade/core/crypto';
import { readClock, writeClock } from '../files.ts';
import type { Network } from '../network.ts';
import type { DoorAction } from './door.ts';
import { MAX_AHEAD_MS, type NetworkClock } from './network-clock.ts';
import type { PartsKeeper } from './parts-keeper.ts';
import {
  listSnapshots,
  needFreeName,
  needSnapshot,
  removeSnapshot,
  revertTo,
  takeSnapshot,
} from './snapshots.ts';
import { warp } from './warp.ts';

export type Controlled = {
  readonly root: string;
  readonly network: Network;
  /** Accounts of the partners that keep sectors. */
  readonly miners: readonly Uint8Array[];
  readonly clock: NetworkClock;
  readonly keeper: PartsKeeper;
};

export function controlActions(controlled: Controlled): Readonly<Record<string, DoorAction>> {
  const { root, network, miners, clock, keeper } = controlled;
  const partners = network.partners.map(({ nodeSecret }) => ed25519.publicKey(nodeSecret));

  /** Written down first: after a crash, the clock is never behind the chain that it moved. */
  const moveTo = async (timeMs: number) => {
    const aheadMs = Math.ceil(clock.aheadMs + (timeMs - clock.nowMs()));
    await writeClock(root, clock, aheadMs);
    clock.moveTo(aheadMs);
    await keeper.parts().setClock(aheadMs);
  };

  return {
    async warp({ params, tell, signal }) {
      const byMs = durationOf(params);
      const { urls, produce } = keeper.parts();
      const chain = connect({ urls });
      const nowMs = () => clock.nowMs();
      const warping = { chain, partners, miners, nowMs, moveTo, produce, signal };
      for await (const step of warp(warping, byMs)) tell(step);
      const { height, timeMs } = await chain.status();
      return { height: `${height}`, timeMs: `${timeMs}`, aheadMs: clock.aheadMs };
    },
    async snapshot({ params }) {
      const name = params.get('name') ?? '';
      needFreeName(root, name);
      await keeper.whileStopped(async () => {
        await writeClock(root, clock);
        await takeSnapshot(root, name);
      });
      return (await listSnapshots(root)).find((line) => line.name === name);
    },
    async revert({ params }) {
      const name = params.get('name') ?? '';
      await needSnapshot(root, name);
      await keeper.whileStopped(async () => {
        await revertTo(root, name);
        const { aheadMs, writtenMs } = await readClock(root);
        clock.moveTo(aheadMs - (clock.machineMs() - writtenMs));
        await writeClock(root, clock);
      });
      const { height, timeMs } = await connect({ urls: keeper.parts().urls }).status();
      return { name, height: `${height}`, timeMs: `${timeMs}`, aheadMs: clock.aheadMs };
    },
    snapshots: () => listSnapshots(root),
    remove: ({ params }) => removeSnapshot(root, params.get('name') ?? ''),
  };
}

function durationOf(params: URLSearchParams): number {
  const byMs = Number(params.get('ms'));
  if (Number.isSafeInteger(byMs) && byMs > 0 && byMs < MAX_AHEAD_MS) return byMs;
  throw new PalisadeError({
    code: 'devnet/bad-duration',
    message: 'Time can be moved on by 1 ms to some decades.',
    next: 'Say for how long: palisade dev warp 4h',
  });
}
