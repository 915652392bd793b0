/** A watcher on a real root chain: thieves exit, nobody touches anything, and the watcher stops them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { exactJson, parseExactJson, toHex } from '@palisade/core';
import { bindings } from '@palisade/rootchain';
import { encodeFunctionData } from 'viem';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ALICE, BOB, CAROL, type Person, person } from '../../payments/test/wallets.ts';
import { parseEvidence } from '../src/evidence/bundle.ts';
import { checkEvidence } from '../src/evidence/check.ts';
import { listExits } from '../src/wallet/look.ts';
import { type RunningWatcher, startWatcher, type WatcherOptions } from '../src/watcher.ts';
import { type RootWorld, startRootWorld, until } from './root-world.ts';

const ETH = 10n ** 18n;
const CHALLENGER = person('challenger');
/** Root-chain blocks come so far apart, ms: a challenge waits for twenty of them at most. */
const MINE_MS = 40;
/** Each block is a second, so that an exit takes long enough on a machine with nothing left to give. */
const EXIT_PERIOD_S = 600;

let world: RootWorld;
let dir: string;
const watchers: RunningWatcher[] = [];

beforeAll(async () => {
  world = await startRootWorld({
    ...{ mineMs: MINE_MS, minExitPeriodS: BigInt(EXIT_PERIOD_S) },
  });
});
afterAll(() => world.stop());
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'palisade-watcher-'));
});
afterEach(async () => {
  for (const watcher of watchers.splice(0)) await watcher.stop();
  await rm(dir, { recursive: true, force: true });
});

async function watch(
  more: Partial<WatcherOptions['settings']> = {},
  challenger: Person = CHALLENGER,
  wei = 100n * ETH,
): Promise<RunningWatcher> {
  await world.fund(challenger, wei);
  const { contracts, anvil, server } = world;
  const watcher = await startWatcher({
    settings: {
      ...{ framework: contracts.framework, deployedAt: Number(contracts.deployedAt) },
      ...{ rootChain: [anvil.url], childChain: server.url, finalityMargin: 2 },
      // Longer than a block takes here, shorter than what its clock says: slots within a block are waited for.
      ...{ blockTimeMs: 250, pollMs: 50, ...more },
    },
    challengerSecret: challenger.secret,
    dataDir: join(dir, toHex(challenger.address)),
  });
  watchers.push(watcher);
  return watcher;
}

/** Root-chain blocks in which nothing happens. */
const mine = (blocks: number) => world.anvil.control('anvil_mine', `0x${blocks.toString(16)}`);

/** Whether it is, and has every block that was made. */
const synced = ({ watch: { findings, books } }: RunningWatcher) =>
  findings.synced && books.blknum === world.operator.next - 1000;
const eventsOf = ({ watch: { findings } }: RunningWatcher) =>
  findings.events.map(({ event }) => event);

async function isExitable(exitId: bigint): Promise<boolean> {
  const { exitGame } = bindings(world.contracts);
  const [record] = await world.client.readContract({
    ...exitGame,
    ...{ functionName: 'standardExits', args: [[exitId]] },
  });
  return record!.exitable;
}

async function exitIdOf(position: bigint): Promise<bigint> {
  const { exitGame } = bindings(world.contracts);
  const { rlpOutputTx } = await world.exitArgs(position);
  const isDeposit = (position / 10n ** 9n) % 1000n !== 0n;
  return world.client.readContract({
    ...exitGame,
    ...{ functionName: 'getStandardExitId', args: [isDeposit, rlpOutputTx, position] },
  });
}

async function ask(watcher: RunningWatcher, method: string, body: unknown) {
  const response = await fetch(`${watcher.url}/${method}`, {
    ...{ method: 'POST', body: JSON.stringify(body) },
  });
  return parseExactJson(await response.text()) as Record<string, unknown>;
}

