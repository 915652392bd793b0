import { exactJson, fromHex, isRefusal, MemoryStore } from '@palisade/core';
import { silentLogger } from '@palisade/daemon';
import {
  BlockTree,
  decodeSigned,
  encodeSigned,
  encodeTransaction,
  feeClaimOf,
  v2,
} from '@palisade/payments';
import { describe, expect, it } from 'vitest';
import {
  ALICE,
  at,
  BOB,
  CAROL,
  CLAIMER,
  COIN,
  DOMAIN,
  ETHER,
  pay,
  payment,
  recover,
  sign,
} from '../../../payments/test/wallets.ts';
import { TestChain } from '../../test/child-chain.ts';
import { BlockStore } from '../blocks/block-store.ts';
import { Transactions } from '../blocks/transactions.ts';
import { ExitTable } from '../exits/exit-table.ts';
import { Books } from '../ledger/books.ts';
import { LedgerFollower } from '../ledger/follow-ledger.ts';
import { type Evidence, parseEvidence } from './bundle.ts';
import { checkEvidence } from './check.ts';
import { collectEvidence } from './collect.ts';

const FRAMEWORK = `0x${'f0'.repeat(20)}`;
const PATIENCE_MS = 60_000;

/** Alice has two deposits, 10 and 5; Bob was paid one by her, 7, in block 1000. Block 2000 is to be wrong. */
function story() {
  const chain = new TestChain();
  chain.deposit(ALICE, 10n);
  chain.deposit(ALICE, 5n);
  chain.deposit(ALICE, 7n);
  const older = pay([at(3)], [ALICE], [[BOB, 7n]]);
  chain.block([older]);
  return { chain, older };
}

type Story = ReturnType<typeof story>;

/** A watcher that has read everything; time passes once, so that patience can end. */
async function watched({ chain }: Story) {
  const store = new MemoryStore();
  const blocks = new BlockStore(store);
  const transactions = new Transactions(blocks, v2);
  const table = new ExitTable(v2);
  const books = new Books();
  let now = 1_000_000;
  const follower = new LedgerFollower({
    ...{ books, blocks, store, childChain: chain.api, patienceMs: PATIENCE_MS },
    judging: { domain: DOMAIN, recover },
    clock: { nowMs: () => now },
    payoutOf: (fact) => table.payoutOf(fact, (hash) => blocks.placeOfTx(hash)),
    ...{ onInvalidPayout: () => {}, onBlock: () => {}, log: silentLogger },
  });
  for (const fact of chain.facts) {
    table.apply(fact);
    if (fact.event.name === 'DepositCreated') transactions.noteDeposit(fact as never);
  }
  follower.push(chain.facts);
  await follower.advance();
  now += 2 * PATIENCE_MS;
  await follower.advance();
  const watch = {
    ...{ blocks, transactions, table, books, follower },
    findings: { challenges: [] } as never,
    parts: { dialect: v2, root: { contracts: { framework: FRAMEWORK } } },
  };
  const documents = collectEvidence(watch).map((one) => parseEvidence(exactJson(one)));
  return { standstill: follower.standstill, documents };
}

const rawOf = (signed: Uint8Array) => {
  const decoded = decodeSigned(v2, signed);
  if (isRefusal(decoded)) throw new Error(decoded.message);
  return encodeTransaction(decoded.transaction);
};
const commit = (signed: readonly Uint8Array[]) => (one: Story) =>
  void one.chain.wrongBlock(signed, signed.map(rawOf));
type Claim = { readonly token?: Uint8Array; readonly blknum?: number };
const claim = (amount: bigint, { token = ETHER, blknum = 2000 }: Claim = {}) =>
  encodeSigned(feeClaimOf(blknum, CLAIMER.address, token, amount), []);
const honest = pay([at(1)], [ALICE], [[BOB, 10n]]);
/** It leaves a fee of 2. */
const paying = pay([at(1)], [ALICE], [[BOB, 8n]]);
const CHILD = /block\.get of the child chain/;

/** Answers of the child chain to the question for block 2000, each wrong in its way. */
const lie =
  (change: (block: { number: number; hash: Uint8Array; transactions: Uint8Array[] }) => object) =>
  (one: Story) => {
    one.chain.block([honest]);
    const [root, block] = [...one.chain.bodies].at(-1)!;
    one.chain.bodies.set(root, { ...block, ...change(block as never) });
  };

type Kind = {
  readonly deed: (one: Story) => void;
  readonly error: string;
  readonly code?: string;
  /** What the root chain, or the child chain, is asked for besides the root of the block. */
  readonly asks?: RegExp;
};

