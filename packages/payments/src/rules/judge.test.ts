import { fromHex, isRefusal, type Refusal } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import {
  ALICE,
  at,
  BOB,
  CAROL,
  CLAIMER,
  COIN,
  DOMAIN,
  deposit,
  ETHER,
  open,
  pay,
  payment,
  recover,
  sign,
  type To,
} from '../../test/wallets.ts';
import { BlockFormer, judgeBlock, MAX_PAYMENTS, openClaim } from '../block/child-block.ts';
import { encodeSigned, feeClaimOf } from '../format/transaction.ts';
import { Ledger } from '../ledger/ledger.ts';
import { feeTable } from './fees.ts';
import { judge, openBlock } from './judge.ts';
import { openTransaction } from './open.ts';

const codeOf = (result: unknown): string =>
  isRefusal(result as Refusal) ? (result as Refusal).code.slice('payments/'.length) : 'fine';

/** Two outputs of Alice's, one of Bob's, one of Alice's in another token. */
function someOutputs(): Ledger {
  const ledger = new Ledger();
  deposit(ledger, 1, ALICE, 100n);
  deposit(ledger, 2, ALICE, 50n);
  deposit(ledger, 3, BOB, 70n);
  deposit(ledger, 4, ALICE, 30n, COIN);
  return ledger;
}

const FEES = [
  feeTable([[ETHER, 2n]]),
  feeTable([
    [ETHER, 1n],
    [COIN, 5n],
  ]),
];
const demands = { fees: FEES, maxTxs: MAX_PAYMENTS };

function verdict(signed: Uint8Array, block = openBlock(1000)): string {
  return codeOf(judge(someOutputs(), block, open(signed), demands));
}

describe('a transaction by itself', () => {
  const opening = (bytes: Uint8Array) => codeOf(openTransaction(DOMAIN, bytes, recover));

  it('[X16] names who signed for each input', () => {
    const opened = open(pay([at(1), at(3)], [ALICE, BOB], [[CAROL, 5n]]));
    expect(opened.signers).toEqual([ALICE.address, BOB.address]);
    // Plain data: what a thread has opened can be handed to another.
    expect(structuredClone(opened)).toEqual(opened);
  });

  it('[X16] is refused with the name that the reference gives to what is wrong', () => {
    const one = payment([at(1)], [[BOB, 1n]]);
    expect(opening(encodeSigned(one, []))).toBe('missing_signature');
    expect(opening(encodeSigned(one, [new Uint8Array(65)]))).toBe('missing_signature');
    expect(opening(sign(one, [ALICE, BOB]))).toBe('superfluous_signature');
    expect(opening(encodeSigned(one, [new Uint8Array(65).fill(7)]))).toBe('signature_corrupt');
    expect(opening(pay([], [], [[BOB, 1n]]))).toBe('empty_inputs');
    expect(opening(pay([at(1), at(1)], [ALICE, ALICE], [[BOB, 1n]]))).toBe('duplicate_inputs');
    expect(opening(pay([at(1)], [ALICE], [[BOB, 0n]]))).toBe('amount_cant_be_zero');
    const typed = { ...one, outputs: [{ ...one.outputs[0]!, type: 2 }] };
    expect(opening(sign(typed, [ALICE]))).toBe('unrecognized_output_type');
    expect(opening(fromHex('0xc0'))).toBe('malformed_transaction');
    expect(opening(fromHex('0x8180'))).toBe('malformed_transaction');
    expect(opening(fromHex('0xb9'))).toBe('malformed_transaction_rlp');
    expect(opening(fromHex('0xc2c002'))).toBe('unrecognized_transaction_type');
  });

  it('[X16] is not the same in the domain of another contract', () => {
    const elsewhere = { ...DOMAIN, separator: new Uint8Array(32) };
    const opened = openTransaction(elsewhere, pay([at(1)], [ALICE], [[BOB, 1n]]), recover);
    expect(isRefusal(opened) ? [] : opened.signers).not.toContainEqual(ALICE.address);
  });
});

