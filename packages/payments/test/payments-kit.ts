/**
 * Payments on a chain for tests: validators that report what the root chain did, and people who pay.
 *
 * @example
 * const kit = await startPayments();
 * await kit.agree(kit.depositOf(1, ALICE, 100n));
 * await kit.submit(pay([at(1)], [ALICE], [[BOB, 98n]]));
 */
import type { ExecTxResult } from '@palisade/formats';

import {
  DEFAULT_PAYMENTS_PARAMS,
  type PaymentsParams,
  type Position,
  paymentsModule,
  paymentsParams,
  ROOT_EVENT,
  type RootEvent,
  reportRoot,
  submitPayment,
} from '@palisade/payments';
import { type Block, type Chain, PAL, startChain } from '../../chain/test/chain-kit.ts';
import { wordOf } from '../src/format/integers.ts';
import { nextEvent } from '../src/root-event.ts';
import { CLAIMER, COIN, DOMAIN, ETHER, type Person } from './wallets.ts';

const NOBODY = new Uint8Array(20);

export const TEST_PARAMS: PaymentsParams = {
  ...DEFAULT_PAYMENTS_PARAMS,
  framework: DOMAIN.framework,
  claimer: CLAIMER.address,
  fees: [{ token: ETHER, amount: 2n }],
  previousFees: [
    { token: ETHER, amount: 1n },
    { token: COIN, amount: 5n },
  ],
  blockEvery: 3,
  submissionGas: 2,
  maxGasPrice: 10n,
};

export type KitOptions = Partial<PaymentsParams> & { readonly weights?: readonly bigint[] };

export async function startPayments({ weights = [10n], ...change }: KitOptions = {}): Promise<Kit> {
  const names = weights.map((_, i) => `v${i}`);
  const owners = Object.fromEntries(names.map((name) => [`${name}-owner`, 1000n * PAL]));
  const chain = await startChain({
    weights,
    accounts: { ...owners, sender: 1000n * PAL },
    machines: {
      ...Object.fromEntries(names.map((name) => [name, `${name}-owner`])),
      stranger: 'sender',
    },
    modules: () => [paymentsModule],
    sections: { payments: paymentsParams.toJson({ ...TEST_PARAMS, ...change }) },
    sessionMs: 3_600_000n,
  });
  await chain.block();
  return new Kit(chain, names);
}

export class Kit {
  readonly chain: Chain;
  readonly validators: readonly string[];

  constructor(chain: Chain, validators: readonly string[]) {
    this.chain = chain;
    this.validators = validators;
  }

  get next(): bigint {
    return nextEvent.need(this.chain.state);
  }

  depositOf(blknum: number, who: Person, amount: bigint, token: Uint8Array = ETHER): RootEvent {
    return {
      ...{ kind: ROOT_EVENT.deposit, positions: [BigInt(blknum) * 10n ** 9n] },
      ...{ owner: who.address, token, amount: wordOf(amount) },
    };
  }

  private bare(kind: number, positions: readonly Position[]): RootEvent {
    return {
      ...{ kind, positions: [...positions] },
      ...{ owner: NOBODY, token: ETHER, amount: wordOf(0n) },
    };
  }
  exitStarted(...positions: Position[]): RootEvent {
    return this.bare(ROOT_EVENT.exitStarted, positions);
  }
  exitEnded(...positions: Position[]): RootEvent {
    return this.bare(ROOT_EVENT.exitEnded, positions);
  }
  exitPaid(position: Position, amount: bigint, token: Uint8Array = ETHER): RootEvent {
    return { ...this.bare(ROOT_EVENT.exitPaid, [position]), token, amount: wordOf(amount) };
  }

  /** Somebody brought the root of a child block, at a price of gas. */
  rootSubmitted(blknum: number, { address }: Person, gasPrice: bigint): RootEvent {
    const positions = [BigInt(blknum) * 10n ** 9n];
    const event = this.bare(ROOT_EVENT.rootSubmitted, positions);
    return { ...event, owner: address, amount: wordOf(gasPrice) };
  }

  /** Some validators report the same events under the next numbers, in one block. */
  async report(
    by: readonly string[],
    events: readonly RootEvent[],
    first = this.next,
  ): Promise<Block> {
    const txs = await Promise.all(
      by.map((name) =>
        this.chain.sign(this.chain.machine(name), reportRoot, { first, events: [...events] }),
      ),
    );
    const block = await this.chain.block(txs);
    const bad = block.results.find(({ code }) => code !== 0);
    if (bad) throw new Error(`${bad.codespace}: ${bad.log}`);
    return block;
  }

  /** All validators report events. */
  async agree(...events: RootEvent[]): Promise<Block> {
    return this.report(this.validators, events);
  }

  /** Submits a payment; answers with the result. */
  async submit(transaction: Uint8Array): Promise<ExecTxResult> {
    const tx = await this.chain.sign(this.chain.account('sender'), submitPayment, { transaction });
    return (await this.chain.block([tx])).results[0]!;
  }

  /** As `submit`, of what must be refused with `payments/<reason>` and leave no trace. */
  async refused(reason: string, transaction: Uint8Array): Promise<void> {
    const sender = this.chain.account('sender');
    await this.chain.expectRefused(`payments/${reason}`, sender, submitPayment, { transaction });
  }
}

/** The place that an accepted payment has got, as `blknum:txindex`. */
export function placeIn(result: ExecTxResult): string {
  const event = result.events.find(({ type }) => type === 'payments.accepted');
  const value = (key: string) => event?.attributes.find((one) => one.key === key)?.value;
  return event ? `${value('blknum')}:${value('txindex')}` : result.codespace;
}
