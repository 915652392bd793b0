/**
 * The child chain's API on top of this chain: payments are handed in as transactions whose fee the
 * operator pays, and child blocks are put together again from the blocks that they were made in.
 */
import { feeOf, params } from '@palisade/chain';
import {
  accountSigner,
  fromHex,
  isRefusal,
  type Opened,
  type Refusal,
  refuse,
  signEnvelope,
  toHex,
  type ValueOf,
} from '@palisade/core';
import {
  blockOfRoot,
  childBlocks,
  numberOf,
  openClaim,
  paymentAccepted,
  paymentsState,
  type ReceivedBlock,
  submitPayment,
} from '@palisade/payments';
import { type EventIndex, fieldsOf, type TxPlace } from '../events/event-index.ts';
import type { Pool } from '../services/pool.ts';
import { whyRefused } from '../services/why-refused.ts';
import type { FindPayment } from './root-events.ts';
import type { Accepted, ChildChainService } from './rpc.ts';

/** Bytes of a submitted payment's envelope beside the payment. */
const ENVELOPE_BYTES = 300;
/** Blocks in which a payment that was taken must have its place. */
const PATIENCE_BLOCKS = 20n;
/** Payments on their way at a time: each is held in memory until its block. */
const MAX_UNDER_WAY = 10_000;

export type ChainServiceParts = {
  readonly pool: Pool;
  /** Secret of the account that pays this chain's fees for payments. */
  readonly payerSecret: Uint8Array;
};

type UnderWay = {
  readonly id: Uint8Array;
  readonly since: bigint;
  readonly answer: (outcome: Accepted | Refusal) => void;
};

export class ChainService implements ChildChainService {
  private readonly pool: Pool;
  private readonly payer;
  private nonce: bigint | undefined;
  /** One after the other, so that nonces have no gaps. */
  private last: Promise<unknown> = Promise.resolve();
  private readonly underWay = new Map<string, UnderWay>();
  /** Payments that wait for their turn to be handed in, or for their block. */
  private waiting = 0;

  constructor({ pool, payerSecret }: ChainServiceParts) {
    this.pool = pool;
    this.payer = accountSigner(payerSecret);
  }

  /** Answers when the payment has its place in a child block, or is refused. */
  async submit(signed: Uint8Array): Promise<Accepted | Refusal> {
    if (this.waiting >= MAX_UNDER_WAY)
      return refuse('payments/too_busy', 'Too many payments wait for their block.', {
        retry: 'later',
      });
    this.waiting++;
    try {
      return await this.untilPlaced(signed);
    } finally {
      this.waiting--;
    }
  }

  private async untilPlaced(signed: Uint8Array): Promise<Accepted | Refusal> {
    const handedIn = this.last.then(() => this.handIn(signed));
    this.last = handedIn.catch(() => undefined);
    const id = await handedIn;
    if (!(id instanceof Uint8Array)) return id;
    return new Promise((answer) => {
      this.underWay.set(toHex(id), { id, since: this.pool.index.height, answer });
    });
  }

  private async handIn(transaction: Uint8Array): Promise<Uint8Array | Refusal> {
    const { application, engine } = this.pool;
    this.nonce ??= await this.nextNonce();
    const maxFee = feeOf(params.need(application.committed), ENVELOPE_BYTES + transaction.length);
    const value = { transaction, nonce: this.nonce, maxFee };
    const tx = await signEnvelope(submitPayment, value, application.domain, this.payer);
    const submission = await engine.submit(tx);
    if (!submission.accepted) {
      this.nonce = undefined;
      return whyRefused(submission);
    }
    this.nonce += 1n;
    const [opened] = await application.opener.open([tx]);
    return (opened as Opened).id;
  }

  /** With each block that is indexed: tells those who wait. */
  async settle(height: bigint): Promise<void> {
    for (const [key, { id, since, answer }] of this.underWay) {
      const place = this.pool.index.placeOf(id);
      if (!place && height < since + PATIENCE_BLOCKS) continue;
      this.underWay.delete(key);
      answer(place ? await this.outcomeAt(place) : notIncluded());
      if (!place) this.nonce = undefined;
    }
  }

