/**
 * The child chain of a node: its public API, its reports on the root chain, and the roots that it
 * submits there.
 */
import { setMaxListeners } from 'node:events';
import { SOFTWARE_VERSION, toHex } from '@palisade/core';
import { type DaemonContext, serveRpc } from '@palisade/daemon';
import { createSender, httpRpc } from '@palisade/rootchain';
import type { Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import type { RootChainOptions } from '../options.ts';
import type { Pool } from '../services/pool.ts';
import type { ValidatorService } from '../services/validator-service.ts';
import { ChainService, findPayment } from './chain-service.ts';
import { Reporter } from './reporter.ts';
import { childChainMethods } from './rpc.ts';
import { Submitter } from './submitter.ts';

/** Wei of gas at most: 2000 gwei, which the root chain has seen for minutes in its worst years. */
const MAX_FEE_PER_GAS = 2_000n * 10n ** 9n;
/** Calls of the root chain that wait for the end at once. */
const MAX_WAITING = 100;

type Inside = { readonly pool: Pool; readonly services: readonly ValidatorService[] };

/** Opens it, and answers the base URL of its API; `context` closes it. */
export async function openChildChain(
  context: DaemonContext,
  options: RootChainOptions,
  { pool, services }: Inside,
): Promise<string> {
  const log = context.log.child({ module: 'child-chain' });
  const end = new AbortController();
  const { signal } = end;
  setMaxListeners(MAX_WAITING, signal);
  const { contracts, pollMs, operatorSecret } = options;
  const rpc = httpRpc({ urls: options.urls });
  const account = privateKeyToAccount(toHex(operatorSecret) as Hex);
  const sender = createSender({
    ...{ rpc, account, chainId: contracts.chainId, maxFeePerGas: MAX_FEE_PER_GAS, signal },
    receiptPollMs: pollMs,
    onTrouble: (err) => log.warn('the root chain has trouble', { err }),
  });
  const accounts = options.authoritySecrets.map((one) => privateKeyToAccount(toHex(one) as Hex));
  const keys = new Map(accounts.map((one) => [one.address.toLowerCase(), one]));
  const service = new ChainService({ pool, payerSecret: operatorSecret });
  const validators = services.map(({ self }) => self);
  const find = findPayment(pool);
  const reporter = new Reporter({ pool, validators, rpc, contracts, find, pollMs, signal, log });
  const submitter = new Submitter({ pool, rpc, contracts, sender, keys, signal, log });
  const reading = reporter.read().catch((error: unknown) => {
    // This chain goes on: deposits and exits are not agreed on any more, until somebody has looked.
    if (!signal.aborted) log.error('the root chain is not reported on any more', { err: error });
  });
  let looking = Promise.resolve();
  const forget = pool.index.onBlock((_events, height) => {
    looking = looking
      .then(async () => {
        await service.settle(height);
        await reporter.look();
        if (contracts.authority !== undefined) submitter.look();
      })
      .catch((err: unknown) => log.error('a look at the child chain failed', { err }));
  });
  context.onStop('child chain', async () => {
    forget();
    end.abort();
    await Promise.all([reading, looking, submitter.stop()]);
  });
  const server = await serveRpc({
    ...{ host: '127.0.0.1', port: options.port, service: 'child_chain' },
    version: `1.0.5+palisade-${SOFTWARE_VERSION}`,
    methods: childChainMethods(service),
    log,
  });
  context.onStop('API of the child chain', server.stop);
  return server.url;
}
