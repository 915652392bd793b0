/** Payments through the watcher: handed on to the child chain only while it is safe to spend there (X10). */
import { isRefusal, PalisadeError, toHex } from '@palisade/core';
import { secp256k1 } from '@palisade/core/crypto';
import { RpcFailure, type RpcMethod, rpcMethod } from '@palisade/daemon';
import { openTransaction } from '@palisade/payments';
import * as z from 'zod';
import type { Watch } from '../watch/watch.ts';
import { failureOf, none, txBytes } from './shapes.ts';

/** Transactions of one batch, and the bytes of their bodies. */
const MAX_BATCH = 1000;
const BATCH_BYTES = 4 * 1024 * 1024;

export function paymentMethods(watch: Watch): Readonly<Record<string, RpcMethod>> {
  return {
    'transaction.submit': rpcMethod(z.object({ transaction: txBytes }), ({ transaction }) =>
      gated(watch, () => submit(watch, transaction)),
    ),
    'transaction.batch_submit': rpcMethod(
      z.object({ transactions: z.array(txBytes).min(1).max(MAX_BATCH) }),
      ({ transactions }) =>
        gated(watch, () => {
          const body = { transactions: transactions.map(toHex) };
          return forward(watch, 'transaction.batch_submit', body);
        }),
      { maxBytes: BATCH_BYTES },
    ),
    // For wallets that are about to deposit: the deposit itself goes to the root chain, past the watcher.
    'spending.check': rpcMethod(none, () => {
      const refusal = watch.refusal();
      if (!refusal) return { allowed: true };
      const { code, message, next } = refusal;
      return { allowed: false, code, reason: message, next };
    }),
    'fees.all': rpcMethod(z.looseObject({}), () => forward(watch, 'fees.all', {})),
  };
}

export async function gated(watch: Watch, pass: () => unknown): Promise<unknown> {
  const refusal = watch.refusal();
  if (!refusal) return pass();
  const { code, message, next, data } = refusal;
  return new RpcFailure('operation:service_unavailable', message, { reason: code, next, ...data });
}

/** Checks what can be checked here, and hands it on under the name of the action. */
export function submit(watch: Watch, transaction: Uint8Array, action = 'submit'): unknown {
  const opened = openTransaction(watch.parts.judging.domain, transaction, secp256k1.recover);
  if (isRefusal(opened)) return failureOf(action, opened);
  return forward(watch, 'transaction.submit', { transaction: toHex(transaction) });
}

const failure = z.object({
  code: z.string().max(200),
  description: z.string().max(2000).nullish(),
});

/** Asks the child chain, and passes on what it answers. */
export async function forward(
  { parts }: Pick<Watch, 'parts'>,
  method: string,
  body: unknown,
): Promise<unknown> {
  try {
    const { success, data } = await parts.childChain.forward(method, body);
    if (success) return data;
    const read = failure.safeParse(data);
    return new RpcFailure(
      read.data?.code ?? 'connection:childchain_unreachable',
      read.data?.description ?? 'The child chain refused without a reason.',
    );
  } catch (error) {
    if (!(error instanceof PalisadeError)) throw error;
    return new RpcFailure('connection:childchain_unreachable', error.message);
  }
}
