/**
 * Computation: the same work is given to several partners, their signed results are compared, and
 * whoever agrees with the majority is paid. Who disagrees has signed a result that nobody else came
 * to: it is paid nothing, and its word is evidence against it.
 */
import { describeContent, equalBytes, PalisadeError, toHex } from '@palisade/core';
import {
  encodeWork,
  isSameResult,
  owedFor,
  type RunEnd,
  type RunResult,
  rateFor,
  reportResult,
  runEndOf,
  runResult,
  UTILITY,
  type Work,
} from '@palisade/market/schema';
import { openMessage } from '../base/answers.ts';
import type { ChainClient } from '../base/chain-client.ts';
import { clientError } from '../base/errors.ts';
import { badAnswer } from '../base/http.ts';
import type { JobContext } from './context.ts';
import { fileReceipt } from './file-receipt.ts';
import { runOutput, runState } from './partner-api.ts';
import { type PutProgress, put } from './put.ts';
import type { ChosenPartner } from './put-state.ts';
import { RUN_SESSIONS } from './quote.ts';
import { exchange } from './remove.ts';
import { memorySpool } from './spool.ts';
import { doorOf } from './upload.ts';

/** Partners hired one by one after results that did not agree, or did not come. */
const MOST_JUDGES = 3;
/** Pause between two looks at a run, ms: it grows, so that a long one is not asked after for nothing. */
const FIRST_LOOK_MS = 50;
const LAST_LOOK_MS = 2000;
/** Failures in a row after which a partner is given up. */
const MAX_FAILURES = 5;

export type RunProgress =
  | PutProgress
  | {
      readonly step: 'ran';
      readonly partner: Uint8Array;
      readonly end: RunEnd;
      readonly fuel: bigint;
      readonly reason: string;
    }
  | { readonly step: 'no-result'; readonly partner: Uint8Array; readonly reason: string }
  | { readonly step: 'disagreement'; readonly results: number }
  | { readonly step: 'reported'; readonly partner: Uint8Array }
  | { readonly step: 'paid'; readonly partner: Uint8Array; readonly amount: bigint };