const malformed = fromHex('0xc0');
const KINDS: Readonly<Record<string, Kind>> = {
  'has another number': {
    deed: lie(() => ({ number: 3000 })),
    error: 'bad_returned_number',
    asks: CHILD,
  },
  'has another hash': {
    deed: lie(() => ({ hash: new Uint8Array(32) })),
    error: 'bad_returned_hash',
    asks: CHILD,
  },
  'is not under its root': {
    deed: lie(() => ({ transactions: [] })),
    error: 'incorrect_hash',
    asks: CHILD,
  },
  'cannot be read': {
    deed: lie(() => ({ transactions: [malformed] })),
    ...{ error: 'tx_decoding', code: 'malformed_transaction', asks: CHILD },
  },
  'lacks a signature': {
    deed: lie(() => ({ transactions: [encodeSigned(payment([at(1)], [[BOB, 10n]]), [])] })),
    ...{ error: 'tx_decoding', code: 'missing_signature', asks: CHILD },
  },
  'has a void signature': {
    deed: lie(() => ({
      transactions: [encodeSigned(payment([at(1)], [[BOB, 10n]]), [new Uint8Array(65).fill(7)])],
    })),
    ...{ error: 'tx_decoding', code: 'signature_corrupt', asks: CHILD },
  },
  'has a signature too many': {
    deed: lie(() => ({ transactions: [sign(payment([at(1)], [[BOB, 10n]]), [ALICE, BOB])] })),
    ...{ error: 'tx_decoding', code: 'superfluous_signature', asks: CHILD },
  },
  'makes money from nothing': {
    deed: commit([pay([], [], [[BOB, 1n]])]),
    ...{ error: 'tx_decoding', code: 'empty_inputs' },
  },
  'names an input twice': {
    deed: commit([pay([at(1), at(1)], [ALICE, ALICE], [[BOB, 20n]])]),
    ...{ error: 'tx_decoding', code: 'duplicate_inputs' },
  },
  'makes an output of nothing': {
    deed: commit([pay([at(1)], [ALICE], [[BOB, 0n]])]),
    ...{ error: 'tx_decoding', code: 'amount_cant_be_zero' },
  },
  'makes an output of another type': {
    deed: (one) => {
      const odd = payment([at(1)], [[BOB, 10n]]);
      const typed = { ...odd, outputs: odd.outputs.map((output) => ({ ...output, type: 2 })) };
      commit([sign(typed, [ALICE])])(one);
    },
    ...{ error: 'tx_decoding', code: 'unrecognized_output_type' },
  },
  'spends what an older block has spent': {
    deed: commit([honest, pay([at(3)], [ALICE], [[CAROL, 7n]])]),
    ...{ error: 'tx_execution', code: 'utxo_not_found', asks: /blocks\(1000\)/ },
  },
  'spends what it has spent itself': {
    deed: commit([honest, pay([at(1)], [ALICE], [[CAROL, 10n]])]),
    ...{ error: 'tx_execution', code: 'utxo_not_found' },
  },
  'spends an output that a transaction does not have': {
    deed: commit([pay([at(1000, 0, 1)], [BOB], [[CAROL, 7n]])]),
    ...{ error: 'tx_execution', code: 'utxo_not_found', asks: /blocks\(1000\).*root must be/ },
  },
  'spends of a transaction that a block does not have': {
    deed: commit([pay([at(1000, 5)], [BOB], [[CAROL, 7n]])]),
    ...{ error: 'tx_execution', code: 'utxo_not_found', asks: /blocks\(1000\).*root must be/ },
  },
  'spends of a block that there is not': {
    deed: commit([pay([at(500)], [BOB], [[CAROL, 7n]])]),
    ...{ error: 'tx_execution', code: 'utxo_not_found', asks: /blocks\(500\).*must be none/ },
  },
  'spends what comes after it in the same block': {
    deed: commit([pay([at(2000, 1)], [BOB], [[CAROL, 10n]]), honest]),
    ...{ error: 'tx_execution', code: 'utxo_not_found' },
  },
  'spends of a block to come': {
    deed: commit([pay([at(2001)], [BOB], [[CAROL, 7n]])]),
    ...{ error: 'tx_execution', code: 'input_utxo_ahead_of_state' },
  },
  'spends what left by an exit': {
    deed: (one) => {
      const { chain } = one;
      const exit = { exitId: 9n, utxoPos: at(1) };
      const outputTx = rawOf(encodeSigned(payment([], [[ALICE, 10n]]), []));
      chain.fact({ name: 'ExitStarted', owner: ALICE.address, outputTx, ...exit });
      chain.fact({ name: 'ExitFinalized', exitId: 9n });
      commit([honest])(one);
    },
    ...{ error: 'tx_execution', code: 'utxo_not_found', asks: /isOutputFinalized/ },
  },
  "spends what is not its signer's": {
    deed: commit([pay([at(1)], [BOB], [[BOB, 10n]])]),
    ...{ error: 'tx_execution', code: 'unauthorized_spend', asks: CHILD },
  },
  'pays out more than it spends': {
    deed: commit([pay([at(1)], [ALICE], [[BOB, 11n]])]),
    ...{ error: 'tx_execution', code: 'amounts_do_not_add_up' },
  },
  'claims a fee that nobody left': {
    deed: commit([honest, claim(1n)]),
    ...{ error: 'tx_execution', code: 'surplus_in_token_not_collected' },
  },
  'claims a fee in another token': {
    deed: commit([paying, claim(2n, { token: COIN })]),
    ...{ error: 'tx_execution', code: 'surplus_in_token_not_collected' },
  },
  'claims a fee twice': {
    deed: commit([paying, claim(2n), claim(2n)]),
    ...{ error: 'tx_execution', code: 'surplus_in_token_not_collected' },
  },
  'claims more than was left': {
    deed: commit([paying, claim(3n)]),
    ...{ error: 'tx_execution', code: 'claimed_and_collected_amounts_mismatch' },
  },
  'claims a fee in the name of another block': {
    deed: commit([paying, claim(2n, { blknum: 1000 })]),
    ...{ error: 'tx_execution', code: 'malformed_nonce' },
  },
  'pays after claiming fees': {
    deed: commit([paying, claim(2n), pay([at(2)], [ALICE], [[BOB, 5n]])]),
    ...{ error: 'tx_execution', code: 'payments_rejected_during_fee_claiming' },
  },
};

