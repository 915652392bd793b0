/** What the information service of the reference tells, over a child chain in memory; and hostile bodies. */
import { exactJson, fromHex, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import { RpcFailure, RpcPage } from '@palisade/daemon';
import { type Payment, type Position, typedDataOf } from '@palisade/payments';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Dice } from '../../payments/test/dice.ts';
import { ALICE, BOB, CAROL, COIN, ETHER, open, pay } from '../../payments/test/wallets.ts';
import { type ApiWorld, FEE, startApiWorld } from './api-world.ts';
import { secondsAt } from './child-chain.ts';

/** Whatever a method answers: it is compared, or taken apart by name. */
type Answer = Readonly<Record<string, unknown>>;

/** `PALISADE_API_CASES=1000000` for a long run. */
const CASES = Number(process.env.PALISADE_API_CASES ?? 20_000);
const ether = toHex(ETHER);
const [alice, bob, carol] = [ALICE, BOB, CAROL].map(({ address }) => toHex(address));
const blocks: (readonly Uint8Array[])[] = [];

let world: ApiWorld;
beforeAll(async () => {
  world = await startApiWorld('v2');
  let coins: readonly Position[] = Array.from({ length: 7 }, () =>
    world.chain.deposit(ALICE, 1000n),
  );
  world.chain.deposit(ALICE, 5n, COIN);
  const people = [ALICE, BOB, CAROL];
  for (let i = 0; i < 4; i++) {
    const [from, to] = [people[i % 3]!, people[(i + 1) % 3]!];
    const signed: readonly Uint8Array[] = coins.map((coin) =>
      pay([coin], [from], [[to, 1000n - BigInt(i + 1)]]),
    );
    blocks.push(signed);
    coins = await world.block(signed);
  }
});
afterAll(() => world.stop());

const call = async (method: string, body: Readonly<Record<string, unknown>>) => {
  const answer = await world.methods[method]!.call(body as never);
  if (answer instanceof RpcFailure) return answer.code;
  return (answer instanceof RpcPage ? answer.items : answer) as Answer & readonly Answer[];
};
const create = (owner: string | undefined, ...payments: readonly unknown[]) =>
  call('transaction.create', { owner, payments, fee: { currency: ether } });
const to = (owner: string | undefined, amount: bigint, currency = ether) => ({
  ...{ owner, amount, currency },
});

describe('the history of a child chain', () => {
  it('[X16] is told newest first, by owner, block, kind and time, as a walk over all blocks finds it', async () => {
    const everything = blocks.flatMap((signed, i) =>
      signed.map((bytes, txindex) => ({ tx: open(bytes), blknum: 1000 * (i + 1), txindex })),
    );
    everything.reverse();
    const cases: readonly Readonly<Record<string, unknown>>[] = [
      {},
      { address: alice },
      { address: bob, limit: 3n, page: 2n },
      { blknum: 2000n },
      { address: carol, blknum: 3000n },
      { metadata: `0x${'00'.repeat(32)}`, limit: 5n, page: 3n },
      { txtypes: [3n] },
      { address: alice, end_datetime: BigInt(world.watch.mined.get(2000)!.seconds) },
    ];
    for (const body of cases) {
      const wanted = everything.filter(({ tx, blknum }) => {
        const mine = [...tx.signers, ...tx.transaction.outputs.map(({ owner }) => owner)].map(
          toHex,
        );
        const isMine = !body.address || mine.includes(body.address as string);
        const isThere = body.blknum === undefined || BigInt(blknum) === body.blknum;
        return isMine && isThere && !body.txtypes && (!body.end_datetime || blknum <= 2000);
      });
      const [limit, page] = [Number(body.limit ?? 200n), Number(body.page ?? 1n)];
      const found = (await call('transaction.all', body)) as readonly Answer[];
      expect(found.map(({ txhash }) => txhash)).toEqual(
        wanted.slice((page - 1) * limit, page * limit).map(({ tx }) => toHex(tx.hash)),
      );
      if (body.address) expect(await call('account.get_transactions', body)).toEqual(found);
    }
    expect(await call('account.get_transactions', {})).toBe('operation:bad_request');
  });

  it('[X16] has blocks with their places on the root chain, and figures', async () => {
    const all = (await call('block.all', { limit: 3n })) as readonly Answer[];
    expect(all.map(({ blknum, tx_count }) => [blknum, tx_count])).toEqual([
      [4000, 7],
      [3000, 7],
      [2000, 7],
    ]);
    expect(await call('block.all', { limit: 3n, page: 2n })).toHaveLength(1);
    expect(await call('block.get', { blknum: 3000n })).toEqual(all[1]);
    expect(await call('block.get', { blknum: 5000n })).toBe('get_block:block_not_found');
    const interval = (secondsAt(12) - secondsAt(9)) / 3;
    expect(await call('stats.get', {})).toEqual({
      block_count: { all_time: 4, last_24_hours: 4 },
      transaction_count: { all_time: 28, last_24_hours: 28 },
      average_block_interval_seconds: { all_time: interval, last_24_hours: interval },
    });
  });
});

