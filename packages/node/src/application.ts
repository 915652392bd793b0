/** The chain's application on this node's disk, with its verification in a thread of its own. */
import { createApplication, type PalisadeApplication } from '@palisade/chain';
import type { DaemonContext } from '@palisade/daemon';
import { LmdbStore } from '@palisade/daemon/store';
import { composeModules, domainOf, jobFileRule } from './compose.ts';
import type { NodeOptions } from './options.ts';
import { SnapshotFolder } from './store/snapshot-folder.ts';
import { threadOpener } from './verification/thread-opener.ts';

export type OpenedApplication = {
  readonly application: PalisadeApplication;
  readonly modules: ReturnType<typeof composeModules>;
  readonly store: LmdbStore;
};

/** Opens it; `context` closes it. */
export async function openApplication(
  context: DaemonContext,
  { genesis, dataDir }: NodeOptions,
): Promise<OpenedApplication> {
  const domain = domainOf(genesis);
  const modules = composeModules(domain);
  const store = new LmdbStore(`${dataDir}/state`);
  context.onStop('state', () => store.close());
  const snapshots = await SnapshotFolder.open(`${dataDir}/snapshots`, (message, cause) =>
    context.log.warn(message, { cause }),
  );
  const application = createApplication({
    modules,
    store,
    domain,
    jobFile: jobFileRule,
    snapshots,
    opener: (known, its) => {
      const thread = threadOpener(known, its);
      context.onStop('verification thread', () => thread.stop());
      return thread.opener;
    },
  });
  return { application, modules, store };
}
