/**
 * A child chain in memory, with the facts that the root chain would tell of it: people deposit, pay, and an operator
 * makes blocks, honest or not.
 *
 * @example
 * const chain = new TestChain();
 * const coin = chain.deposit(ALICE, 10n);
 * const [paid] = chain.block([pay([coin], [ALICE], [[BOB, 10n]])]);
 */
import { concat, isRefusal, toHex, u64be } from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';
import {
  BlockFormer,
  BlockTree,
  Ledger,
  openTransaction,
  type Position,
  positionOf,
  type ReceivedBlock,
  type SigningDomain,
} from '@palisade/payments';
import { DOMAIN, ETHER, type Person, recover } from '../../payments/test/wallets.ts';
import type { ChildChain } from '../src/blocks/child-chain.ts';
import type { RootEvent, RootFact } from '../src/root/facts.ts';

const GENESIS_SECONDS = 1_700_000_000;
/** Root-chain blocks are this far apart. */
export const ROOT_BLOCK_SECONDS = 12;

export function secondsAt(height: number): number {
  return GENESIS_SECONDS + height * ROOT_BLOCK_SECONDS;
}

export class TestChain {
  /** What an honest operator has. */
  readonly ledger = new Ledger();
  readonly facts: RootFact[] = [];
  readonly bodies = new Map<string, ReceivedBlock>();
  /** Hashes of blocks that are not handed out. */
  readonly withheld = new Set<string>();
  /** Calls for blocks so far. */
  asked = 0;
  height = 1;
  next = 1000;
  private deposits = 1;
  private readonly domain: SigningDomain;

  constructor(domain: SigningDomain = DOMAIN) {
    this.domain = domain;
  }

  /** A fact in a root-chain block of its own. */
  fact(event: RootEvent): RootFact {
    const { height } = this;
    this.height++;
    const txHash = keccak256(u64be(BigInt(height)));
    const fact = { height, index: 0, txHash, event };
    this.facts.push(fact);
    return fact;
  }

  deposit(who: Person, amount: bigint, token: Uint8Array = ETHER): Position {
    const blknum = this.next - 1000 + this.deposits++;
    this.fact({ name: 'DepositCreated', depositor: who.address, blknum, token, amount });
    const position = positionOf({ blknum, txindex: 0, oindex: 0 });
    this.ledger.create(position, { type: 1, owner: who.address, token, amount });
    return position;
  }

  /** A block of signed payments, by the rules; answers the position of each one's first output. */
  block(signed: readonly Uint8Array[]): readonly Position[] {
    const former = new BlockFormer(this.ledger, this.next);
    const positions = signed.map((bytes) => {
      const opened = openTransaction(this.domain, bytes, recover);
      if (isRefusal(opened)) throw new Error(opened.message);
      const added = former.add(opened);
      if (isRefusal(added)) throw new Error(added.message);
      return positionOf({ blknum: this.next, txindex: added.txindex, oindex: 0 });
    });
    const { tree, effects } = former.close();
    for (const one of effects) this.ledger.apply(one);
    this.submit(tree.root, signed);
    return positions;
  }

  /** A block of anything that can be read, committed by its true root. */
  wrongBlock(signed: readonly Uint8Array[], raws: readonly Uint8Array[]): number {
    return this.submit(BlockTree.of(raws).root, signed);
  }

  /** What the root chain told after so many facts is void. The operator keeps its ledger: use `wrongBlock` from then on. */
  takeBack(facts: number): void {
    this.facts.length = facts;
    const submitted = this.facts.filter(({ event }) => event.name === 'BlockSubmitted').length;
    this.next = 1000 * (submitted + 1);
    this.height = (this.facts.at(-1)?.height ?? 0) + 1;
  }

  private submit(root: Uint8Array, signed: readonly Uint8Array[]): number {
    const number = this.next;
    this.bodies.set(toHex(root), { number, hash: root, transactions: signed });
    this.next += 1000;
    this.deposits = 1;
    this.fact({ name: 'BlockSubmitted', blknum: number, root, seconds: secondsAt(this.height) });
    return number;
  }

  /** Its public API. */
  readonly api: ChildChain = {
    block: async (hash) => {
      this.asked++;
      const name = toHex(hash);
      return this.withheld.has(name) ? undefined : this.bodies.get(name);
    },
    forward: async () => ({ success: true, data: {} }),
  };
}

/** The outputs of two ledgers, in one order. */
export function contents(ledger: Ledger): readonly string[] {
  return [...ledger.outputs()]
    .map(
      ({ position, output }) =>
        `${position} ${toHex(concat(output.owner, output.token))} ${output.amount}`,
    )
    .sort();
}