describe('payments that are made for wallets', () => {
  // After four blocks the money is with Bob: seven outputs of 996.
  it('[X16] pick outputs, join small ones on the way, and give change', async () => {
    const made = await create(bob, to(carol, 1500n));
    const [transaction] = (made as Answer).transactions as readonly Answer[];
    const { inputs, outputs, typed_data, sign_hash } = transaction!;
    expect((inputs as readonly unknown[]).length).toBe(5);
    const amounts = (outputs as readonly Answer[]).map(({ amount }) => amount);
    expect(amounts).toEqual([1500n, 5n * 996n - 1500n - FEE]);
    const signature = toHex(secp256k1.sign(fromHex(sign_hash as string), BOB.secret));
    const signatures = Array.from({ length: 5 }, () => signature);
    const typed = JSON.parse(exactJson(typed_data), (_, v) =>
      typeof v === 'number' ? BigInt(v) : v,
    );
    const body = { ...typed, signatures };
    expect(
      await call('transaction.submit_typed', { ...body, signatures: signatures.slice(1) }),
    ).toBe('submit_typed:missing_signature');
    const elsewhere = { ...typed.domain, verifyingContract: carol };
    expect(await call('transaction.submit_typed', { ...body, domain: elsewhere })).toBe(
      'submit_typed:wrong_domain',
    );
    expect(await call('transaction.submit_typed', body)).toMatchObject({ txindex: 0 });
  });

  it('[X16] that need too many outputs are preceded by merges, which pay no fee', async () => {
    const made = (await create(bob, to(carol, 6000n))) as Answer;
    expect(made.result).toBe('intermediate');
    const merges = made.transactions as readonly Answer[];
    const sizes = merges.map(({ inputs }) => (inputs as readonly unknown[]).length);
    expect(sizes).toEqual([5, 2]);
    expect(merges.map(({ outputs }) => (outputs as readonly Answer[])[0]!.amount)).toEqual([
      4980n,
      1992n,
    ]);
  });

  it('[X16] say why there is none', async () => {
    expect(await create(bob)).toBe('transaction.create:empty_transaction');
    expect(await create(bob, to(bob, 1n))).toBe(
      'transaction.create:self_transaction_not_supported',
    );
    expect(await create(bob, to(carol, 10n ** 9n))).toBe('transaction.create:insufficient_funds');
    expect(await create(bob, to(carol, 1n, toHex(COIN)))).toBe(
      'transaction.create:insufficient_funds',
    );
    const six = Array.from({ length: 6 }, () => to(carol, 1n));
    expect(await create(bob, ...six)).toBe('transaction.create:too_many_outputs');
    expect(await create(bob, ...six.slice(1))).toBe('transaction.create:too_many_outputs');
    const token = { owner: alice, payments: [to(bob, 1n)], fee: { currency: toHex(COIN) } };
    expect(await call('transaction.create', token)).toBe('fee:currency_fee_not_supported');
  });

  it('[X16] join outputs by owner or by position, and only what belongs together', async () => {
    const positions = [...world.watch.books.ledger.outputsOf(BOB.address)].map(
      (one) => one.position,
    );
    const merge = (...utxo_positions: readonly (bigint | undefined)[]) =>
      call('transaction.merge', { utxo_positions });
    const [first, second] = positions;
    expect(((await merge(first, second)) as Answer).transactions).toHaveLength(1);
    expect(await merge(first)).toBe('merge:single_input');
    expect(await merge(first, first)).toBe('merge:duplicate_input_positions');
    expect(await merge(first, 10n ** 15n)).toBe('merge:no_inputs_found');
    const [coin] = [...world.watch.books.ledger.outputsOf(ALICE.address)].map(
      (one) => one.position,
    );
    expect(await merge(first, coin)).toBe('merge:multiple_currencies');
    expect(await call('transaction.merge', { address: carol, currency: ether })).toBe(
      'merge:no_inputs_found',
    );
    const all = (await call('transaction.merge', { address: bob, currency: ether })) as Answer;
    expect(all.transactions).toHaveLength(2);
  });
});

