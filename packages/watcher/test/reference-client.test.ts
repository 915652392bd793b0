/**
 * The unmodified JavaScript client of the reference (@omisego/omg-js-childchain 4.1.2-1.0.4, Apache-2.0, a
 * development dependency) against this watcher's API, in the dialect that it speaks. What it is given is checked
 * by the formats of `payments`, which contracts and vectors hold.
 */
import { createRequire } from 'node:module';
import { fromHex, isRefusal, toHex } from '@palisade/core';
import {
  decodeSigned,
  encodeTransaction,
  hashOf,
  inFlightExitId,
  isIncluded,
  placeOf,
  positionOf,
  standardExitId,
  v1,
} from '@palisade/payments';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALICE, BOB, CAROL, ETHER, payment } from '../../payments/test/wallets.ts';
import { type ApiWorld, FEE, FRAMEWORK, startApiWorld } from './api-world.ts';
import { secondsAt } from './child-chain.ts';

type Answer = Readonly<Record<string, unknown>>;
/** As much of it as is used here: it has no types of its own. */
type ReferenceClient = {
  readonly [method: string]: (...params: readonly unknown[]) => Promise<unknown>;
};
type ClientClass = new (options: Readonly<Record<string, string>>) => ReferenceClient;

const ChildChain = createRequire(import.meta.url)('@omisego/omg-js-childchain') as ClientClass;
const ether = toHex(ETHER);
const [alice, bob] = [toHex(ALICE.address), toHex(BOB.address)];

let world: ApiWorld;
let client: ReferenceClient;
beforeAll(async () => {
  world = await startApiWorld('v1');
  client = new ChildChain({ watcherUrl: world.url, plasmaContractAddress: toHex(FRAMEWORK) });
});
afterAll(() => world.stop());

/** Whatever kind of integer the client reads. */
const int = (value: unknown) => BigInt(String(value));
const one = async (answer: Promise<unknown>) => (await answer) as Answer;
const many = async (answer: Promise<unknown>) => (await answer) as readonly Answer[];