describe('a payment among outputs', () => {
  it('[X4] spends what is there, once, by its owner, and makes no money', () => {
    expect(verdict(pay([at(1)], [ALICE], [[BOB, 98n]]))).toBe('fine');
    expect(verdict(pay([at(9)], [ALICE], [[BOB, 98n]]))).toBe('utxo_not_found');
    expect(verdict(pay([at(1)], [BOB], [[BOB, 98n]]))).toBe('unauthorized_spend');
    // Each signs for its own input: the order counts.
    expect(verdict(pay([at(1), at(3)], [BOB, ALICE], [[CAROL, 168n]]))).toBe('unauthorized_spend');
    expect(verdict(pay([at(1)], [ALICE], [[BOB, 101n]]))).toBe('amounts_do_not_add_up');
    const swap: readonly To[] = [
      [BOB, 98n],
      [BOB, 1n, COIN],
    ];
    expect(verdict(pay([at(1)], [ALICE], swap))).toBe('amounts_do_not_add_up');
  });

  it('[X4] may spend an output of its own block, but none of a later one', () => {
    expect(verdict(pay([at(1000)], [ALICE], [[BOB, 1n]]))).toBe('utxo_not_found');
    expect(verdict(pay([at(1001)], [ALICE], [[BOB, 1n]]))).toBe('input_utxo_ahead_of_state');
    const former = new BlockFormer(someOutputs(), 1000);
    expect(former.add(open(pay([at(1)], [ALICE], [[BOB, 100n]])))).toEqual({ txindex: 0 });
    expect(former.add(open(pay([at(1000)], [BOB], [[CAROL, 100n]])))).toEqual({ txindex: 1 });
    const again = former.add(open(pay([at(1)], [ALICE], [[CAROL, 100n]])));
    expect(codeOf(again)).toBe('utxo_not_found');
  });

  it('[X16] pays the fee that is in force or was a moment ago, in one token, exactly', () => {
    const leaving = (left: bigint) => verdict(pay([at(1)], [ALICE], [[BOB, 100n - left]]));
    expect([leaving(2n), leaving(1n)]).toEqual(['fine', 'fine']);
    expect([leaving(0n), leaving(3n)]).toEqual(['fees_not_covered', 'overpaying_fees']);
    const both = [at(1), at(4)];
    const owners = [ALICE, ALICE];
    const inCoin = (coin: bigint, ether: bigint) =>
      verdict(
        pay(both, owners, [
          [BOB, 100n - ether],
          [BOB, 30n - coin, COIN],
        ]),
      );
    expect(inCoin(5n, 0n)).toBe('fine');
    expect(inCoin(4n, 0n)).toBe('fees_not_covered');
    expect(inCoin(5n, 2n)).toBe('multiple_potential_currency_fees');
    const unknown = [feeTable([[COIN, 5n]])];
    const opened = open(pay([at(1)], [ALICE], [[BOB, 98n]]));
    const judged = judge(someOutputs(), openBlock(1000), opened, { ...demands, fees: unknown });
    expect(codeOf(judged)).toBe('fees_not_covered');
  });

  it('[X16] costs nothing when it joins outputs of one owner and token, and then leaves nothing', () => {
    const own = [at(1), at(2)];
    const owners = [ALICE, ALICE];
    expect(verdict(pay(own, owners, [[ALICE, 150n]]))).toBe('fine');
    expect(verdict(pay(own, owners, [[ALICE, 148n]]))).toBe('overpaying_fees');
    expect(verdict(pay(own, owners, [[BOB, 150n]]))).toBe('fees_not_covered');
    expect(
      verdict(
        pay(own, owners, [
          [ALICE, 100n],
          [ALICE, 50n],
        ]),
      ),
    ).toBe('fees_not_covered');
    const strangers = pay([at(1), at(3)], [ALICE, BOB], [[ALICE, 170n]]);
    expect(verdict(strangers)).toBe('fees_not_covered');
  });

  it('[X4] does not fit a full block; a former keeps room to claim what it collected', () => {
    const one = pay([at(1)], [ALICE], [[BOB, 98n]]);
    const block = (count: number, tokens = 0) => ({
      ...openBlock(1000),
      count,
      collected: new Map(Array.from({ length: tokens }, (_, i) => [`${i}`, 1n])),
    });
    expect(verdict(one, block(65_530))).toBe('fine');
    expect(verdict(one, block(65_531))).toBe('too_many_transactions_in_block');
    expect(verdict(one, block(65_529, 2))).toBe('too_many_transactions_in_block');
    const judged = (count: number) => codeOf(judge(someOutputs(), block(count), open(one)));
    expect([judged(65_535), judged(65_536)]).toEqual(['fine', 'too_many_transactions_in_block']);
  });
});

