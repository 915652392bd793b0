/**
 * Money goes in, moves, and comes out; a thief tries to take out what was spent, and a watcher stops him. On a
 * real node of Ethereum, with validators that agree on it and submit the child chain's roots by their votes.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect } from '@palisade/client';
import { toHex } from '@palisade/core';
import { launchDaemon, silentLogger } from '@palisade/daemon';
import { type RunningDevnet, startDevnet } from '@palisade/devnet';
import { submittersQuery } from '@palisade/payments/schema';
import { authorityBinding, httpRpc, publicClient } from '@palisade/rootchain';
import { openWallet, type Wallet } from '@palisade/watcher/wallet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';

const ETH = 10n ** 18n;
const TIMING = { blockTimeMs: 300, sessionMs: 8000, guardMs: 40 };
const EXIT_PERIOD_S = 60;
/** What Alice has after one payment: a millionth goes to who makes blocks. */
const REST = 7n * ETH - 10n ** 12n;
const THIEF = fileURLToPath(new URL('../../packages/watcher/test/thief.mjs', import.meta.url));

let root: string;
let daemon: ReturnType<typeof launchDaemon<RunningDevnet>>;
let devnet: RunningDevnet;
let alice: Wallet;
let bob: Wallet;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'palisade-exits-'));
  await begin();
});
afterAll(async () => {
  await daemon.stop();
  await rm(root, { recursive: true, force: true });
});

async function begin(): Promise<void> {
  daemon = launchDaemon(
    'devnet',
    (context) =>
      startDevnet(context, {
        ...{ root, timing: TIMING, processes: false, logLevel: 'info' },
        rootChain: { exitPeriodS: EXIT_PERIOD_S },
      }),
    { log: silentLogger, dataDir: root },
  );
  devnet = await daemon.started;
  await until(async () => (await status()).synced, 'the watcher to sync');
  const { clientSecret, validators } = devnet.network;
  alice = await wallet(clientSecret);
  bob = await wallet(validators[0]!.accountSecret);
  await control('anvil_setBalance', bob.address(), `0x${ETH.toString(16)}`);
}

function wallet(secret: Uint8Array): Promise<Wallet> {
  const { watcherUrl, rootChain } = devnet.childChain!;
  return openWallet({ watcher: watcherUrl, rootChain: rootChain.nowAt, secret });
}

type Status = {
  readonly synced: boolean;
  readonly danger: { readonly level: string };
  readonly challenger: { readonly won: number; readonly net: string };
};

async function status(): Promise<Status> {
  return (await (await fetch(`${devnet.childChain!.watcherUrl}/status`)).json()) as Status;
}

function control(method: string, ...params: unknown[]): Promise<unknown> {
  const rpc = httpRpc({ urls: [devnet.childChain!.rootChain.nowAt] });
  return rpc.ask({ method, params, result: z.unknown() });
}

async function warp(seconds: number): Promise<void> {
  await control('evm_increaseTime', seconds);
  await control('anvil_mine', '0x1');
}