describe('the client of the reference', () => {
  it('[X16] sees balances and outputs beyond 2^53 to the last digit, and deposits', async () => {
    world.chain.deposit(ALICE, 10n ** 24n + 1n);
    world.chain.deposit(ALICE, 500n);
    await world.read();
    const [balance] = await many(client.getBalance!(alice));
    expect([balance?.currency, int(balance?.amount)]).toEqual([ether, 10n ** 24n + 501n]);
    const utxos = await many(client.getUtxos!(alice));
    expect(utxos.map(({ amount }) => int(amount))).toEqual([500n, 10n ** 24n + 1n]);
    expect(await many(client.getDeposits!({ address: alice }))).toHaveLength(2);
    const fees = await one(client.getFees!());
    expect(int((fees['1'] as readonly Answer[])[0]?.amount)).toBe(FEE);
  });

  it('[X16] makes a payment, signs what it was given, and hands it in as typed data', async () => {
    const payments = [{ owner: bob, currency: ether, amount: '1000' }];
    const made = await one(
      client.createTransaction!({ owner: alice, payments, fee: { currency: ether } }),
    );
    expect(made.result).toBe('complete');
    const [transaction] = made.transactions as readonly Answer[];
    const { inputs, outputs, fee } = transaction!;
    // The small deposit was joined on the way.
    expect((inputs as readonly unknown[]).length).toBe(2);
    expect((outputs as readonly Answer[]).map(({ amount }) => int(amount))).toEqual([
      1000n,
      10n ** 24n + 501n - 1000n - FEE,
    ]);
    expect(int((fee as Answer).amount)).toBe(FEE);
    const typed = client.signTypedData!(transaction, [toHex(ALICE.secret), toHex(ALICE.secret)]);
    await client.submitTyped!(await typed);
    await world.block();
    const [balance] = await many(client.getBalance!(bob));
    expect(int(balance?.amount)).toBe(1000n);
  });

  it('[X16] pays with outputs that it picks, and joins outputs, by its own encoding and signing', async () => {
    const fromUtxos = await client.getUtxos!(bob);
    await client.sendTransaction!({
      ...{ fromAddress: bob, fromUtxos, fromPrivateKeys: [toHex(BOB.secret)] },
      payments: [{ owner: alice, currency: ether, amount: 93 }],
      fee: { currency: ether, amount: Number(FEE) },
      metadata: 'thanks',
    });
    await world.block();
    const [last] = await many(client.getTransactions!({ address: bob, limit: 1 }));
    expect(Buffer.from(String(last?.metadata).slice(2), 'hex').toString()).toMatch(/thanks$/);
    expect(await one(client.getTransaction!(last?.txhash))).toEqual(last);
    const utxos = await client.getUtxos!(alice);
    await client.mergeUtxos!({ utxos, privateKey: toHex(ALICE.secret) });
    await world.block();
    expect(await many(client.getUtxos!(alice))).toHaveLength(1);
    expect(await many(client.getTransactions!({ address: alice }))).toHaveLength(3);
  });

  it('[X16] gets what a standard exit needs, and what challenges one of spent money', async () => {
    const coin = world.chain.deposit(CAROL, 50n);
    await world.read();
    const { txindex, blknum, oindex } = placeOf(coin);
    const data = await one(client.getExitData!({ blknum, txindex, oindex }));
    const [raw, proof] = [fromHex(String(data.txbytes)), fromHex(String(data.proof))];
    const { root } = world.watch.transactions.proven(coin)!;
    expect(int(data.utxo_pos)).toBe(coin);
    expect(isIncluded(root, raw, txindex, proof)).toBe(true);
    const spend = world.sign(payment([coin], [[BOB, 43n]]), [CAROL]);
    await world.block([spend]);
    const exitId = standardExitId(v1, raw, coin);
    const owner = CAROL.address;
    await world.fact({ name: 'ExitStarted', owner, exitId, utxoPos: coin, outputTx: raw });
    const challenge = await one(client.getChallengeData!(Number(coin)));
    const decoded = decodeSigned(v1, spend);
    if (isRefusal(decoded)) throw new Error(decoded.message);
    expect(int(challenge.exit_id)).toBe(exitId);
    expect(challenge).toMatchObject({
      ...{ exiting_tx: toHex(raw), txbytes: toHex(decoded.raw), input_index: 0 },
      sig: toHex(decoded.signatures[0]!),
    });
    const { byzantine_events } = await one(client.status!());
    const events = byzantine_events as readonly Answer[];
    expect(events.map(({ event }) => event)).toContain('invalid_exit');
    await expect(client.getChallengeData!(1_000_000_000)).rejects.toThrow(/No such exit/);
    await world.fact({ name: 'ExitChallenged', utxoPos: coin });
  });

  it('[X16][X12] gets what an in-flight exit needs, and everything that can be said against it', async () => {
    const coin = world.chain.deposit(CAROL, 90n);
    await world.read();
    const signed = world.sign(payment([coin], [[BOB, 83n]]), [CAROL]);
    const data = await one(client.inFlightExitGetData!(toHex(signed)));
    const raw = fromHex(String(data.in_flight_tx));
    const [input] = data.input_utxos_pos as readonly unknown[];
    expect(int(input)).toBe(coin);
    // Another payment of the same money gets into a block.
    const rival = world.sign(payment([coin], [[CAROL, 83n]]), [CAROL]);
    const [at] = await world.block([rival]);
    const start = async (
      txBytes: Uint8Array,
      inputTxs: readonly unknown[],
      sigs: readonly unknown[],
    ) => {
      const decoded = decodeSigned(v1, txBytes);
      if (isRefusal(decoded) || decoded.transaction.type !== 1) throw new Error('no payment');
      const tx = encodeTransaction(decoded.transaction);
      await world.fact({
        ...{ name: 'InFlightExitStarted', initiator: CAROL.address, txHash: hashOf(tx) },
        ...{ inFlightTx: tx, inputUtxosPos: [...decoded.transaction.inputs] },
        inFlightTxWitnesses: sigs.map((sig) => fromHex(String(sig))),
        inputTxs: inputTxs.map((one) => fromHex(String(one))),
        seconds: secondsAt(world.chain.height),
      });
      return hashOf(tx);
    };
    const txHash = await start(
      signed,
      data.input_txs as readonly unknown[],
      data.in_flight_tx_sigs as readonly unknown[],
    );
    const exitTarget = CAROL.address;
    await world.fact({ name: 'InFlightExitInputPiggybacked', exitTarget, txHash, inputIndex: 0 });
    const { in_flight_exits } = await one(client.status!());
    expect(in_flight_exits).toMatchObject([{ txhash: toHex(txHash), piggybacked_inputs: [0] }]);
    const competitor = await one(client.inFlightExitGetCompetitor!(toHex(raw)));
    expect(int(competitor.competing_tx_pos)).toBe(at);
    const against = await one(client.inFlightExitGetInputChallengeData!(toHex(raw), 0));
    expect(against.spending_txbytes).toBe(competitor.competing_txbytes);
    // The rival leaves in flight as well: it is in a block, and its output is spent later.
    const { blknum, txindex } = placeOf(at!);
    const spend = world.sign(payment([at!], [[BOB, 76n]]), [CAROL]);
    const rivalData = await one(client.inFlightExitGetData!(toHex(rival)));
    const rivalHash = await start(
      rival,
      rivalData.input_txs as readonly unknown[],
      rivalData.in_flight_tx_sigs as readonly unknown[],
    );
    await world.fact({
      ...{ name: 'InFlightExitOutputPiggybacked', exitTarget, txHash: rivalHash, outputIndex: 0 },
    });
    await world.block([spend]);
    const rivalRaw = String(competitor.competing_txbytes);
    const canonical = await one(client.inFlightExitProveCanonical!(rivalRaw));
    expect(int(canonical.in_flight_tx_pos)).toBe(positionOf({ blknum, txindex, oindex: 0 }));
    const output = await one(client.inFlightExitGetOutputChallengeData!(rivalRaw, 0));
    expect(int(output.in_flight_output_pos)).toBe(at);
    expect(inFlightExitId(v1, raw)).not.toBe(inFlightExitId(v1, fromHex(rivalRaw)));
  });
});
