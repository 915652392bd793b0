/** `palisade reset`: forgets the development network. */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '@palisade/core';
import { directorySize, lockDataDir } from '@palisade/daemon/base';
import { type Context, execute, leaf, type Report } from '../command.ts';
import { unfinishedPuts } from '../files/puts.ts';
import { readNetworkFile } from '../session/network-file.ts';
import type { Session } from '../session/session.ts';
import { formatSize } from '../terminal/amounts.ts';
import { usageError } from '../terminal/print-error.ts';

export function resetCommand(context: Context) {
  return leaf(
    'reset',
    'Delete the development network: its chain, its contents, its accounts',
    'palisade reset --yes',
  )
    .option('-y, --yes', 'do not ask')
    .action((options) =>
      execute(context, options, (session) => reset(session, options.yes === true)),
    );
}

async function reset(session: Session, yes: boolean): Promise<Report> {
  const { home, world } = session;
  if (!existsSync(home.devnet))
    return { json: { deleted: false }, lines: ['There is no development network here.'] };
  // Deleting is not undone by paying again: without a person, only --yes will do.
  if (!yes && (session.isJson || !world.isTerminal))
    throw usageError('This deletes a whole network.', 'Give --yes if that is meant.');
  const bytes = await directorySize(home.devnet);
  session.note(`${home.devnet} takes ${formatSize(bytes)}.`);
  if (!(await session.agreed('Delete it, for good?')))
    return { json: { deleted: false }, lines: ['Nothing was deleted.'] };
  const genesisHash = readNetworkFile(home)?.genesisHash;
  await deleteUnused(home.devnet);
  // What was on its way to that network will never arrive.
  for (const put of await unfinishedPuts(home.spool))
    if (genesisHash && put.genesisHash === toHex(genesisHash))
      await rm(put.folder, { recursive: true });
  return { json: { deleted: true, folder: home.devnet }, lines: [`Deleted ${home.devnet}.`] };
}

/**
 * Deletes a folder of data folders, none of which may be in use.
 * @throws PalisadeError `daemon/data-dir-in-use` naming who uses one
 */
async function deleteUnused(folder: string): Promise<void> {
  const inner = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && entry.name !== 'lock')
    .map((entry) => join(folder, entry.name));
  const locks = [];
  try {
    for (const one of [folder, ...inner]) locks.push(await lockDataDir(one, 'reset'));
    await rm(folder, { recursive: true });
  } finally {
    for (const lock of locks) lock.release();
  }
}