  private async outcomeAt({ height, index }: TxPlace): Promise<Accepted | Refusal> {
    const results = await this.pool.engine.blockResults(height);
    const { events, codespace, log } = results!.txResults[index]!;
    const event = events.find(({ type }) => type === paymentAccepted.name);
    if (!event) return refuse(codespace, log);
    const { blknum, txindex, hash } = fieldsOf(event, paymentAccepted) as Record<string, unknown>;
    return {
      blknum: Number(blknum),
      txindex: Number(txindex),
      txhash: fromHex(String(hash)),
    };
  }

  async block(root: Uint8Array): Promise<ReceivedBlock | undefined> {
    const state = this.pool.application.committed;
    const blknum = blockOfRoot.get(state, root);
    if (blknum === undefined) return undefined;
    const { firstHeight, lastHeight, claims } = childBlocks.need(state, blknum);
    const transactions: Uint8Array[] = [];
    for (let height = firstHeight; height <= lastHeight; height++)
      transactions.push(...(await this.paymentsAt(height)));
    for (const { claimer, token, amount } of claims)
      transactions.push(openClaim(Number(blknum), claimer, token, numberOf(amount)).signed);
    return { number: Number(blknum), hash: root, transactions };
  }

  private async paymentsAt(height: bigint): Promise<readonly Uint8Array[]> {
    const { engine, application } = this.pool;
    const [stored, results] = [await engine.block(height), await engine.blockResults(height)];
    if (!stored || !results) throw new Error(`block ${height} is not kept here`);
    const { txs } = stored.block;
    const opened = await application.opener.open(txs);
    return opened.flatMap((tx, i) => {
      const isPayment =
        !isRefusal(tx) &&
        tx.declaration.name === submitPayment.name &&
        results.txResults[i]?.code === 0;
      return isPayment ? [(tx.value as ValueOf<typeof submitPayment>).transaction] : [];
    });
  }

  fees() {
    const { fees } = paymentsState.need(this.pool.application.committed);
    const lines = fees.map(({ token, amount }) => ({
      currency: toHex(token),
      amount,
      subunit_to_unit: 10n ** 18n,
      pegged_amount: null,
      pegged_currency: null,
      pegged_subunit_to_unit: null,
      updated_at: '1970-01-01T00:00:00Z',
    }));
    return { '1': lines };
  }

  configuration() {
    const { depositMargin, dialect } = paymentsState.need(this.pool.application.committed);
    return {
      deposit_finality_margin: depositMargin,
      contract_semver: dialect === 'v1' ? '1.0.5' : '2.0.0',
      network: 'palisade',
    };
  }

  private async nextNonce(): Promise<bigint> {
    const { application } = this.pool;
    const answer = await application.query({
      path: '/q/accounts.account',
      data: Buffer.from(JSON.stringify({ address: toHex(this.payer.id) })),
      height: 0n,
      prove: false,
    });
    const { nonces } = JSON.parse(Buffer.from(answer.value).toString()) as {
      readonly nonces: readonly { readonly lane: string; readonly next: string }[];
    };
    return BigInt(nonces.find(({ lane }) => lane === 'main')?.next ?? '0');
  }
}

function notIncluded(): Refusal {
  return refuse('payments/not_included', 'The payment came into no block.', { retry: 'later' });
}

/** Looks a payment up by what happened to it: anybody can have this asked, by an in-flight exit. */
export function findPayment({
  index,
}: {
  readonly index: Pick<EventIndex, 'historyOf'>;
}): FindPayment {
  return (hash, upTo) => {
    const accepted = index.historyOf(hash).find(({ name }) => name === paymentAccepted.name);
    if (!accepted) return undefined;
    const [blknum, txindex] = [Number(accepted.data.blknum), Number(accepted.data.txindex)];
    return blknum <= upTo ? { blknum, txindex } : undefined;
  };
}