describe('a watcher that cannot judge', () => {
  it('[X10][X14] lets nothing be spent after a minute, until it can again', async () => {
    const { watch, wait } = world;
    const check = async () => (await call('spending.check', {})) as Answer;
    expect(await check()).toMatchObject({ allowed: true });
    const tip = vi.spyOn(watch.parts.root, 'tip').mockRejectedValue(new Error('no records'));
    wait(59_000);
    await watch.look();
    wait(2000);
    // The root chain was heard of, and everything read: but nobody judged it.
    expect(await check()).toMatchObject({ allowed: false, code: 'watcher/not-synced' });
    expect(await call('transaction.submit', { transaction: toHex(blocks[0]![0]!) })).toBe(
      'operation:service_unavailable',
    );
    tip.mockRestore();
    await watch.look();
    expect(await check()).toMatchObject({ allowed: true });
  });
});

describe('hostile bodies', () => {
  it(`[X16] of any kind are answered, and change nothing: ${CASES} of them`, async () => {
    const dice = new Dice(7);
    const names = Object.keys(world.methods);
    const [first] = blocks[0]!.map((bytes) => open(bytes));
    const [signed, raw] = [toHex(first!.signed), toHex(first!.raw)];
    const coins = [...world.watch.books.ledger.outputsOf(BOB.address)];
    const [coin, other] = coins.map(({ position }) => position);
    const valid: readonly Readonly<Record<string, unknown>>[] = [
      {
        owner: bob,
        payments: [to(carol, 1n)],
        fee: { currency: ether },
        metadata: `0x${'01'.repeat(32)}`,
      },
      {
        address: bob,
        currency: ether,
        page: 1n,
        limit: 2n,
        txtypes: [1n],
        end_datetime: 2n ** 35n,
      },
      { utxo_positions: [coin, other], utxo_pos: coin, blknum: 2000n, id: toHex(first!.hash) },
      { txbytes: raw, input_index: 0n, output_index: 0n },
      {
        txbytes: signed,
        transaction: signed,
        transactions: [signed],
        hash: toHex(first!.hash),
        number: 1n,
      },
      {
        ...typedDataOf(world.domain, first!.transaction as Payment),
        signatures: [`0x${'1b'.repeat(65)}`],
      },
    ];
    const wild: readonly unknown[] = [
      ...[alice, raw, signed, '0x', '0xzz', '0x0', '', 'x', null, true, [], {}, [signed], [[]]],
      ...[0n, 1n, -1n, 5n, 1000n, 10n ** 9n, coin, 2n ** 53n, 2n ** 64n, 2n ** 256n],
    ];
    const everything: Readonly<Record<string, unknown>> = Object.assign({}, ...valid);
    const members = Object.keys(everything);
    const size = world.watch.books.ledger.size;
    const answers = new Set<string>();
    let unread = 0;
    for (let i = 0; i < CASES; i++) {
      const changes = Array.from({ length: dice.roll(3) }, () => [
        dice.pick(members),
        dice.pick(wild),
      ]);
      const start = dice.roll(2) === 0 ? dice.pick(valid) : everything;
      const body = { ...start, ...Object.fromEntries(changes) };
      const name = dice.pick(names);
      const answer = await world.methods[name]!.call(body as never);
      if (answer instanceof RpcFailure) {
        answers.add(answer.code);
        if (answer.code === 'operation:bad_request') unread++;
      } else {
        exactJson(answer instanceof RpcPage ? answer.items : answer);
        answers.add(name);
      }
    }
    expect(world.watch.books.ledger.size).toBe(size);
    // Most get past the door, and to what is behind.
    expect(unread).toBeLessThan(CASES / 2);
    expect(answers.size).toBeGreaterThan(25);
  }, 600_000);
});
