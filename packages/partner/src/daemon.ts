/** The partner as a process of its own: settings, keys, logs, signals. */
import { join } from 'node:path';
import { accountSigner, PalisadeError } from '@palisade/core';
import {
  type ConfigSources,
  createLogger,
  ensureDir,
  loadConfig,
  openKeystore,
  runDaemon,
} from '@palisade/daemon';
import { partnerConfig } from './config.ts';
import { openPartner } from './partner.ts';

/**
 * Runs the partner that this process is for, until SIGTERM or SIGINT: it signs off, lets uploads end
 * and exits with 0.
 *
 * @throws PalisadeError `config/invalid`; what comes after the start ends the process with a log line
 */
export async function runPartnerDaemon(sources: ConfigSources): Promise<void> {
  const { env = process.env } = sources;
  const { value, warnings } = loadConfig(partnerConfig, { ...sources, env });
  const { node, listen } = value;
  const log = createLogger(value.log, { name: 'partner' });
  for (const warning of warnings) log.warn('suspicious setting', { warning });
  const { passphrase } = node;
  if (passphrase) log.hide(passphrase);
  await runDaemon(
    'partner',
    async (context) => {
      if (!passphrase) throw noPassphrase();
      await ensureDir(node.dataDir);
      const keys = await openKeystore(node.keystore ?? join(node.dataDir, 'keys'));
      const { secret } = await keys.unlock(node.key, passphrase);
      log.hide(secret);
      const account = node.accountKey ? await keys.unlock(node.accountKey, passphrase) : undefined;
      if (account) log.hide(account.secret);
      const { url } = await openPartner(context, {
        config: value,
        nodeSecret: secret,
        accountSigner: account && accountSigner(account.secret),
        dataDir: node.dataDir,
        validators: node.validators,
        host: listen.host,
        port: listen.port,
        publicUrl: listen.publicUrl,
        log: context.log,
      });
      log.info('listening', { url });
    },
    { log, dataDir: node.dataDir },
  );
}

function noPassphrase(): PalisadeError {
  return new PalisadeError({
    code: 'partner/no-passphrase',
    message: 'The node key is encrypted, and no passphrase was given.',
    next: 'Set PALISADE_NODE_PASSPHRASE.',
  });
}
