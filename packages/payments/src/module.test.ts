import type { QueryHandler } from '@palisade/chain';
import { equalBytes, toHex } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { PAL, startChain } from '../../chain/test/chain-kit.ts';
import { placeIn, startPayments, TEST_PARAMS } from '../test/payments-kit.ts';
import { ALICE, at, BOB, CAROL, CLAIMER, COIN, ETHER, open, pay, person } from '../test/wallets.ts';
import { openClaim } from './block/child-block.ts';
import { reportRoot } from './commands/report-root.ts';
import { submitPayment } from './commands/submit.ts';
import { numberOf } from './format/integers.ts';
import { BlockTree } from './format/merkle.ts';
import { encodeSigned, type FeeClaim } from './format/transaction.ts';
import { paymentsModule } from './module.ts';
import { checkedParams, type PaymentsParams } from './params.ts';
import { paymentQueries } from './queries.ts';
import { childBlocks, outputAt, totalOf } from './state.ts';
import { MAX_SUBMITTERS, submitters } from './submitters.ts';

const ask = (name: string) =>
  paymentQueries.find(({ declaration }) => declaration.name === name) as QueryHandler;

describe('payments on the chain', () => {
  it('[X4] execute what is paid, and close a child block with its root and its fees', async () => {
    const kit = await startPayments();
    await kit.agree(kit.depositOf(1, ALICE, 100n), kit.depositOf(2, BOB, 50n, COIN));
    const first = pay(
      [at(1)],
      [ALICE],
      [
        [BOB, 60n],
        [ALICE, 38n],
      ],
    );
    const second = pay([at(1000, 0, 1)], [ALICE], [[CAROL, 36n]]);
    const third = pay([at(2)], [BOB], [[BOB, 45n, COIN]]);
    const places = [];
    for (const signed of [first, second, third]) places.push(placeIn(await kit.submit(signed)));
    // Two blocks in which nothing could be paid count as well.
    expect(places).toEqual(['1000:0', '2000:0', '2000:1']);
    await kit.chain.blocks(3);
    const { state } = kit.chain;
    const closed = childBlocks.need(state, 2000n);
    const claims = [ETHER, COIN].map((token, i) =>
      openClaim(2000, CLAIMER.address, token, i === 0 ? 2n : 5n),
    );
    const raws = [
      ...[second, third].map((signed) => open(signed).raw),
      ...claims.map(({ raw }) => raw),
    ];
    expect(equalBytes(closed.root, BlockTree.of(raws).root)).toBe(true);
    expect(closed.transactions).toBe(4);
    expect(outputAt(state, at(2000, 3))).toEqual({
      ...{ type: 2, owner: CLAIMER.address, token: COIN, amount: 5n },
    });
    expect(ask('payments.block-of-root').run(state, { root: closed.root })).toEqual({
      blknum: 2000n,
    });
    expect(await kit.submit(first)).toMatchObject({ codespace: 'payments/utxo_not_found' });
  });

  it('[X4] close a child block early when there is no room but for its fees', async () => {
    const kit = await startPayments({ maxPayments: 3, blockEvery: 100 });
    await kit.agree(kit.depositOf(1, ALICE, 100n), kit.depositOf(2, BOB, 50n));
    await kit.submit(pay([at(1)], [ALICE], [[BOB, 98n]]));
    expect(childBlocks.get(kit.chain.state, 1000n)).toBeUndefined();
    await kit.submit(pay([at(2)], [BOB], [[BOB, 48n]]));
    expect(childBlocks.get(kit.chain.state, 1000n)?.transactions).toBe(3);
    expect(placeIn(await kit.submit(pay([at(1000)], [BOB], [[BOB, 96n]])))).toBe('2000:0');
  });

  it('[X4] refuse what the rules refuse, fee claims of strangers included', async () => {
    const kit = await startPayments();
    await kit.agree(kit.depositOf(1, ALICE, 100n));
    await kit.refused('unauthorized_spend', pay([at(1)], [BOB], [[BOB, 98n]]));
    await kit.refused('fees_not_covered', pay([at(1)], [ALICE], [[BOB, 100n]]));
    await kit.refused('malformed_transaction_rlp', Uint8Array.of(0xc1));
    const claim = openClaim(1000, ALICE.address, ETHER, 2n).transaction as FeeClaim;
    await kit.refused('surplus_in_token_not_collected', encodeSigned(claim, []));
  });

  it('[X4] refuse to spend an output from the start of its exit until every exit of it has failed', async () => {
    const kit = await startPayments();
    await kit.agree(kit.depositOf(1, ALICE, 100n));
    const payment = pay([at(1)], [ALICE], [[BOB, 98n]]);
    await kit.agree(kit.exitStarted(at(1)), kit.exitStarted(at(7), at(1)));
    await kit.refused('output_is_exiting', payment);
    await kit.agree(kit.exitEnded(at(1)));
    await kit.refused('output_is_exiting', payment);
    await kit.agree(kit.exitEnded(at(7), at(1)));
    expect((await kit.submit(payment)).code).toBe(0);
  });

  it('[X4, X6] let an exit take its output, and book what is missing when there was none', async () => {
    const kit = await startPayments();
    await kit.agree(kit.depositOf(1, ALICE, 100n), kit.depositOf(2, BOB, 40n));
    await kit.submit(pay([at(2)], [BOB], [[CAROL, 38n]]));
    await kit.agree(kit.exitStarted(at(1)), kit.exitStarted(at(2)));
    await kit.agree(kit.exitPaid(at(1), 100n), kit.exitPaid(at(2), 40n));
    await kit.refused('utxo_not_found', pay([at(1)], [ALICE], [[BOB, 98n]]));
    const { state } = kit.chain;
    expect(totalOf(state, ETHER, 'exited')).toBe(100n);
    expect(totalOf(state, ETHER, 'unbacked')).toBe(40n);
  });

  it('[X4] pages through the outputs of an owner, with those that are exiting marked', async () => {
    const kit = await startPayments();
    await kit.agree(...[1, 2, 3].map((blknum) => kit.depositOf(blknum, ALICE, BigInt(blknum))));
    await kit.agree(kit.exitStarted(at(2)));
    const page = (after: bigint) =>
      ask('payments.outputs-of').run(kit.chain.state, { owner: ALICE.address, after }) as {
        outputs: { position: bigint; exiting: number }[];
      };
    expect(page(0n).outputs.map(({ position, exiting }) => [position, exiting])).toEqual([
      [at(1), 0],
      [at(2), 1],
      [at(3), 0],
    ]);
    expect(page(at(2)).outputs.map(({ position }) => position)).toEqual([at(3)]);
  });

  it('[X4] pay gas back to who submits child blocks: their ether as a whole, as soon as that much is owed', async () => {
    const kit = await startPayments({ blockEvery: 1 });
    await kit.agree(kit.depositOf(1, ALICE, 100n), kit.depositOf(2, BOB, 50n, COIN));
    /** Who has the output of the block's fees, by the output and by the block's record. */
    const feeOf = (blknum: number) => {
      const { state } = kit.chain;
      const [claim] = childBlocks.need(state, BigInt(blknum)).claims;
      const { owner } = outputAt(state, at(blknum, 1, 0))!;
      expect(owner).toEqual(claim!.claimer);
      return owner;
    };
    await kit.submit(pay([at(1)], [ALICE], [[ALICE, 98n]]));
    expect(feeOf(1000)).toEqual(CLAIMER.address);
    // A price above the highest counts as that; one unit of gas is paid for by nobody yet.
    await kit.agree(kit.rootSubmitted(1000, CAROL, 0n), kit.rootSubmitted(2000, BOB, 1n));
    await kit.submit(pay([at(1000)], [ALICE], [[ALICE, 96n]]));
    expect(feeOf(2000)).toEqual(BOB.address);
    await kit.agree(kit.rootSubmitted(3000, CAROL, 1_000n));
    await kit.submit(pay([at(2)], [BOB], [[BOB, 45n, COIN]]));
    expect(feeOf(3000)).toEqual(CLAIMER.address);
    await kit.submit(pay([at(2000)], [ALICE], [[ALICE, 94n]]));
    expect(feeOf(4000)).toEqual(CAROL.address);
    const told = ask('payments.submitters').run(kit.chain.state, {}) as {
      readonly submitters: readonly { record: { spent: Uint8Array; refunded: Uint8Array } }[];
    };
    expect(
      told.submitters.map(({ record }) => [numberOf(record.spent), numberOf(record.refunded)]),
    ).toEqual(
      expect.arrayContaining([
        [2n, 2n],
        [20n, 2n],
      ]),
    );
  });

  it('[X4] keep no more submitters than there is room for: who is owed least makes way', async () => {
    const kit = await startPayments();
    const people = Array.from({ length: MAX_SUBMITTERS + 1 }, (_, i) => person(`submitter ${i}`));
    for (const [i, one] of people.entries())
      await kit.agree(kit.rootSubmitted(1000, one, i === 7 ? 1n : 2n));
    const kept = [...submitters.list(kit.chain.state)].map(([[address]]) => toHex(address));
    expect(kept).toHaveLength(MAX_SUBMITTERS);
    expect(kept).not.toContain(toHex(people[7]!.address));
    // Dust pushes nobody out who is owed more, nor does one who is owed as much.
    for (const price of [1n, 2n]) await kit.agree(kit.rootSubmitted(1000, people[7]!, price));
    expect([...submitters.list(kit.chain.state)].map(([[address]]) => toHex(address))).toEqual(
      kept,
    );
  });

  it('[X4] credit no deposit that would bring a token beyond what a word can count', async () => {
    const kit = await startPayments();
    const most = (1n << 256n) - 1n;
    await kit.agree(kit.depositOf(1, ALICE, most, COIN), kit.depositOf(2, BOB, 1n, COIN));
    expect(outputAt(kit.chain.state, at(1))?.amount).toBe(most);
    expect(outputAt(kit.chain.state, at(2))).toBeUndefined();
  });
});

