/**
 * Computation: the same work is given to several partners, their signed results are compared, and
 * whoever agrees with the majority is paid. Who disagrees has signed a result that nobody else came
 * to: it is paid nothing, and its word is evidence against it.
 */
import { type PalisadeError, toHex } from '@palisade/core';
import { isSameResult, type RunEnd, type RunResult, type Work } from '@palisade/market/schema';
import { clientError } from '../base/errors.ts';
import type { JobContext } from './context.ts';
import type { PutProgress } from './put.ts';
import type { PutState } from './put-state.ts';
import { type Hired, Hiring } from './run-hire.ts';
import { settle } from './run-settle.ts';

/** Partners hired one by one after results that did not agree, or did not come. */
const MOST_JUDGES = 3;

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
  /** From an earlier try: the same jobs are gone on with, and paid once. */
  readonly hires?: readonly PutState[];
  /** Called after each step of hiring; what it writes down is where a crash can be taken up. */
  readonly onHires?: (hires: readonly PutState[]) => Promise<void>;
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

/**
 * Has a module run by `fold` partners and answers with what they agree on.
 * @throws PalisadeError `client/no-agreement` when no majority comes to the same result,
 *   `client/too-few-partners`, `market/work-too-large`
 */
export async function run(context: JobContext, wish: RunWish): Promise<RunDone> {
  const hiring = new Hiring(context, wish);
  const hired = await hiring.hire(wish.fold, []);
  for (let judges = 0; ; judges++) {
    const agreed = majority(hired, wish.fold);
    if (agreed) return settle(context, wish, hired, agreed);
    if (judges === MOST_JUDGES) throw noAgreement(hired);
    const results = hired.filter(({ result }) => result).length;
    if (results >= wish.fold) wish.onProgress?.({ step: 'disagreement', results });
    hired.push(...(await hiring.hire(1, hired)));
  }
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