export type RunWish = Work & {
  /** How many partners do the same work; 1 believes the only one. */
  readonly fold: number;
  /** Most that each is paid for all of the fuel, base units, as a quote says. */
  readonly maxRate: bigint;
  /** Partners with a lower score are not hired. */
  readonly minScore?: number;
  readonly onProgress?: (progress: RunProgress) => void;
  /** How long to wait for a result, ms. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
};

/** One partner's part in it. */
export type Ran = {
  readonly job: Uint8Array;
  readonly partner: Uint8Array;
  /** Its signed `market.run-result`; undefined when it had none. */
  readonly evidence: Uint8Array | undefined;
  readonly result: RunResult | undefined;
  /** What happened, or why it had none, in the partner's words. */
  readonly reason: string;
  /** Base units; zero for whoever disagreed or had no result. */
  readonly paid: bigint;
};

export type RunDone = {
  readonly end: RunEnd;
  readonly output: Uint8Array;
  /** Content id of the output, 32 bytes. */
  readonly outputId: Uint8Array;
  readonly fuel: bigint;
  /** In the order in which they were hired. */
  readonly partners: readonly Ran[];
  /** Fees of receipts and reports, base units. */
  readonly fee: bigint;
};

type Hired = Omit<Ran, 'paid'> & ChosenPartner;

/**
 * Has a module run by `fold` partners and answers with what they agree on.
 * @throws PalisadeError `client/no-agreement` when no majority comes to the same result,
 *   `client/too-few-partners`, `market/work-too-large`
 */
export async function run(context: JobContext, wish: RunWish): Promise<RunDone> {
  const content = encodeWork(wish);
  const hired = await hire(context, wish, content, wish.fold, []);
  for (let judges = 0; ; judges++) {
    const agreed = majority(hired, wish.fold);
    if (agreed) return settle(context, wish, hired, agreed);
    if (judges === MOST_JUDGES) throw noAgreement(hired);
    const results = hired.filter(({ result }) => result).length;
    if (results >= wish.fold) wish.onProgress?.({ step: 'disagreement', results });
    const known = hired.map(({ partner }) => partner);
    hired.push(...(await hire(context, wish, content, 1, known)));
  }
}

/** Gives the work to some more partners, and waits for what they find. */
async function hire(
  context: JobContext,
  wish: RunWish,
  content: Uint8Array,
  count: number,
  without: readonly Uint8Array[],
): Promise<Hired[]> {
  const { limits, maxRate, minScore = 0, onProgress, signal } = wish;
  const { roots, contentId } = describeContent([content]);
  const spool = await memorySpool(once(content));
  const { job, partners } = await put(context, {
    utility: UTILITY.computation,
    spool,
    contentId,
    roots,
    replicas: count,
    sessions: RUN_SESSIONS,
    maxRate,
    minScore,
    // An offer is for all that the client allows; what is asked shows in the price.
    suits: ({ ready }) => rateFor(ready.price, limits.fuel) <= maxRate,
    without,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
  return Promise.all(partners.map((partner) => resultOf(context, wish, job, partner)));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Ten minutes: beyond that, a run should be cut into several. */
const DEFAULT_PATIENCE_MS = 600_000;

/** Waits for what a partner finds; that there is nothing to be had from it is an answer, too. */
async function resultOf(
  context: JobContext,
  { patienceMs = DEFAULT_PATIENCE_MS, onProgress, signal }: RunWish,
  job: Uint8Array,
  chosen: ChosenPartner,
): Promise<Hired> {
  const { partner, url } = chosen;
  const { env } = context.chain.context;
  const domain = await context.chain.domain();
  const until = env.nowMs() + patienceMs;
  const nothing = (reason: string): Hired => {
    onProgress?.({ step: 'no-result', partner, reason });
    return { ...chosen, job, evidence: undefined, result: undefined, reason };
  };
  let failures = 0;
  for (let pauseMs = FIRST_LOOK_MS; env.nowMs() < until; pauseMs *= 1.5) {
    try {
      const { state, result: evidence, reason } = await runState(doorOf(context, url, signal), job);
      if (state === 'failed') return nothing(reason ?? 'it gave no reason');
      if (state === 'done' && evidence) {
        const { sender, value } = openMessage(runResult, evidence, domain, url);
        const end = runEndOf(value.end);
        if (!equalBytes(sender, partner) || !equalBytes(value.job, job) || !end)
          return nothing('its result is about something else');
        const said = reason ?? '';
        onProgress?.({ step: 'ran', partner, end, fuel: value.fuel, reason: said });
        return { ...chosen, job, evidence, result: value, reason: said };
      }
      failures = 0;
    } catch (error) {
      if (!(error instanceof PalisadeError) || error.code === 'client/aborted') throw error;
      if (++failures === MAX_FAILURES) return nothing(error.message);
    }
    await env.sleep(Math.min(pauseMs, LAST_LOOK_MS), signal);
  }
  return nothing(`it took longer than ${patienceMs} ms`);
}

/** Who came to the result that most did: more than half of all results, and two unless one is asked. */
function majority(hired: readonly Hired[], fold: number): Hired[] | undefined {
  const results = hired.filter(({ result }) => result);
  if (results.length < fold) return undefined;
  const groups = results.map((one) =>
    results.filter(({ result }) => isSameResult(result!, one.result!)),
  );
  const largest = groups.reduce((best, group) => (group.length > best.length ? group : best), []);
  const isEnough = 2 * largest.length > results.length && largest.length >= Math.min(2, fold);
  return isEnough ? largest : undefined;
}

/** Pays for a result and takes the output: the receipts first, since the output leaves for them. */
async function settle(
  context: JobContext,
  wish: RunWish,
  hired: readonly Hired[],
  agreed: readonly Hired[],
): Promise<RunDone> {
  const { end, output: outputId, outputSize, fuel } = agreed[0]!.result!;
  const signed = await Promise.all(
    agreed.map(async (one) => {
      const receipt = await receiptFor(context, wish, one);
      const partnerSignature = await exchange(context, one.url, receipt);
      return { ...receipt, partnerSignature };
    }),
  );
  const output = await fetchOutput(context, wish, agreed, outputSize, outputId);
  let fee = 0n;
  for (const receipt of signed) {
    const { partner, amount } = receipt;
    fee += await fileReceipt(context, receipt);
    wish.onProgress?.({ step: 'paid', partner, amount });
  }
  fee += await reportOthers(context, wish, hired, agreed);
  const paidTo = (one: Hired) =>
    signed.find(({ partner }) => equalBytes(partner, one.partner))?.amount ?? 0n;
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

/** What is owed for a run, in the running session or the last of its term. */
async function receiptFor(
  { chain }: JobContext,
  { limits }: RunWish,
  { job, partner, rate, result }: Hired,
) {
  const { fuel, output } = result!;
  const [session, view] = await Promise.all([chain.session(), chain.job(job)]);
  const agreement = view?.agreements.find((line) => equalBytes(line.partner, partner))?.agreement;
  const lastSession =
    agreement && agreement.lastSession < session.number ? agreement.lastSession : session.number;
  return {
    job,
    partner,
    sequence: agreement?.sequence ?? 1,
    lastSession,
    units: fuel,
    amount: owedFor({ rate, sessions: RUN_SESSIONS }, fuel, limits.fuel),
    result: output,
  };
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

function noAgreement(hired: readonly Hired[]): PalisadeError {
  const told = hired.map(
    ({ partner, result, reason }) => `${toHex(partner)}: ${result ? toHex(result.output) : reason}`,
  );
  return clientError(
    'client/no-agreement',
    `${hired.length} partners were asked, and no majority of them came to one result. Nobody is paid.`,
    { next: 'Run it again, with more partners.', data: { results: told } },
  );
}