describe('a chain without payments', () => {
  it('[X4] a section of a genesis document that nobody could pay by begins no chain', () => {
    expect(checkedParams(TEST_PARAMS)).toBe(TEST_PARAMS);
    const cases: readonly (readonly [Partial<PaymentsParams>, string])[] = [
      [{ dialect: 'v3' }, 'no dialect'],
      [{ fees: [] }, 'no token'],
      [{ blockEvery: 0 }, 'at least 1'],
      [{ maxAhead: 0 }, 'at least 1'],
      [{ maxPayments: 0 }, 'maxPayments'],
      [{ maxPayments: 65_532 }, 'maxPayments'],
    ];
    for (const [wrong, why] of cases)
      expect(() => checkedParams({ ...TEST_PARAMS, ...wrong }), why).toThrow(why);
  });

  it('[X4] goes on without them, and says so to whoever pays', async () => {
    const chain = await startChain({
      accounts: { sender: PAL, 'v0-owner': PAL },
      machines: { v0: 'v0-owner' },
      modules: () => [paymentsModule],
    });
    await chain.blocks(3);
    const transaction = pay([at(1)], [ALICE], [[BOB, 98n]]);
    const code = 'payments/not-set-up';
    await chain.expectRefused(code, chain.account('sender'), submitPayment, { transaction });
    const report = { first: 0n, events: [] };
    await chain.expectRefused(code, chain.machine('v0'), reportRoot, report);
    expect(ask('payments.state').run(chain.state, {})).toBeUndefined();
  });
});

