/** What `palisade run` says to people while it works, and at the end. */
import type { RunDone, RunProgress, RunQuote } from '@palisade/client';
import { equalBytes, toHex } from '@palisade/core';
import type { Report } from '../command.ts';
import { countOf, formatAmount, formatSize, shortId } from '../terminal/amounts.ts';
import { facts } from '../terminal/table.ts';

type Asked = {
  readonly name: string;
  /** Bytes of module and input. */
  readonly size: number;
  readonly fold: number;
  readonly fuel: bigint;
};

export function quoteLines(
  { maxRate, escrow, fee, partners }: RunQuote,
  { name, size, fold, fuel }: Asked,
): string[] {
  return facts([
    ['what', `${name}, ${formatSize(size)} with its input; partners can read it`],
    ['fold', `${fold}, among ${countOf(partners.length, 'partner')} that could run it`],
    ['fuel', `at most ${fuel / 1_000_000n} million instructions`],
    ['price', `at most ${formatAmount(maxRate)} per partner; what is not used is not paid`],
    ['locked', `${formatAmount(escrow)}; what is not earned comes back`],
    ['fee', formatAmount(fee)],
  ]);
}

/** What a person is told of a step; not all are worth it. */
export function words(progress: RunProgress): string | undefined {
  const who = 'partner' in progress ? shortId(toHex(progress.partner)) : '';
  switch (progress.step) {
    case 'in-block':
      return `Job ${toHex(progress.job)} is in block ${progress.height}.`;
    case 'started':
      return `Partner ${who} has it.`;
    case 'partner-failed':
      return `${progress.error.message} Another one is asked.`;
    case 'ran':
      return `Partner ${who}: ${progress.end} (${progress.reason}), ${progress.fuel} fuel.`;
    case 'no-result':
      return `Partner ${who} has no result: ${progress.reason}`;
    case 'disagreement':
      return 'The results differ. One more partner is asked, to decide.';
    case 'reported':
      return `Partner ${who} signed another result; the chain knows of it now.`;
    case 'paid':
      return `Partner ${who} is paid ${formatAmount(progress.amount)}.`;
    default:
      return undefined;
  }
}

/** A run that did not finish is a failure for scripts, though it is agreed upon and paid. */
export function report(done: RunDone, path: string | undefined): Report {
  const { end, output, outputId, fuel, partners, fee } = done;
  const paid = partners.reduce((sum, one) => sum + one.paid, 0n);
  const told = partners.map(({ job, partner, result, reason, paid: amount }) => ({
    job,
    partner,
    paid: amount,
    ...(result ? { output: result.output } : {}),
    reason,
  }));
  const json = { ran: true, end, outputId, size: output.length, fuel, paid, fee, partners: told };
  const agreed = partners.filter(
    ({ result }) => result && result.fuel === fuel && equalBytes(result.output, outputId),
  ).length;
  return {
    json: { ...json, ...(path ? { path } : {}) },
    lines: path
      ? facts([
          ['end', end],
          ['output', `${path}, ${formatSize(output.length)}`],
          ['agreed', `${agreed} of ${countOf(partners.length, 'partner')}`],
          ['fuel', `${fuel}`],
          ['paid', formatAmount(paid)],
        ])
      : [],
    exitCode: end === 'finished' ? 0 : 1,
  };
}
