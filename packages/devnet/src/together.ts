/** All parts of a development network in this process. */
import type { DaemonContext } from '@palisade/daemon';
import type { NetworkClock } from './control/network-clock.ts';
import type { RunningParts } from './control/parts-keeper.ts';
import type { DevnetOptions } from './devnet.ts';
import { contextOf, type Part, partnersOf, startOnePartner, startValidators } from './parts.ts';

export async function startInProcess(
  context: DaemonContext,
  part: Part & { readonly clock: NetworkClock },
  { logLevel, faults, diskHook, sealThread }: DevnetOptions,
): Promise<RunningParts> {
  const named = (name: string, folder: string) => contextOf(context, name, folder, logLevel);
  const node = await startValidators(named('validators', part.folders.node), part, faults);
  const { Sealer } = await import('@palisade/partner');
  // Two threads for all of them: each takes memory, and none is busy for long.
  const extras = { sealer: new Sealer(sealThread), ...(diskHook ? { diskHook } : {}) };
  const partners = await Promise.all(
    partnersOf(part).map(({ name }, i) =>
      startOnePartner(named(name, part.folders.partner(i + 1)), part, i, node.urls, extras),
    ),
  );
  return {
    urls: node.urls,
    partnerUrls: partners.map(({ url }) => url),
    pids: { 'this process': process.pid },
    setClock: async (aheadMs) => part.clock.moveTo(aheadMs),
    produce: async () => void (await node.engine.produce()),
  };
}
