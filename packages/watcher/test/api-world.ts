/**
 * A watcher's API over a child chain in memory, without a root chain: facts are handed to it, and payments that it
 * passes on wait for the next block.
 */
import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryStore, PalisadeError, toHex } from '@palisade/core';
import { type RpcServer, serveRpc, silentLogger } from '@palisade/daemon';
import { DIALECTS, type Dialect, type Payment, paymentDomain } from '@palisade/payments';
import { ETHER, type Person, recover, sign } from '../../payments/test/wallets.ts';
import { watcherMethods } from '../src/api/methods.ts';
import { NO_TIP } from '../src/exits/chain-view.ts';
import type { RootEvent } from '../src/root/facts.ts';
import type { RootChain } from '../src/root/root-chain.ts';
import { Watch } from '../src/watch/watch.ts';
import { secondsAt, TestChain } from './child-chain.ts';

export const FRAMEWORK = new Uint8Array(20).fill(0xf0);
/** What a payment costs in ether. */
export const FEE = 7n;
const MIN_EXIT_PERIOD = 604_800;
const NO_HASH = `0x${'00'.repeat(32)}` as const;

export async function startApiWorld(name: Dialect['name']) {
  const dialect = DIALECTS[name];
  const domain = paymentDomain(dialect, FRAMEWORK);
  const chain = new TestChain(domain);
  const dir = await mkdtemp(join(tmpdir(), 'palisade-api-'));
  const end = new AbortController();
  setMaxListeners(1000, end.signal);
  const pending: Uint8Array[] = [];
  const address = toHex(FRAMEWORK) as `0x${string}`;
  const head = () => ({ height: chain.height, seconds: secondsAt(chain.height), baseFee: 1n });
  let told = 0;
  let laterMs = 0;
  let unwitnessed = 0;
  let isFollowedOnChain = true;
  const root = {
    contracts: {
      ...{ chainId: 1, deployedAt: 1n, framework: address, ethVault: address },
      ...{ erc20Vault: address, exitGame: address },
    },
    head: async () => head(),
    has: async () => isFollowedOnChain,
    tip: async () => NO_TIP,
    endedAt: async () => [],
    facts: async () => chain.facts.slice(told),
  } as unknown as RootChain;
  const watch = new Watch({
    ...{ store: new MemoryStore(), checkpointPath: join(dir, 'ledger'), root, dialect },
    childChain: {
      ...chain.api,
      forward: async (method, body) => {
        if (method === 'fees.all')
          return { success: true, data: { '1': [{ currency: toHex(ETHER), amount: FEE }] } };
        if (method !== 'transaction.submit') throw new PalisadeError({ code: 'x/y', message: '' });
        const { transaction } = body as { readonly transaction: string };
        pending.push(Uint8Array.from(Buffer.from(transaction.slice(2), 'hex')));
        return { success: true, data: { blknum: chain.next, txindex: pending.length - 1 } };
      },
    },
    judging: { domain, recover },
    margins: { slaBlocks: 5520, blockTimeMs: 12_000 },
    ...{ minExitPeriodSeconds: MIN_EXIT_PERIOD, finalityMargin: 0, patienceMs: 60_000 },
    isWitnessed: true,
    ...{ mode: 'defensive', dryRun: true, sender: undefined, signal: end.signal },
    ...{ clock: { nowMs: () => Date.now() + laterMs }, log: silentLogger },
  });
  await watch.open();
  const methods = watcherMethods(watch);
  const server: RpcServer = await serveRpc({
    ...{ host: '127.0.0.1', port: 0, service: 'watcher', version: '1.0.5+test', methods },
    log: silentLogger,
  });
  const world = {
    ...{ chain, watch, methods, dialect, domain, url: server.url },
    /** Lets the watcher read what happened so far. */
    read: async () => {
      const height = BigInt(chain.height);
      const counters = { nextChildBlock: BigInt(chain.next), nextDepositBlock: 1n };
      const logs = NO_HASH;
      const witnessed = { height: height - BigInt(unwitnessed), logs };
      const checkpoint = { height, hash: NO_HASH, ...counters, logs, witnessed };
      await watch.step({ kind: 'blocks', logs: [], checkpoint } as never);
      told = chain.facts.length;
      await watch.follower.advance();
      await watch.look();
      if (!watch.isFresh()) throw new Error('the watcher is not up to date');
    },
    /** The root chain takes back what came after so many facts, below the margin. */
    takeBack: async (facts: number) => {
      chain.takeBack(facts);
      told = facts;
      const height = BigInt(chain.height - 1);
      await watch.step({ kind: 'rewind', checkpoint: { height } } as never);
    },
    /** A block of signed payments, or of those that the watcher passed on. */
    block: async (signed: readonly Uint8Array[] = pending.splice(0)) => {
      const positions = chain.block(signed);
      await world.read();
      return positions;
    },
    /** What is read from now on lacks the witness for so many blocks. */
    lackWitness: (blocks: number) => {
      unwitnessed = blocks;
    },
    /** Whether the node tells of the chain that was followed; its head may be where it was. */
    tellOtherChain: (isOther: boolean) => {
      isFollowedOnChain = !isOther;
    },
    /** Lets time pass for the watcher. */
    wait: (ms: number) => {
      laterMs += ms;
    },
    fact: async (event: RootEvent) => {
      chain.fact(event);
      await world.read();
    },
    sign: (payment: Payment, by: readonly Person[]) => sign(payment, by, domain),
    stop: async () => {
      end.abort();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return world;
}

export type ApiWorld = Awaited<ReturnType<typeof startApiWorld>>;
