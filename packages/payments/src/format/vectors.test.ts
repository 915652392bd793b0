// Known answers, checked against the deployed contracts of both versions: spec/vectors/exits.json.
import { readFileSync } from 'node:fs';
import { equalBytes, fromHex, isRefusal, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import { describe, expect, it } from 'vitest';
import { DIALECTS, type Dialect, isInFlight, v1, v2 } from '../dialect/index.ts';
import { exitPriority, inFlightExitId, standardExitId } from './ids.ts';
import { BlockTree, EMPTY_SUBTREES, isIncluded } from './merkle.ts';
import { depositBlockOf, isDepositBlock, isPosition, placeOf, positionOf } from './position.ts';
import {
  decodeSigned,
  decodeTransaction,
  depositOf,
  encodeSigned,
  encodeTransaction,
  hashOf,
  type Payment,
} from './transaction.ts';
import { paymentDomain, signingDigest } from './typed-data.ts';

const known = JSON.parse(
  readFileSync(new URL('../../../../spec/vectors/exits.json', import.meta.url), 'utf8'),
);
const both = Object.values(DIALECTS);
const ETHER = new Uint8Array(20);
const alice = fromHex(known.alice.toLowerCase());
const bob = fromHex(known.bob.toLowerCase());
const raw = fromHex(known.payment.txbytes);
const deposit = fromHex(known.deposit.txbytes);

function paymentOf(dialect: Dialect, bytes: Uint8Array): Payment {
  const decoded = decodeTransaction(dialect, bytes);
  if (isRefusal(decoded) || decoded.type !== 1) throw new Error('this is a payment');
  return decoded;
}

describe('what deployed contracts answer', () => {
  it('[X16] a payment decodes, encodes to the same bytes, and has the hash that contracts know', () => {
    for (const dialect of both) {
      const payment = paymentOf(dialect, raw);
      expect(payment.inputs).toEqual([1_000_000_000n]);
      expect(payment.outputs.map(({ amount }) => amount)).toEqual([
        6n * 10n ** 17n,
        4n * 10n ** 17n,
      ]);
      expect(payment.outputs.map(({ owner }) => toHex(owner))).toEqual([toHex(bob), toHex(alice)]);
      expect(toHex(encodeTransaction(payment))).toBe(known.payment.txbytes);
    }
    expect(toHex(hashOf(raw))).toBe(known.payment.txhash);
  });

  it('[X16] a deposit is the payment without inputs that the vaults demand', () => {
    expect(toHex(encodeTransaction(depositOf(alice, ETHER, 10n ** 18n)))).toBe(
      known.deposit.txbytes,
    );
    expect(toHex(hashOf(deposit))).toBe(known.deposit.txhash);
    expect(positionOf({ blknum: 1, txindex: 0, oindex: 0 })).toBe(BigInt(known.deposit.position));
  });

  it('[X16] the digest of a payment is what wallets sign, in either dialect', () => {
    for (const dialect of both) {
      const domain = paymentDomain(dialect, fromHex(known.framework.toLowerCase()));
      const digest = signingDigest(domain, paymentOf(dialect, raw));
      expect(toHex(digest)).toBe(known.payment[`eip712_${dialect.name}`]);
      const signature = fromHex(known.payment[`sig_${dialect.name}`]);
      expect(equalBytes(secp256k1.recover(digest, signature)!, alice)).toBe(true);
      const signed = decodeSigned(dialect, encodeSigned(paymentOf(dialect, raw), [signature]));
      expect(isRefusal(signed) ? signed : toHex(signed.raw)).toBe(known.payment.txbytes);
    }
  });

  it('[X16] roots, proofs and the hashes of unused subtrees are those of the contracts', () => {
    expect(EMPTY_SUBTREES.map(toHex)).toEqual(known.null_subtree_hashes_level0_to_16);
    expect(toHex(BlockTree.of([]).root)).toBe(known.empty_block_root);
    const alone = BlockTree.of([deposit]);
    expect(toHex(alone.root)).toBe(known.deposit.block_root);
    expect(toHex(alone.proof(0))).toBe(known.deposit.proof);
    expect(toHex(BlockTree.of([raw]).root)).toBe(known.payment.block_root_single);
    const two = BlockTree.of(known.two_tx_block.txs.map(fromHex));
    expect(toHex(two.root)).toBe(known.two_tx_block.root);
    expect(toHex(two.proof(1))).toBe(known.two_tx_block.proof1);
  });

  it('[X16] exits have the numbers that contracts give them', () => {
    const at = (blknum: number, oindex: number) => positionOf({ blknum, txindex: 0, oindex });
    const { payment } = known;
    expect(`${standardExitId(v1, deposit, at(1, 0))}`).toBe(known.deposit.exit_id_v1);
    expect(`${standardExitId(v2, deposit, at(1, 0))}`).toBe(known.deposit.exit_id_v2);
    expect(`${standardExitId(v1, raw, at(1000, 0))}`).toBe(payment.exit_id_out0_at_1000_v1);
    expect(`${standardExitId(v1, raw, at(1000, 1))}`).toBe(payment.exit_id_out1_at_1000_v1);
    expect(`${standardExitId(v2, raw, at(1000, 1))}`).toBe(payment.exit_id_out1_at_1000_v2);
    expect(`${inFlightExitId(v1, raw)}`).toBe(payment.ife_id_v1);
    expect(`${inFlightExitId(v2, raw)}`).toBe(payment.ife_id_v2);
    for (const dialect of both) {
      expect(isInFlight(dialect, inFlightExitId(dialect, raw))).toBe(true);
      expect(isInFlight(dialect, standardExitId(dialect, raw, at(1000, 1)))).toBe(false);
    }
  });

  it('[X16] exits have the priorities that contracts give them', () => {
    const position = positionOf({ blknum: 1000, txindex: 0, oindex: 1 });
    const priority = (dialect: Dialect) =>
      exitPriority(dialect, {
        exitableAt: 1_795_219_671n,
        position,
        exitId: standardExitId(dialect, raw, position),
      });
    expect(`${priority(v1)}`).toBe(known.payment.priority_v1_exitableAt_1795219671);
    expect(`${priority(v2)}`).toBe(known.payment.priority_v2);
  });
});

describe('positions', () => {
  it('[X16] beyond 2^53 keep every digit', () => {
    const place = { blknum: 9_007_201_000, txindex: 65_535, oindex: 3 };
    expect(positionOf(place)).toBe(9_007_201_000_655_350_003n);
    expect(placeOf(9_007_201_000_655_350_003n)).toEqual(place);
  });

  it('[X16] name a block that the dialect can order, and a leaf that the tree has', () => {
    for (const dialect of both) {
      const last = { blknum: dialect.maxBlockNumber, txindex: 65_535, oindex: 9_999 };
      expect(isPosition(dialect, positionOf(last))).toBe(true);
      expect(isPosition(dialect, positionOf({ ...last, txindex: 65_536 }))).toBe(false);
      expect(isPosition(dialect, positionOf({ ...last, blknum: last.blknum + 1 }))).toBe(false);
      expect(isPosition(dialect, 999_999_999n)).toBe(false);
    }
    expect([v1.maxBlockNumber, v2.maxBlockNumber]).toEqual([180_143_985_094, 720_575_940_378]);
  });

  it('[X16] of deposits lie between child blocks; the thousandth of an interval has none', () => {
    expect(depositBlockOf(1000, 1)).toBe(1);
    expect(depositBlockOf(5000, 999)).toBe(4999);
    expect(depositBlockOf(5000, 1000)).toBeUndefined();
    expect([1, 999, 1000, 1001].map(isDepositBlock)).toEqual([true, true, false, true]);
  });
});

describe('proofs', () => {
  it('[X16] show what is in a block and nothing else', () => {
    const txs = Array.from({ length: 37 }, (_, i) => Uint8Array.of(1, i, 7));
    const tree = BlockTree.of(txs);
    for (const [i, tx] of txs.entries()) {
      const proof = tree.proof(i);
      expect(isIncluded(tree.root, tx, i, proof)).toBe(true);
      expect(isIncluded(tree.root, tx, i + 1, proof)).toBe(false);
      expect(isIncluded(tree.root, txs[(i + 1) % 37]!, i, proof)).toBe(false);
      proof[(i * 53) % 512]! ^= 1;
      expect(isIncluded(tree.root, tx, i, proof)).toBe(false);
      expect(isIncluded(tree.root, tx, i, proof.subarray(1))).toBe(false);
    }
    expect(isIncluded(tree.root, txs[0]!, 65_536, tree.proof(0))).toBe(false);
  });
});