describe('fee claims', () => {
  const paid = open(pay([at(1)], [ALICE], [[BOB, 98n]]));

  function claiming(blknum: number, token: Uint8Array, amount: bigint): string {
    const former = new BlockFormer(someOutputs(), 1000);
    former.add(paid);
    return codeOf(former.add(openClaim(blknum, CLAIMER.address, token, amount)));
  }

  it('[X7] take exactly what the block collected, in its own name', () => {
    expect(claiming(1000, ETHER, 2n)).toBe('fine');
    expect(claiming(1000, ETHER, 1n)).toBe('claimed_and_collected_amounts_mismatch');
    expect(claiming(1000, COIN, 2n)).toBe('surplus_in_token_not_collected');
    expect(claiming(2000, ETHER, 2n)).toBe('malformed_nonce');
  });

  it('[X7] come once, and after all payments', () => {
    const former = new BlockFormer(someOutputs(), 1000);
    former.add(paid);
    former.claimFees(CLAIMER.address);
    const again = openClaim(1000, CLAIMER.address, ETHER, 2n);
    expect(codeOf(former.add(again))).toBe('surplus_in_token_not_collected');
    const late = former.add(open(pay([at(3)], [BOB], [[CAROL, 68n]])));
    expect(codeOf(late)).toBe('payments_rejected_during_fee_claiming');
    const block = former.close();
    expect(block.transactions).toHaveLength(2);
    const [claimed] = block.effects[1]!.created;
    expect(claimed).toEqual({
      position: at(1000, 1),
      output: { type: 2, owner: CLAIMER.address, token: ETHER, amount: 2n },
    });
  });
});

describe('a block of somebody else', () => {
  const judging = { domain: DOMAIN, recover };
  const payments = [pay([at(1)], [ALICE], [[BOB, 98n]]), pay([at(3)], [BOB], [[CAROL, 70n]])];
  const claim = encodeSigned(feeClaimOf(1000, CLAIMER.address, ETHER, 2n), []);
  const rootOf = (transactions: readonly Uint8Array[]) => {
    const former = new BlockFormer(someOutputs(), 1000);
    for (const bytes of transactions) former.add(open(bytes));
    return former.close().tree.root;
  };
  const errorOf = (
    transactions: readonly Uint8Array[],
    change: { number?: number; hash?: Uint8Array; expected?: Uint8Array } = {},
  ) => {
    const hash = change.expected ?? rootOf(transactions);
    const judged = judgeBlock(
      judging,
      someOutputs(),
      { number: 1000, hash },
      {
        number: change.number ?? 1000,
        hash: change.hash ?? hash,
        transactions,
      },
    );
    return 'error' in judged ? `${judged.error} ${judged.refusal?.code ?? ''}`.trim() : 'fine';
  };

  it('[X7] is fine whatever fees its payments leave, as long as claims match', () => {
    expect(errorOf(payments)).toBe('fine');
    expect(errorOf([...payments, claim])).toBe('fine');
  });

  it('[X7] is invalid with the reason and the transaction that anybody can check again', () => {
    expect(errorOf(payments, { number: 2000 })).toBe('bad_returned_number');
    expect(errorOf(payments, { hash: new Uint8Array(32) })).toBe('bad_returned_hash');
    expect(errorOf(payments, { expected: new Uint8Array(32) })).toBe('incorrect_hash');
    expect(errorOf([fromHex('0xc0')], { expected: new Uint8Array(32) })).toBe(
      'tx_decoding payments/malformed_transaction',
    );
    expect(errorOf([payments[0]!, payments[0]!])).toBe('tx_execution payments/utxo_not_found');
    expect(errorOf([claim])).toBe('tx_execution payments/surplus_in_token_not_collected');
    expect(errorOf([payments[0]!, claim, payments[1]!])).toBe(
      'tx_execution payments/payments_rejected_during_fee_claiming',
    );
  });
});