describe('a watcher on a real root chain', () => {
  it('[X1] an exit that the root chain takes back is forgotten, though it was deeper than the margin', async () => {
    const henry = person('henry');
    const coin = await world.deposit(henry, ETH);
    const watcher = await watch();
    await until(() => synced(watcher), 'the watcher to sync');
    const before = await world.anvil.control('evm_snapshot');
    await world.startExit(henry, coin);
    const exits = () => [...watcher.watch.table.open()].map(({ exitId }) => exitId);
    const exitId = await exitIdOf(coin);
    await until(() => exits().includes(exitId), 'the exit');
    const outputs = watcher.watch.books.ledger.size;
    await world.takeBack(before);
    await until(() => !exits().includes(exitId), 'the exit to vanish');
    await until(() => watcher.watch.follower.waiting === 0, 'the ledger');
    expect(watcher.watch.books.ledger.size).toBe(outputs);
    expect(await isExitable(exitId)).toBe(false);
  });

  it('[X1] does not take a node for its own witness whose address is written in two ways', async () => {
    const { url } = world.anvil;
    const { watch: watching } = await watch({ rootChain: [url, `${url}/`] }, person('one node'));
    expect([watching.parts.isWitnessed, watching.unwitnessed()]).toEqual([false, undefined]);
  });

  it('[X8] refuses to challenge from a contract, and without a key', async () => {
    const contract = person('contract');
    await world.anvil.control('anvil_setCode', toHex(contract.address), '0x6001');
    await expect(watch({}, contract)).rejects.toThrowError(/is a contract/);
    const { contracts, anvil } = world;
    const settings = { framework: contracts.framework, rootChain: [anvil.url] };
    const dataDir = join(dir, 'keyless');
    await expect(startWatcher({ settings, dataDir })).rejects.toThrowError(/needs an account/);
    const tooLong = { ...settings, slaMarginBlocks: 100_000 };
    await expect(
      startWatcher({ settings: tooLong, dataDir, challengerSecret: CHALLENGER.secret }),
    ).rejects.toThrowError(/every exit would be late/);
  });

  it('[X2][X8][X13] a thief in a process of its own exits with spent money; the watcher challenges by itself and books the bond', async () => {
    const coin = await world.deposit(ALICE, ETH);
    await world.block([world.pay([coin], [ALICE], [[BOB, ETH]])]);
    const watcher = await watch();
    await until(() => synced(watcher), 'the watcher to sync');
    const thief = fileURLToPath(new URL('./thief.mjs', import.meta.url));
    const booty = {
      ...{ url: world.anvil.url, exitGame: world.contracts.exitGame, secret: toHex(ALICE.secret) },
      ...(await world.exitArgs(coin)),
      utxoPos: `${coin}`,
    };
    await promisify(execFile)(process.execPath, [thief, JSON.stringify(booty)]);
    const exitId = await exitIdOf(coin);
    expect(await isExitable(exitId)).toBe(true);
    await until(() => eventsOf(watcher).includes('invalid_exit'), 'the event');
    await until(async () => !(await isExitable(exitId)), 'the challenge');
    const totals = await until(
      () => watcher.watch.entries.totals.won > 0 && watcher.watch.entries.totals,
      'the account',
    );
    expect(totals).toMatchObject({ won: 1, lost: 0, reimbursed: 23_300_000_000_000_000n });
    expect(totals.net).toBeGreaterThan(0n);
    await until(() => watcher.watch.findings.danger.level === 'OK', 'all to be well');
  });

  it('[X2][X12] an exit that was challenged, omitted and started again is judged anew, also by one who syncs from scratch', async () => {
    const coin = await world.deposit(CAROL, ETH);
    await world.block([world.pay([coin], [CAROL], [[BOB, ETH]])]);
    const exitId = await exitIdOf(coin);
    const first = await watch();
    await until(() => synced(first), 'the watcher to sync');
    await world.startExit(CAROL, coin);
    await until(async () => !(await isExitable(exitId)), 'the first challenge');
    await first.stop();
    watchers.splice(0);
    await world.warp(5 * EXIT_PERIOD_S);
    await world.processExits(CAROL);
    await world.startExit(CAROL, coin);
    expect(await isExitable(exitId)).toBe(true);
    const second = await watch({}, person('another challenger'));
    await until(async () => !(await isExitable(exitId)), 'the second challenge');
    const stateOf = async () =>
      (await listExits(second.url)).find(({ utxo_pos }) => utxo_pos === coin);
    await until(async () => (await stateOf())?.state === 'challenged', 'its state');
    expect(await stateOf()).toMatchObject({ danger: 'OK', events: [] });
    expect(
      (await listExits(second.url, { open: true })).map(({ exit_id }) => exit_id),
    ).not.toContain(exitId);
  });

  it('[X12] an in-flight exit against a block is called non-canonical, and its piggyback is challenged, each time it is placed', async () => {
    const coin = await world.deposit(ALICE, ETH);
    const watcher = await watch();
    await until(() => synced(watcher), 'the watcher to sync');
    await world.block([world.pay([coin], [ALICE], [[BOB, ETH]])]);
    const raw = await world.startInFlight(ALICE, world.pay([coin], [ALICE], [[CAROL, ETH]]));
    await world.piggyback(ALICE, raw, 'input', 0);
    await until(() => eventsOf(watcher).includes('invalid_piggyback'), 'the event');
    await until(async () => {
      const { isCanonical, exitMap } = await world.inFlightRecord(raw);
      return !isCanonical && exitMap === 0n;
    }, 'both challenges');
    await world.piggyback(ALICE, raw, 'input', 0);
    await until(async () => (await world.inFlightRecord(raw)).exitMap === 0n, 'another challenge');
    expect(watcher.watch.entries.totals.lost).toBe(0);
  });

  it('[X12] a lie about canonicity is answered, and an output that was spent later is challenged', async () => {
    const coin = await world.deposit(ALICE, ETH);
    const signed = world.pay([coin], [ALICE], [[BOB, ETH]]);
    const [paid] = await world.block([signed]);
    await world.block([world.pay([paid!], [BOB], [[CAROL, ETH]])]);
    const watcher = await watch();
    await until(() => synced(watcher), 'the watcher to sync');
    const raw = await world.startInFlight(ALICE, signed);
    await world.challengeCanonicity(ALICE, raw, world.pay([coin], [ALICE], [[CAROL, ETH / 2n]]));
    await world.fund(BOB);
    await world.piggyback(BOB, raw, 'output', 0);
    await until(async () => {
      const { isCanonical, exitMap } = await world.inFlightRecord(raw);
      return isCanonical && exitMap === 0n;
    }, 'answer and challenge');
  });

  it('[X9] of three watchers one challenges each exit, and the others find it done', async () => {
    const people = ['dora', 'emil', 'fritz', 'gerd'].map(person);
    const coins: bigint[] = [];
    for (const one of people) coins.push(await world.deposit(one, ETH));
    await world.block(coins.map((coin, i) => world.pay([coin], [people[i]!], [[BOB, ETH]])));
    const three = await Promise.all(
      ['one', 'two', 'three'].map((name) => watch({}, person(`challenger ${name}`))),
    );
    await until(() => three.every(synced), 'all to sync');
    // Watchers part by blocks, so these must not come more quickly than they look.
    world.pace(100);
    await Promise.all(people.map((one, i) => world.startExit(one, coins[i]!)));
    const ids = await Promise.all(coins.map(exitIdOf));
    await until(
      async () => (await Promise.all(ids.map(isExitable))).every((open) => !open),
      'all to be challenged',
    );
    const won = () => three.reduce((sum, { watch: { entries } }) => sum + entries.totals.won, 0);
    await until(() => won() === 4, 'the accounts');
    const lost = three.reduce((sum, { watch: { entries } }) => sum + entries.totals.lost, 0);
    // Blocks come ten times as fast here as slots count with; how rare duplicates are is measured elsewhere.
    expect(lost).toBeLessThan(6);
    world.pace(MINE_MS);
  });

  it('[X7][X10] a withheld block stops spending until it is handed out; exits are challenged meanwhile', async () => {
    const [coin, other] = [await world.deposit(ALICE, ETH), await world.deposit(CAROL, ETH)];
    await world.block([world.pay([coin], [ALICE], [[BOB, ETH]])]);
    const watcher = await watch({ withholdingMs: 1000 });
    await until(() => synced(watcher), 'the watcher to sync');
    world.state.withholds = true;
    await world.block([]);
    await until(() => eventsOf(watcher).includes('block_withholding'), 'the alarm');
    expect(watcher.watch.findings.danger.level).toBe('DANGER');
    const { data: documents } = await ask(watcher, 'evidence.all', {});
    const [withheld] = (documents as readonly unknown[]).map((one) =>
      parseEvidence(exactJson(one)),
    );
    expect(checkEvidence(withheld!).finding).toContain('not handed out');
    const transaction = toHex(world.pay([other], [CAROL], [[BOB, ETH]]));
    const refused = await ask(watcher, 'transaction.submit', { transaction });
    expect(refused).toMatchObject({
      success: false,
      data: { code: 'operation:service_unavailable' },
    });
    await world.startExit(ALICE, coin);
    const exitId = await exitIdOf(coin);
    await until(async () => !(await isExitable(exitId)), 'the challenge');
    world.state.withholds = false;
    await until(() => !eventsOf(watcher).includes('block_withholding'), 'the cure');
    // Blocks come so quickly here that a busy machine is behind them now and then.
    const accepted = await until(async () => {
      const answer = await ask(watcher, 'transaction.submit', { transaction });
      return answer.success ? answer.data : undefined;
    }, 'spending to be allowed');
    expect(accepted).toMatchObject({ txindex: 0n });
  });

  it('[X10][X13] a challenger that cannot pay for what is open stops spending, until somebody funds it', async () => {
    const coin = await world.deposit(ALICE, ETH);
    const poor = person('poor challenger');
    const watcher = await watch({}, poor, 1000n);
    await until(() => synced(watcher), 'the watcher to sync');
    await world.startExit(ALICE, coin);
    await until(() => eventsOf(watcher).includes('challenger_underfunded'), 'the alarm');
    expect(await ask(watcher, 'spending.check', {})).toMatchObject({
      data: { allowed: false, next: 'Fund the challenger.' },
    });
    await world.fund(poor);
    await until(() => !eventsOf(watcher).includes('challenger_underfunded'), 'it to be funded');
    expect(await isExitable(await exitIdOf(coin))).toBe(true);
  });

  it('[X6][X10] one that only looks lets nothing be spent, and tells when a thief was paid', async () => {
    const coin = await world.deposit(ALICE, ETH);
    await world.block([world.pay([coin], [ALICE], [[BOB, ETH]])]);
    const watcher = await watch({ mode: 'watch-only' });
    await until(() => synced(watcher), 'the watcher to sync');
    expect(await ask(watcher, 'spending.check', {})).toMatchObject({
      data: { allowed: false, code: 'watcher/watch-only' },
    });
    await world.startExit(ALICE, coin);
    await until(() => eventsOf(watcher).includes('invalid_exit'), 'the event');
    await world.warp(5 * EXIT_PERIOD_S);
    await until(() => watcher.watch.findings.danger.level === 'EXIT', 'the prompt to exit');
    await world.processExits(BOB);
    await until(() => eventsOf(watcher).includes('invalid_finalization'), 'the loss');
    const { details } = watcher.watch.findings.events.find(
      ({ event }) => event === 'invalid_finalization',
    )!;
    expect(details).toMatchObject({ utxo_pos: coin, amount: ETH, owner: toHex(ALICE.address) });
  });

  it('[X8][X16] a dry run sends nothing; its API tells of the exit, and gives what challenges it and what proves it', async () => {
    const coin = await world.deposit(ALICE, ETH);
    await world.block([world.pay([coin], [ALICE], [[BOB, ETH]])]);
    const SLA_BLOCKS = 300;
    const watcher = await watch({ dryRun: true, slaMarginBlocks: SLA_BLOCKS });
    await until(() => synced(watcher), 'the watcher to sync');
    await world.startExit(ALICE, coin);
    const exitId = await exitIdOf(coin);
    await until(() => eventsOf(watcher).includes('invalid_exit'), 'the event');
    const { data } = await ask(watcher, 'status.get', {});
    expect(data).toMatchObject({
      last_validated_child_block_number: BigInt(world.operator.next - 1000),
      byzantine_events: expect.arrayContaining([
        expect.objectContaining({
          event: 'invalid_exit',
          details: expect.objectContaining({ utxo_pos: coin, amount: ETH }),
        }),
      ]),
    });
    const [newest] = await listExits(watcher.url, { open: true });
    expect(newest).toMatchObject({
      ...{ kind: 'standard', utxo_pos: coin, state: 'open', danger: 'WATCH' },
      ...{ events: ['invalid_exit'], amount: ETH, owner: toHex(ALICE.address) },
    });
    const shown = await ask(watcher, 'utxo.get_challenge_data', { utxo_pos: Number(coin) });
    expect(shown.data).toMatchObject({ exit_id: exitId, input_index: 0n });
    const documents = (await ask(watcher, 'evidence.all', {})).data as readonly unknown[];
    const [evidence] = documents.map((one) => parseEvidence(exactJson(one)));
    expect(checkEvidence(evidence!)).toMatchObject({ holds: true });
    const exit = evidence as Extract<typeof evidence, { kind: 'invalid_exit' }>;
    for (const wrong of [
      { owner: BOB.address },
      { position: exit.position + 1n },
      { spend: { ...exit.spend, input: 1 } },
      { spend: { ...exit.spend, signature: exit.spend.signature.toReversed() } },
      { output: { ...exit.output, root: exit.spend.raw.slice(0, 32) } },
      { place: { ...exit.place, framework: BOB.address } },
    ])
      expect(checkEvidence({ ...exit, ...wrong }).holds).toBe(false);
    await mine(SLA_BLOCKS);
    await until(() => eventsOf(watcher).includes('unchallenged_exit'), 'it to be late');
    expect(await isExitable(exitId)).toBe(true);
    expect(watcher.watch.entries.totals.spent).toBe(0n);
  });

  it('[X16] what its API gives starts exits that the contract accepts: standard, and in flight of what is in no block', async () => {
    const [ina, jon] = [person('ina'), person('jon')];
    await world.fund(jon);
    const coin = await world.deposit(ina, 2n * ETH);
    const [paid] = await world.block([
      world.pay(
        [coin],
        [ina],
        [
          [jon, ETH],
          [ina, ETH],
        ],
      ),
    ]);
    const watcher = await watch();
    await until(() => synced(watcher), 'the watcher to sync');
    const { data: utxos } = await ask(watcher, 'account.get_exitable_utxos', {
      address: toHex(jon.address),
    });
    expect(utxos).toMatchObject([{ utxo_pos: paid, amount: ETH, blknum: paid! / 10n ** 9n }]);
    const standard = (await ask(watcher, 'utxo.get_exit_data', { utxo_pos: Number(paid) }))
      .data as Readonly<Record<'utxo_pos' | 'txbytes' | 'proof', never>>;
    const { exitGame } = bindings(world.contracts);
    const start = { utxoPos: standard.utxo_pos, rlpOutputTx: standard.txbytes };
    await world.call(
      jon,
      exitGame.address,
      encodeFunctionData({
        ...{ ...exitGame, functionName: 'startStandardExit' },
        args: [{ ...start, outputTxInclusionProof: standard.proof }],
      }),
      23_300_000_000_000_000n,
    );
    await until(() => watcher.watch.table.standardAt(paid!), 'the exit');
    const change = paid! + 1n;
    const txbytes = toHex(world.pay([change], [ina], [[jon, ETH]]));
    const inFlight = (await ask(watcher, 'in_flight_exit.get_data', { txbytes })).data as Readonly<
      Record<string, never>
    >;
    const args = {
      ...{ inFlightTx: inFlight.in_flight_tx!, inputTxs: inFlight.input_txs! },
      inputUtxosPos: inFlight.input_utxos_pos!,
      inputTxsInclusionProofs: inFlight.input_txs_inclusion_proofs!,
      inFlightTxWitnesses: inFlight.in_flight_tx_sigs!,
    };
    await world.call(
      ina,
      exitGame.address,
      encodeFunctionData({ ...exitGame, functionName: 'startInFlightExit', args: [args] }),
      26_900_000_000_000_000n,
    );
    const about = (event: string, member: object) =>
      watcher.watch.findings.events.some(
        (one) =>
          one.event === event && exactJson(one.details).includes(exactJson(member).slice(1, -1)),
      );
    const inFlightTx = { txbytes: inFlight.in_flight_tx };
    await until(() => about('piggyback_available', inFlightTx), 'the offer');
    expect((await listExits(watcher.url, { open: true }))[0]).toMatchObject({
      ...{ kind: 'in-flight', txbytes: inFlightTx.txbytes, events: ['piggyback_available'] },
      ...{ is_canonical: true, piggybacked_outputs: [] },
    });
    expect(about('invalid_exit', { utxo_pos: paid })).toBe(false);
  });

  it('[X7] after an invalid block everybody is told to leave, with evidence; exits are challenged all the same, also by what is in that block', async () => {
    const [coin, other] = [await world.deposit(ALICE, ETH), await world.deposit(CAROL, ETH)];
    const watcher = await watch();
    await until(() => synced(watcher), 'the watcher to sync');
    const spend = world.pay([coin], [ALICE], [[CAROL, ETH]]);
    const theft = world.pay([other], [BOB], [[BOB, ETH]]);
    await world.wrongBlock([spend, theft]);
    await until(() => eventsOf(watcher).includes('invalid_block'), 'the alarm');
    expect(watcher.watch.findings.danger).toMatchObject({ level: 'EXIT' });
    expect(await ask(watcher, 'spending.check', {})).toMatchObject({
      data: { allowed: false, reason: expect.stringContaining('invalid_block'), next: 'Exit now.' },
    });
    const documents = (await ask(watcher, 'evidence.all', {})).data as readonly unknown[];
    const evidence = documents
      .map((one) => parseEvidence(exactJson(one)))
      .find(({ kind }) => kind === 'invalid_block')!;
    expect(checkEvidence(evidence)).toMatchObject({
      holds: true,
      finding: expect.stringContaining('transaction 1: An input belongs to somebody else'),
    });
    await world.startExit(ALICE, coin);
    const exitId = await exitIdOf(coin);
    await until(async () => !(await isExitable(exitId)), 'the challenge');
  });
});
