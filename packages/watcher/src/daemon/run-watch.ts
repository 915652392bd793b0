/** The watcher as a process of its own: `palisade watch`. */
import { join } from 'node:path';
import { PalisadeError } from '@palisade/core';
import {
  type ConfigSources,
  createLogger,
  loadConfig,
  openKeystore,
  runDaemon,
} from '@palisade/daemon';
import { openWatcher } from '../watcher.ts';
import { watchConfig } from './config.ts';

/** Runs until SIGTERM or SIGINT. @throws PalisadeError `config/invalid`, `watcher/no-framework` */
export async function runWatch(sources: ConfigSources): Promise<void> {
  const { value, warnings } = loadConfig(watchConfig, sources);
  const { watch, challenger, listen } = value;
  const log = createLogger(value.log, { name: 'watcher' });
  for (const warning of warnings) log.warn('suspicious setting', { warning });
  if (challenger.passphrase) log.hide(challenger.passphrase);
  await runDaemon(
    'watcher',
    async (context) => {
      const secret = watch.mode === 'watch-only' ? undefined : await unlock(value);
      if (secret) log.hide(secret);
      const opened = await openWatcher(context, {
        settings: watch,
        challengerSecret: secret,
        dataDir: watch.dataDir,
        ...listen,
      });
      log.info('listening', { url: opened.url, challenger: opened.challenger });
      return opened;
    },
    { log, dataDir: watch.dataDir },
  );
}

async function unlock({ watch, challenger }: ReturnType<typeof watchConfig.parse>) {
  const { passphrase, keystore, key } = challenger;
  if (!passphrase)
    throw new PalisadeError({
      code: 'watcher/no-passphrase',
      message: 'The challenger key is encrypted, and no passphrase was given.',
      next: 'Set PALISADE_CHALLENGER_PASSPHRASE; or look on with --mode watch-only.',
    });
  const keys = await openKeystore(keystore ?? join(watch.dataDir, 'keys'));
  const { secret, kind } = await keys.unlock(key, passphrase);
  if (kind !== 'account')
    throw new PalisadeError({
      code: 'watcher/no-account-key',
      message: `The key '${key}' is the key of a node, and challenges are sent from an account.`,
      next: 'palisade keys new, and name that key in [challenger] key.',
    });
  return secret;
}
