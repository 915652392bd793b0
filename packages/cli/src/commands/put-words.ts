/** What `palisade put` says to people while it works, and at the end. */
import type { PutProgress, PutResult, Quote } from '@palisade/client';
import { toHex } from '@palisade/core';
import type { Report } from '../command.ts';
import type { PutSource } from '../files/puts.ts';
import type { Session } from '../session/session.ts';
import { countOf, formatAmount, formatDuration, formatSize, shortId } from '../terminal/amounts.ts';
import type { Progress } from '../terminal/progress.ts';
import { facts } from '../terminal/table.ts';

export function quoteLines(quote: Quote, source: PutSource): string[] {
  const { size, replicas, sessions, sessionMs, maxRate, escrow, fee, partners } = quote;
  const term = formatDuration(Number(sessionMs) * sessions);
  const what = `${source.name}, ${formatSize(size)} ${source.isPublic ? 'unsealed' : 'sealed'}`;
  return facts([
    ['what', what],
    ['copies', `${replicas}, among ${countOf(partners.length, 'partner')} that could take one`],
    ['term', `${countOf(sessions, 'session')}, about ${term}`],
    ['rate', `at most ${formatAmount(maxRate)} per copy and session`],
    ['locked', `${formatAmount(escrow)}; what is not earned comes back`],
    ['fee', formatAmount(fee)],
  ]);
}

/** Tells a person what happens. */
export function teller(
  session: Session,
  bar: Progress,
  total: number,
): (progress: PutProgress) => void {
  const sent = new Map<string, number>();
  const say = (text: string) => {
    bar.end();
    session.note(text);
  };
  return (progress) => {
    if (progress.step === 'uploading') {
      sent.set(toHex(progress.partner), progress.sent);
      bar.update(
        [...sent.values()].reduce((sum, bytes) => sum + bytes, 0),
        total,
      );
      return;
    }
    if (progress.step === 'confirmed') {
      const { validators, weight, total: all } = progress.by;
      const share = Math.floor(Number((100n * weight) / all));
      say(`Confirmed by ${countOf(validators, 'validator')} with ${share} % of the votes.`);
    } else if (progress.step === 'in-block')
      say(`Job ${toHex(progress.job)} is in block ${progress.height}.`);
    else if (progress.step === 'started')
      say(`Partner ${shortId(toHex(progress.partner))} has it.`);
    else if (progress.step === 'partner-failed') {
      sent.delete(toHex(progress.partner));
      say(`${progress.error.message} Another one is asked.`);
    }
  };
}

export function report(result: PutResult, { name }: PutSource, fee: bigint | undefined): Report {
  const { job, contentId, height, partners, view } = result;
  const { escrow } = view.job;
  return {
    json: { stored: true, job, contentId, height, name, escrow, ...(fee ? { fee } : {}), partners },
    lines: [
      ...facts([
        ['job', toHex(job)],
        ['partners', partners.map(({ partner }) => shortId(toHex(partner))).join(', ')],
        ['locked', formatAmount(escrow)],
        ['fee', fee === undefined ? undefined : formatAmount(fee)],
      ]),
      `Get it back with: palisade get ${shortId(toHex(job)).slice(0, -1)}`,
    ],
  };
}