async function until<T>(look: () => Promise<T | undefined | false>, what: string): Promise<T> {
  for (const end = Date.now() + 90_000; Date.now() < end; ) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited in vain for ${what}: ${JSON.stringify(await status())}`);
}

const outputsOf = (who: Wallet) => who.outputs(who.address());
const positionsOf = async (who: Wallet) => (await outputsOf(who)).map(({ position }) => position);

describe('money on a child chain', () => {
  it('[X4][X8][X10] is deposited, paid on, and leaves by an exit; what was spent is not stolen, with nobody touching anything', async () => {
    const { position: coin } = await alice.deposit(10n * ETH);
    await until(async () => (await positionsOf(alice)).includes(coin), 'the deposit');
    const paid = await alice.pay(addressOf(bob), 3n * ETH);
    await until(async () => (await positionsOf(bob)).includes(paid.position), 'the child block');
    expect(await outputsOf(alice)).toMatchObject([{ amount: REST }]);

    const exit = await bob.startExit(paid.position);
    expect(exit).toMatchObject({ isOpen: true, isExitable: true, amount: 3n * ETH });

    // She exits with the deposit that she spent: a process of its own, with nothing but the contracts.
    const { rootChain } = devnet.childChain!;
    await promisify(execFile)(process.execPath, [
      THIEF,
      JSON.stringify({
        url: rootChain.nowAt,
        exitGame: rootChain.contracts.exitGame,
        secret: toHex(devnet.network.clientSecret),
        ...(await depositProof(coin)),
      }),
    ]);
    expect((await alice.exitOf(coin)).isExitable).toBe(true);
    // The watcher's slot is some root-chain blocks away, which are seconds apart while nobody does anything.
    await until(async () => {
      await control('anvil_mine', '0x1');
      return !(await alice.exitOf(coin)).isExitable;
    }, 'the challenge');
    await until(async () => (await status()).challenger.won === 1, 'the accounts');
    await until(async () => (await status()).danger.level === 'OK', 'all to be well');
    expect(BigInt((await status()).challenger.net)).toBeGreaterThan(0n);

    await warp(3 * EXIT_PERIOD_S);
    const before = await balanceOf(bob);
    expect((await alice.processExits(10n)).processed).toBe(2n);
    expect((await balanceOf(bob)) - before).toBeGreaterThan(3n * ETH);
    await until(async () => (await positionsOf(bob)).length === 0, 'the watcher to see it paid');
    expect((await alice.exitOf(coin)).isOpen).toBe(false);
    expect(await signers()).toBeGreaterThanOrEqual(3);
  });

  it('[X1][X15] goes on after a restart with the same root chain, and what is left can be spent', async () => {
    await daemon.stop();
    await begin();
    expect(await outputsOf(alice)).toMatchObject([{ amount: REST }]);
    const { position } = await alice.pay(addressOf(bob), ETH);
    await until(async () => (await positionsOf(bob)).includes(position), 'the child block');
    const paidBack = await until(refunded, 'the fees to pay for gas');
    // Fees of whole blocks, and no more than the gas of those that the root chain has.
    expect(paidBack % 10n ** 12n).toBe(0n);
  });
});

function addressOf(who: Wallet): Uint8Array {
  return Uint8Array.from(Buffer.from(who.address().slice(2), 'hex'));
}

async function balanceOf(who: Wallet): Promise<bigint> {
  const rpc = httpRpc({ urls: [devnet.childChain!.rootChain.nowAt] });
  return publicClient(rpc).getBalance({ address: who.address() });
}

/** What the operator got back of its gas; undefined before anything. */
async function refunded(): Promise<bigint | undefined> {
  const chain = connect({ urls: devnet.urls });
  const [operator] = (await chain.query(submittersQuery, {})).submitters;
  const [spent, back] = [operator?.record.spent, operator?.record.refunded].map((word) =>
    BigInt(toHex(word ?? new Uint8Array(1))),
  );
  if (back! > spent!) throw new Error('it got more than it spent');
  return back || undefined;
}

/** What starts the exit of a deposit: anybody can make it from the root chain alone. */
async function depositProof(position: bigint) {
  const { BlockTree, depositOf, encodeTransaction } = await import('@palisade/payments');
  const raw = encodeTransaction(depositOf(addressOf(alice), new Uint8Array(20), 10n * ETH));
  return {
    utxoPos: `${position}`,
    rlpOutputTx: toHex(raw),
    outputTxInclusionProof: toHex(BlockTree.of([raw]).proof(0)),
  };
}

/** Signatures of the last block root that the authority took. */
async function signers(): Promise<number> {
  const { nowAt, contracts } = devnet.childChain!.rootChain;
  const client = publicClient(httpRpc({ urls: [nowAt] }));
  const authority = authorityBinding(contracts.authority!);
  const logs = await client.getContractEvents({
    ...{ ...authority, eventName: 'BlockAuthorized', fromBlock: 0n },
  });
  const { decodeFunctionData } = await import('viem');
  const { input } = await client.getTransaction({ hash: logs.at(-1)!.transactionHash });
  const { args } = decodeFunctionData({ abi: authority.abi, data: input });
  const signatures = args![3] as readonly string[];
  return signatures.filter((one) => one !== '0x').length;
}
