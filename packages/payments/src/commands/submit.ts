import { handle, type TxContext } from '@palisade/chain';
import { byteList, command, concat, isRefusal, type Refusal, toBinaryString } from '@palisade/core';
import { keccak256, secp256k1 } from '@palisade/core/crypto';
import { paymentAccepted } from '../events.ts';
import { MAX_TX_BYTES } from '../format/transaction.ts';
import type { SigningDomain } from '../format/typed-data.ts';
import { blockSoFar, outputsIn, put } from '../forming.ts';
import { domainOf, feesOf, params } from '../params.ts';
import { no, notSetUp } from '../rules/errors.ts';
import { type Effects, judge } from '../rules/judge.ts';
import { isPayment, type Opened, openTransaction } from '../rules/open.ts';
import { exiting } from '../state.ts';

/**
 * Brings a payment of the child chain on chain. Its own signatures say who pays; whoever sends the
 * command only pays this chain's fee.
 */
export const submitPayment = command({
  name: 'payments.submit',
  title: 'Submit a payment',
  doc: 'Executes a signed payment of the child chain.',
  signer: 'account',
  fields: {
    transaction: byteList(MAX_TX_BYTES).is('Signed payment, in the encoding of its wallet'),
  },
});

type Judged = { readonly opened: Opened; readonly effects: Effects };

/** What `verify` came to, for `apply`, which is given the same value: nobody is recovered twice. */
const judged = new WeakMap<object, Judged>();

/**
 * Payments that were opened, by the hash of their bytes: the mempool, the proposer, the judges of a proposal and the
 * block itself all ask for the same. About 2 KB each; a full child block has more, of which
 * the last thousands wait for their block at any time.
 */
const MAX_OPENED = 8_192;
const openedBefore = new Map<string, Opened | Refusal>();

function openOnce(domain: SigningDomain, transaction: Uint8Array): Opened | Refusal {
  const key = toBinaryString(keccak256(concat(domain.separator, transaction)));
  const known = openedBefore.get(key);
  if (known) return known;
  const opened = openTransaction(domain, transaction, secp256k1.recover);
  if (openedBefore.size >= MAX_OPENED) openedBefore.delete(openedBefore.keys().next().value!);
  openedBefore.set(key, opened);
  return opened;
}

function judgeIn({ state }: TxContext, transaction: Uint8Array): Judged | Refusal {
  const settings = params.get(state);
  if (!settings) return notSetUp();
  const opened = openOnce(domainOf(settings), transaction);
  if (isRefusal(opened)) return opened;
  // Fees are claimed by the chain itself, when it closes a block.
  if (!isPayment(opened)) return no('surplus_in_token_not_collected');
  const leaving = opened.transaction.inputs.find((position) => exiting.has(state, position));
  if (leaving !== undefined) return no('output_is_exiting', { position: leaving });
  const demands = { fees: feesOf(settings), maxTxs: settings.maxPayments };
  const effects = judge(outputsIn(state), blockSoFar(state), opened, demands);
  return isRefusal(effects) ? effects : { opened, effects };
}

export const submitPaymentHandler = handle(submitPayment, {
  verify(ctx, value) {
    const result = judgeIn(ctx, value.transaction);
    if (isRefusal(result)) return result;
    judged.set(value, result);
    return undefined;
  },
  apply(ctx, value) {
    const { opened, effects } = judged.get(value)!;
    const { blknum } = blockSoFar(ctx.state);
    const txindex = put(ctx.state, opened, effects);
    ctx.emit(paymentAccepted, { blknum: BigInt(blknum), txindex, hash: opened.hash });
  },
});
