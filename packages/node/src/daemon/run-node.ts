/** The validator node as a process of its own: `palisade node`. */
import { readFile } from 'node:fs/promises';
import { parseGenesis } from '@palisade/chain';
import { PalisadeError } from '@palisade/core';
import {
  type ConfigSources,
  createLogger,
  loadConfig,
  openKeystore,
  runDaemon,
} from '@palisade/daemon';
import { startNode } from '../node.ts';
import type { HostedValidator } from '../options.ts';
import { nodeConfig } from './config.ts';

/** Runs until it is told to stop. @throws PalisadeError `config/invalid`, `node/no-genesis`, … */
export async function runNode(sources: ConfigSources): Promise<void> {
  const { value } = loadConfig(nodeConfig, sources);
  const { node, listen, chain } = value;
  const log = createLogger(value.log, { name: 'node' });
  const genesis = parseGenesis(await readGenesis(node.genesis));
  const keystore = await openKeystore(node.keystore);
  const validators: HostedValidator[] = [];
  for (const [i, name] of node.keys.entries()) {
    const key = await keystore.unlock(name, passphraseOf(node.passphrase));
    log.hide(key.secret);
    const port = listen.port === 0 ? 0 : listen.port + i;
    validators.push({ name, secret: key.secret, port });
  }
  await runDaemon(
    'node',
    async (context) => {
      const running = await startNode(context, {
        genesis,
        dataDir: node.dataDir,
        validators,
        host: listen.host,
        blockTimeMs: chain.blockTimeMs,
        guardMs: chain.guardMs,
        pool: value.pool,
        clock: { nowMs: () => Date.now() },
        shadow: chain.shadow,
        shadowRestartEvery: chain.shadowRestartBlocks,
      });
      log.warn(running.engine.description);
      for (const [i, url] of running.urls.entries())
        log.info('listening', { key: node.keys[i], url });
      return running;
    },
    { log, dataDir: node.dataDir },
  );
}

async function readGenesis(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new PalisadeError({
      code: 'node/no-genesis',
      message: `The genesis document ${path} cannot be read: ${(cause as Error).message}.`,
      next: 'Get it from whoever founded the chain, and name it in [node] genesis.',
      cause,
    });
  }
}

function passphraseOf(passphrase: string | undefined): string {
  if (passphrase !== undefined) return passphrase;
  throw new PalisadeError({
    code: 'node/no-passphrase',
    message: 'The keys of this node are encrypted, and no passphrase was given.',
    next: 'Set PALISADE_NODE_PASSPHRASE.',
  });
}
