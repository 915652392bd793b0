/** Where this program keeps things: `~/.palisade`, or what PALISADE_HOME says. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { World } from '../terminal/world.ts';

export type Home = {
  readonly root: string;
  readonly config: string;
  readonly keys: string;
  /** Unfinished puts. */
  readonly spool: string;
  /** Unfinished runs. */
  readonly runs: string;
  /** Tunnels that were not ended. */
  readonly tunnels: string;
  /** What was stored, by job: names are known to the client only. */
  readonly files: string;
  /** Vouchers that were signed, by job, partner and sequence. */
  readonly vouchers: string;
  readonly cache: string;
  readonly devnet: string;
  /** Written by the development network: how to reach it, and its funded account. */
  readonly network: string;
};

export function homeOf({ env }: World): Home {
  const root = resolve(env.PALISADE_HOME || join(homedir(), '.palisade'));
  const devnet = join(root, 'devnet');
  return {
    root,
    config: join(root, 'config.toml'),
    keys: join(root, 'keys'),
    spool: join(root, 'spool'),
    runs: join(root, 'runs'),
    tunnels: join(root, 'tunnels'),
    files: join(root, 'files'),
    vouchers: join(root, 'vouchers'),
    cache: join(root, 'cache'),
    devnet,
    network: join(devnet, 'network.json'),
  };
}
