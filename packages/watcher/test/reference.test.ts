/**
 * Where the watcher does better than the reference, on a real root chain; one that sends nothing is enough to see it.
 * The others of the fourteen: again and again in `watcher.test.ts`, many at once in `catch-up.test.ts`, RPC in `rootchain`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exactJson, parseExactJson, toHex } from '@palisade/core';
import { hashOf, inFlightExitId, v2 } from '@palisade/payments';
import { bindings } from '@palisade/rootchain';
import { encodeFunctionData } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BOB, CAROL, type Person, person } from '../../payments/test/wallets.ts';
import { parseEvidence } from '../src/evidence/bundle.ts';
import { checkEvidence } from '../src/evidence/check.ts';
import { type RunningWatcher, startWatcher } from '../src/watcher.ts';
import { type RootWorld, startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
const EXIT_PERIOD_S = 1200;
/** A tenth of the exit period, of which a second passes with each block. */
const SLA_BLOCKS = 120;

let world: RootWorld;
let dir: string;
let watcher: RunningWatcher;
beforeAll(async () => {
  world = await startRootWorld({ minExitPeriodS: BigInt(EXIT_PERIOD_S) });
  dir = await mkdtemp(join(tmpdir(), 'palisade-reference-'));
  const { contracts, anvil, server } = world;
  const challenger = person('challenger');
  await world.fund(challenger);
  watcher = await startWatcher({
    settings: {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [anvil.url], childChain: server.url, finalityMargin: 2, dryRun: true },
      ...{ blockTimeMs: 1000, pollMs: 100 },
    },
    challengerSecret: challenger.secret,
    dataDir: dir,
  });
});
afterAll(async () => {
  await watcher.stop();
  await world.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Names of events about an output or an in-flight transaction. */
function about(subject: bigint | Uint8Array): readonly string[] {
  const [member, value] =
    typeof subject === 'bigint' ? ['utxo_pos', subject] : ['txbytes', toHex(subject)];
  return watcher.watch.findings.events
    .filter(({ details }) => details[member as string] === value)
    .map(({ event }) => event);
}

const sees = (subject: bigint | Uint8Array, event: string) =>
  until(() => about(subject).includes(event), `${event} of it`);

async function ask(method: string, body: unknown): Promise<unknown> {
  const response = await fetch(`${watcher.url}/${method}`, {
    ...{ method: 'POST', body: JSON.stringify(body) },
  });
  return (parseExactJson(await response.text()) as { readonly data: unknown }).data;
}

/** Root-chain blocks in which nothing happens. */
const wait = (blocks: number) =>
  world.anvil.control('anvil_mine', `0x${blocks.toString(16)}`, '0x1');

/** A payment of a deposit that is in no block, and its in-flight exit. */
async function inFlight(who: Person): Promise<{ coin: bigint; raw: Uint8Array }> {
  const coin = await world.deposit(who, ETH);
  const raw = await world.startInFlight(who, world.pay([coin], [who], [[who, ETH]]));
  return { coin, raw };
}

describe('better than the reference', () => {
  it('[X2] an exit that is omitted because an in-flight exit of the same output paid first raises nothing', async () => {
    const [ida, kurt] = [person('ida'), person('kurt')];
    await world.fund(kurt);
    const coin = await world.deposit(ida, ETH);
    const signed = world.pay([coin], [ida], [[kurt, ETH]]);
    const [paid] = await world.block([signed]);
    const raw = await world.startInFlight(ida, signed);
    await world.piggyback(kurt, raw, 'output', 0);
    await world.warp(EXIT_PERIOD_S / 2);
    await world.startExit(kurt, paid!);
    await world.warp(3 * EXIT_PERIOD_S);
    // One is paid, and then the other is due.
    const { watch } = watcher;
    await world.processExits(kurt, 1n);
    await until(() => !watch.books.ledger.has(paid!), 'the payout');
    // The first look may have begun before.
    for (const _ of [1, 2]) await watch.look();
    expect(about(paid!)).toEqual([]);
    await world.processExits(kurt);
    await until(() => watch.table.standardAt(paid!)?.status === 'omitted', 'the omission');
    expect([...watch.table.open()].map(({ exitId }) => exitId)).toEqual([]);
    expect(about(paid!)).toEqual([]);
    expect(watch.findings.events.map(({ event }) => event)).not.toContain('invalid_finalization');
  });

  it('[X12] a piggyback is late by its own time, not by that of the exit that it joins', async () => {
    const lars = person('lars');
    const { coin, raw } = await inFlight(lars);
    await world.block([world.pay([coin], [lars], [[BOB, ETH]])]);
    await wait(SLA_BLOCKS + 20);
    await world.piggyback(lars, raw, 'input', 0);
    await sees(raw, 'invalid_piggyback');
    expect(about(raw)).not.toContain('unchallenged_piggyback');
    await wait(SLA_BLOCKS + 20);
    await sees(raw, 'unchallenged_piggyback');
  });

  it('[X12] a lie about canonicity that nobody answers is late, too', async () => {
    const mona = person('mona');
    const coin = await world.deposit(mona, ETH);
    const signed = world.pay([coin], [mona], [[BOB, ETH]]);
    await world.block([signed]);
    const raw = await world.startInFlight(mona, signed);
    const rival = world.pay([coin], [mona], [[CAROL, ETH]]);
    await world.challengeCanonicity(mona, raw, rival);
    await sees(raw, 'invalid_ife_challenge');
    expect(about(raw)).not.toContain('unchallenged_ife_challenge');
    await wait(SLA_BLOCKS + 20);
    await sees(raw, 'unchallenged_ife_challenge');
  });

  it('[X4][X8] a deleted in-flight exit takes nothing out of the ledger, and its transaction challenges an exit of its input that begins later', async () => {
    const nils = person('nils');
    const { coin, raw } = await inFlight(nils);
    const exitId = inFlightExitId(v2, raw);
    const { watch } = watcher;
    await until(() => watch.table.inFlightOf(hashOf(raw)), 'the exit');
    await world.warp(EXIT_PERIOD_S / 2 + 10);
    const { exitGame } = bindings(world.contracts);
    await world.call(
      nils,
      exitGame.address,
      encodeFunctionData({
        ...{ ...exitGame, functionName: 'deleteNonPiggybackedInFlightExit', args: [exitId] },
      }),
    );
    await until(() => watch.table.inFlight.get(exitId)?.status === 'deleted', 'the deletion');
    await until(() => watch.follower.waiting === 0, 'the ledger');
    expect(watch.books.ledger.has(coin)).toBe(true);
    await world.startExit(nils, coin);
    await sees(coin, 'invalid_exit');
  });

  it('[X12][X16] an in-flight exit whose input is a deposit that was spent is started by what the API gives, and judged', async () => {
    const olga = person('olga');
    const coin = await world.deposit(olga, ETH);
    await world.block([world.pay([coin], [olga], [[BOB, ETH]])]);
    const { watch } = watcher;
    await until(() => watch.books.blknum === world.operator.next - 1000, 'the block');
    const txbytes = toHex(world.pay([coin], [olga], [[CAROL, ETH]]));
    const data = (await ask('in_flight_exit.get_data', { txbytes })) as Record<string, never>;
    const { exitGame } = bindings(world.contracts);
    const args = {
      ...{ inFlightTx: data.in_flight_tx!, inputTxs: data.input_txs! },
      inputUtxosPos: data.input_utxos_pos!,
      inputTxsInclusionProofs: data.input_txs_inclusion_proofs!,
      inFlightTxWitnesses: data.in_flight_tx_sigs!,
    };
    await world.call(
      olga,
      exitGame.address,
      encodeFunctionData({ ...exitGame, functionName: 'startInFlightExit', args: [args] }),
      26_900_000_000_000_000n,
    );
    const raw = Uint8Array.from(Buffer.from(String(data.in_flight_tx).slice(2), 'hex'));
    await sees(raw, 'non_canonical_ife');
  });

  it('[X7][X10][X11] a block that spends an exiting output long after the exit began stops spending, with evidence; exits are watched all the same', async () => {
    const [paul, rosa] = [person('paul'), person('rosa')];
    const [coin, other] = [await world.deposit(paul, ETH), await world.deposit(rosa, ETH)];
    await world.block([world.pay([other], [rosa], [[BOB, ETH]])]);
    await world.startExit(paul, coin);
    await wait(SLA_BLOCKS + 20);
    await world.block([world.pay([coin], [paul], [[BOB, ETH]])]);
    await sees(coin, 'late_invalidation');
    expect(about(coin)).toContain('invalid_exit');
    expect(watcher.watch.findings.danger.reasons).toContain('late_invalidation');
    expect(await ask('spending.check', {})).toMatchObject({
      ...{ allowed: false, code: 'watcher/chain-in-danger' },
      reason: expect.stringContaining('late_invalidation'),
      next: expect.stringMatching(/exit/i),
    });
    const documents = (await ask('evidence.all', {})) as readonly unknown[];
    const evidence = documents
      .map((one) => parseEvidence(exactJson(one)))
      .find((one) => one.kind === 'invalid_exit' && one.position === coin)!;
    const { holds, finding, toAsk } = checkEvidence(evidence);
    const late = Number(/, (\d+) root-chain blocks after the exit began/.exec(finding)?.[1]);
    expect({ holds, isLate: late > SLA_BLOCKS }).toEqual({ holds: true, isLate: true });
    expect(toAsk.join()).toContain('ExitStarted');
    const { included } = evidence as Extract<typeof evidence, { kind: 'invalid_exit' }>;
    const elsewhere = { ...included!, root: included!.proof.slice(0, 32) };
    expect(checkEvidence({ ...evidence, included: elsewhere } as never).holds).toBe(false);
    await world.startExit(rosa, other);
    await sees(other, 'invalid_exit');
  });
});
