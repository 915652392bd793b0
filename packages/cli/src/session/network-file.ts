/** What a development network tells the command line about itself. */
import { readFileSync } from 'node:fs';
import { fromHex, PalisadeError } from '@palisade/core';
import * as z from 'zod';
import type { Home } from './home.ts';

const networkFile = z.object({
  chainId: z.string().max(100),
  genesisHash: z.string().regex(/^0x[0-9a-f]{64}$/),
  urls: z.array(z.url()).min(1).max(64),
  faucet: z.boolean().optional(),
  childChain: z.object({ rootChain: z.url(), watcher: z.url() }).optional(),
  client: z.object({
    address: z.string().regex(/^0x[0-9a-f]{40}$/),
    secret: z.string().regex(/^0x[0-9a-f]{64}$/),
  }),
});

export type DevelopmentNetwork = {
  readonly chainId: string;
  readonly genesisHash: Uint8Array;
  readonly urls: readonly string[];
  /** Secret of the funded account: worth nothing beyond this network. */
  readonly secret: Uint8Array;
  /** Its root chain and its watcher, where it has them. */
  readonly childChain: { readonly rootChain: string; readonly watcher: string } | undefined;
};

/** @throws PalisadeError `cli/bad-network-file` */
export function readNetworkFile({ network }: Home): DevelopmentNetwork | undefined {
  let text: string;
  try {
    text = readFileSync(network, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { chainId, genesisHash, urls, client, childChain } = networkFile.parse(JSON.parse(text));
    return {
      chainId,
      urls,
      genesisHash: fromHex(genesisHash),
      secret: fromHex(client.secret),
      childChain,
    };
  } catch (cause) {
    throw new PalisadeError({
      code: 'cli/bad-network-file',
      message: `${network} does not say how to reach a network.`,
      next: 'Start the development network again: palisade devnet',
      cause,
    });
  }
}
