/**
 * Tunnels that are open, or were when their process died. Each has a folder with what was agreed on
 * and the last voucher, so that the same command, given again, goes on with the same job.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessJob, UsageState } from '@palisade/client';
import { fromHex, toHex } from '@palisade/core';
import * as z from 'zod';
import { plainJson } from '../session/session.ts';
import { type HeldFolder, holdFolder } from './held-folder.ts';

/** Who opened it, and on which chain, as hex. */
export type TunnelOwner = { readonly genesisHash: string; readonly client: string };

export type KeptTunnel = {
  readonly job: AccessJob;
  /** What is vouched for: the next voucher builds on it. */
  readonly used: UsageState;
};

export type TunnelFolder = Pick<HeldFolder, 'remove' | 'release'> & {
  save(tunnel: KeptTunnel): Promise<void>;
};

const FILE = 'tunnel.json';
const id = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform(fromHex);
const bytes = z
  .string()
  .regex(/^0x(?:[0-9a-f]{2})*$/)
  .transform(fromHex);
const amount = z
  .string()
  .regex(/^\d{1,39}$/)
  .transform(BigInt);
const count = z.number().int().nonnegative();
const tunnelRecord = z.object({
  version: z.literal(1),
  genesisHash: z.string(),
  client: z.string(),
  job: z.object({
    job: id,
    partner: id,
    url: z.url(),
    rate: amount,
    size: amount,
    sessions: count,
  }),
  used: z.object({ sequence: count, units: amount, amount, digest: id, voucher: bytes }),
});

/** @throws PalisadeError `daemon/data-dir-in-use` while another process has it open */
export async function holdTunnel(
  tunnels: string,
  owner: TunnelOwner,
  { job }: AccessJob,
): Promise<TunnelFolder> {
  const { write, remove, release } = await holdFolder(join(tunnels, toHex(job)), 'tunnel');
  const save = (tunnel: KeptTunnel) =>
    write(FILE, `${JSON.stringify(plainJson({ version: 1, ...owner, ...tunnel }))}\n`);
  return { save, remove, release };
}

/** Tunnels of an owner that were not ended; folders without a readable record are not among them. */
export async function keptTunnels(
  tunnels: string,
  { genesisHash, client }: TunnelOwner,
): Promise<readonly KeptTunnel[]> {
  if (!existsSync(tunnels)) return [];
  const found: KeptTunnel[] = [];
  for (const name of (await readdir(tunnels)).sort()) {
    const record = await readFile(join(tunnels, name, FILE), 'utf8').then(parse, () => undefined);
    if (record?.genesisHash === genesisHash && record.client === client) found.push(record);
  }
  return found;
}

function parse(text: string) {
  try {
    return tunnelRecord.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
