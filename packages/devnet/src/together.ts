/** All parts of a development network in this process. */
import type { DaemonContext } from '@palisade/daemon';
import type { DevnetOptions, RunningDevnet } from './devnet.ts';
import { openLog, type Part, startOnePartner, startValidators } from './parts.ts';

export async function startInProcess(
  context: DaemonContext,
  part: Part,
  { logLevel, faults, diskHook }: DevnetOptions,
): Promise<Pick<RunningDevnet, 'urls' | 'partnerUrls' | 'pids'>> {
  const named = (name: string, folder: string): DaemonContext => {
    const log = openLog(name, folder, logLevel);
    context.onStop(`log of ${name}`, () => log.close());
    return { ...context, name, log };
  };
  const node = await startValidators(named('validators', part.folders.node), part, faults);
  const partners = await Promise.all(
    part.network.partners.map(({ name }, i) =>
      startOnePartner(named(name, part.folders.partner(i + 1)), part, i, node.urls, diskHook),
    ),
  );
  return {
    urls: node.urls,
    partnerUrls: partners.map(({ url }) => url),
    pids: { 'this process': process.pid },
  };
}
