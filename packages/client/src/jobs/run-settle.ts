/** Pays the partners that agree, takes their output, and shows the chain who signed another one. */
import { describeContent, equalBytes, PalisadeError } from '@palisade/core';
import {
  isSameResult,
  owedFor,
  type Receipt,
  reportResult,
  runEndOf,
  runResult,
} from '@palisade/market/schema';
import { openMessage } from '../base/answers.ts';
import type { ChainClient } from '../base/chain-client.ts';
import { badAnswer } from '../base/http.ts';
import { agreementOf, type JobContext } from './context.ts';
import { fileReceipt } from './file-receipt.ts';
import { runOutput } from './partner-api.ts';
import { RUN_SESSIONS } from './quote.ts';
import { exchange, inRunningSession } from './remove.ts';
import type { RunDone, RunWish } from './run.ts';
import type { Hired } from './run-hire.ts';
import { doorOf } from './upload.ts';

/** Pays for a result and takes the output: the receipts first, since the output leaves for them. */
export async function settle(
  context: JobContext,
  wish: RunWish,
  hired: readonly Hired[],
  agreed: readonly Hired[],
): Promise<RunDone> {
  const { end, output: outputId, outputSize, fuel } = agreed[0]!.result!;
  const payments = await Promise.all(agreed.map((one) => paymentFor(context, wish, one)));
  const output = await fetchOutput(context, wish, agreed, outputSize, outputId);
  let fee = 0n;
  for (const { partner, amount, receipt } of payments) {
    if (receipt) fee += await fileReceipt(context, receipt);
    wish.onProgress?.({ step: 'paid', partner, amount });
  }
  fee += await reportOthers(context, wish, hired, agreed);
  const paidTo = (one: Hired) =>
    payments.find(({ partner }) => equalBytes(partner, one.partner))?.amount ?? 0n;
  const partners = hired.map((one) => {
    const { job, partner, evidence, result, reason } = one;
    return { job, partner, evidence, result, reason, paid: paidTo(one) };
  });
  return { end: runEndOf(end)!, output, outputId, fuel, partners, fee };
}

/**
 * Shows the chain the results that two of the majority contradict. It is refused, and costs nothing,
 * while those two are not known enough to speak against anybody; the pay is lost in any case.
 */
async function reportOthers(
  { chain, account }: JobContext,
  { onProgress }: RunWish,
  hired: readonly Hired[],
  agreed: readonly Hired[],
): Promise<bigint> {
  const [first, second] = await Promise.all(agreed.map((one) => evidenceOf(chain, one)));
  if (!first || !second) return 0n;
  let fee = 0n;
  for (const one of hired) {
    if (!one.result || isSameResult(one.result, agreed[0]!.result!)) continue;
    const rejected = await evidenceOf(chain, one);
    try {
      fee += (await chain.send(reportResult, { rejected, first, second }, account.signer)).fee;
      onProgress?.({ step: 'reported', partner: one.partner });
    } catch (error) {
      // Refused or not arrived: the output is here, and that is what was wanted.
      if (!(error instanceof PalisadeError) || error.code === 'client/aborted') throw error;
    }
  }
  return fee;
}

/** A signed result in the form in which the chain takes it. */
async function evidenceOf(chain: ChainClient, { partner, url, evidence }: Hired) {
  const { value, signature } = openMessage(runResult, evidence!, await chain.domain(), url);
  return { ...value, partner, signature };
}

type Payment = {
  readonly partner: Uint8Array;
  /** Base units. */
  readonly amount: bigint;
  /** Signed by both; undefined when one stands already: the partner files what it has, too. */
  readonly receipt: (Receipt & { readonly partnerSignature: Uint8Array }) | undefined;
};

/** What is owed for a run, with the receipts of both, in the running session or the last of its term. */
async function paymentFor(
  context: JobContext,
  { limits }: RunWish,
  { job, partner, url, rate, result }: Hired,
): Promise<Payment> {
  const { chain } = context;
  const { fuel: units, output } = result!;
  const view = await chain.job(job);
  const agreement = view && agreementOf(view, partner);
  const amount = owedFor({ rate, sessions: RUN_SESSIONS }, units, limits.fuel);
  if (agreement?.final === 1) return { partner, amount: agreement.vouched, receipt: undefined };
  const sequence = agreement?.sequence ?? 1;
  return inRunningSession(context, async (session) => {
    const isOver = agreement && agreement.lastSession < session;
    const lastSession = isOver ? agreement.lastSession : session;
    const words = { job, partner, sequence, lastSession, units, amount, result: output };
    const partnerSignature = await exchange(context, url, words);
    return { partner, amount, receipt: { ...words, partnerSignature } };
  });
}

/** The output from whoever gives the right one. */
async function fetchOutput(
  context: JobContext,
  { signal }: RunWish,
  agreed: readonly Hired[],
  size: number,
  outputId: Uint8Array,
): Promise<Uint8Array> {
  let failure: unknown;
  for (const { job, url } of agreed) {
    try {
      const output = await runOutput(doorOf(context, url, signal), job, size);
      const found = describeContent([output]).contentId;
      if (equalBytes(found, outputId)) return output;
      throw badAnswer(url, 'its output is not the one that it named');
    } catch (error) {
      if (!(error instanceof PalisadeError) || error.code === 'client/aborted') throw error;
      failure = error;
    }
  }
  throw failure;
}
