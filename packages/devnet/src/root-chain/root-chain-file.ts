/** What a network's folder says of its root chain: read by all parts, also by those that never speak to it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { atomicWrite } from '@palisade/daemon';
import { rootContractsSchema } from '@palisade/rootchain/schema';
import * as z from 'zod';

const rootChainFile = z.object({
  /** Null: a node of its own, in this folder. */
  url: z.url().nullable(),
  /** Where it is reached now. */
  nowAt: z.url(),
  contracts: rootContractsSchema,
});
export type RootChainFile = z.output<typeof rootChainFile>;

export const rootChainFolder = (root: string) => join(root, 'root-chain');
const filePath = (root: string) => join(rootChainFolder(root), 'root-chain.json');

/** What a folder's network has, if it has one. */
export async function readRootChain(root: string): Promise<RootChainFile | undefined> {
  if (!existsSync(filePath(root))) return undefined;
  return rootChainFile.parse(JSON.parse(await readFile(filePath(root), 'utf8')));
}

export async function writeRootChain(root: string, file: RootChainFile): Promise<void> {
  const contracts = { ...file.contracts, deployedAt: Number(file.contracts.deployedAt) };
  await atomicWrite(filePath(root), `${JSON.stringify({ ...file, contracts }, null, 2)}\n`);
}