describe('agreement on the root chain', () => {
  const weights = [10n, 10n, 10n, 10n];

  it('[X4] takes more than two thirds of the votes for the same words, in order', async () => {
    const kit = await startPayments({ weights });
    const { state } = kit.chain;
    const [one, two] = [kit.depositOf(1, ALICE, 5n), kit.depositOf(2, BOB, 6n)];
    await kit.report(['v0', 'v1'], [one, two]);
    expect(kit.next).toBe(0n);
    await kit.report(['v2'], [kit.depositOf(1, CAROL, 5n), two]);
    // The second has three votes by now, and waits for the first.
    expect([kit.next, outputAt(state, at(2))]).toEqual([0n, undefined]);
    await kit.report(['v3'], [one]);
    expect(kit.next).toBe(2n);
    expect(outputAt(state, at(1))?.owner).toEqual(ALICE.address);
    expect(outputAt(state, at(2))?.owner).toEqual(BOB.address);
  });

  it('[X4] lets a validator correct itself before anything is agreed', async () => {
    const kit = await startPayments({ weights });
    await kit.report(['v0', 'v1', 'v2'], [kit.depositOf(2, CAROL, 5n)]);
    expect(kit.next).toBe(1n);
    await kit.report(['v0', 'v1'], [kit.depositOf(3, ALICE, 5n)]);
    await kit.report(['v1'], [kit.depositOf(3, BOB, 5n)]);
    await kit.report(['v2'], [kit.depositOf(3, ALICE, 5n)]);
    expect(kit.next).toBe(1n);
    await kit.report(['v3', 'v1'], [kit.depositOf(3, BOB, 5n)]);
    expect(kit.next).toBe(1n);
    await kit.report(['v0'], [kit.depositOf(3, BOB, 5n)]);
    expect(outputAt(kit.chain.state, at(3))?.owner).toEqual(BOB.address);
  });

  it('[X4] hears validators with a seat only, and nothing old, malformed or too far ahead', async () => {
    const kit = await startPayments({ maxAhead: 2 });
    const refused = (
      code: string,
      name: string,
      first: bigint,
      events = [kit.depositOf(1, ALICE, 5n)],
    ) =>
      kit.chain.expectRefused(`payments/${code}`, kit.chain.machine(name), reportRoot, {
        first,
        events,
      });
    await refused('not-a-validator', 'stranger', 0n);
    await refused('too-far-ahead', 'v0', 2n);
    await refused('nothing-new', 'v0', 0n, []);
    await refused('bad-report', 'v0', 0n, [kit.exitStarted()]);
    await refused('bad-report', 'v0', 0n, [kit.exitStarted(at(1), at(1))]);
    await refused('bad-report', 'v0', 0n, [kit.exitStarted(5n)]);
    await refused('bad-report', 'v0', 0n, [{ ...kit.exitStarted(at(1)), kind: 9 }]);
    await kit.agree(kit.depositOf(1, ALICE, 5n));
    await refused('nothing-new', 'v0', 0n);
  });
});