describe('a block that breaks the rules', () => {
  it.each(Object.keys(KINDS))(
    '[X7] because it %s is found, and shown to who trusts nobody',
    async (name) => {
      const { deed, error, code, asks } = KINDS[name]!;
      const one = story();
      deed(one);
      const { standstill, documents } = await watched(one);
      expect(standstill).toMatchObject({
        kind: 'invalid_block',
        block: { blknum: 2000, error, ...(code ? { refusal: { code: `payments/${code}` } } : {}) },
      });
      expect(documents).toHaveLength(1);
      const report = checkEvidence(documents[0]!);
      expect(report).toMatchObject({ holds: true, finding: expect.stringContaining('Block 2000') });
      expect(report.toAsk[0]).toMatch(/^blocks\(2000\)/);
      if (asks) expect(report.toAsk.slice(1).join('\n')).toMatch(asks);
      else expect(report.toAsk.join('\n')).not.toMatch(CHILD);
    },
  );

  it('[X7] is no block that keeps them, whatever is left out or made up', async () => {
    const one = story();
    commit([honest, pay([at(1)], [ALICE], [[CAROL, 10n]])])(one);
    const { documents } = await watched(one);
    const wrong = documents[0] as Extract<Evidence, { kind: 'invalid_block' }>;
    const root = BlockTree.of([rawOf(honest)]).root;
    const right: typeof wrong = {
      ...{ ...wrong, root, answered: { number: 2000, hash: root } },
      ...{ transactions: [honest], txindex: 0 },
    };
    const [made] = right.made;
    const lies: readonly (readonly [Partial<typeof right>, RegExp])[] = [
      [{}, /Nothing is wrong/],
      [{ txindex: null }, /none of them is named/],
      [{ txindex: 7 }, /No transaction/],
      [{ transactions: [paying] }, /not those under this root/],
      [{ made: [{ ...made!, proof: new Uint8Array(512) }] }, /not under the root that is shown/],
      [{ made: [{ ...made!, raw: new Uint8Array(32) }] }, /not under the root that is shown/],
    ];
    for (const [change, why] of lies)
      expect(checkEvidence({ ...right, ...change })).toMatchObject({
        holds: false,
        finding: expect.stringMatching(why),
      });
    // Who takes everything on trust would be told to ask for what is not so.
    expect(checkEvidence({ ...right, made: [] }).toAsk).toContain(
      'blocks(1) of the framework: there must be none.',
    );
    // Whichever output of the transaction that made it the document names.
    for (const position of [at(1), at(1, 0, 1)]) {
      const shown = { ...right, made: [{ ...made!, position }], left: [at(1)] };
      expect(checkEvidence(shown).toAsk.join()).toMatch(/isOutputFinalized/);
    }
  });

  it('[X7] or is not handed out, is told of with its root, to be asked for again', async () => {
    const one = story();
    one.chain.block([honest]);
    one.chain.withheld.add([...one.chain.bodies.keys()].at(-1)!);
    const { standstill, documents } = await watched(one);
    expect(standstill).toMatchObject({ kind: 'missing_block', withheld: true });
    const report = checkEvidence(documents[0]!);
    expect(report).toMatchObject({
      holds: true,
      finding: expect.stringContaining('not handed out'),
    });
    expect(report.toAsk.join('\n')).toMatch(CHILD);
  });
});
