/** Whether a job is one that this partner takes, and for how much. Pure rules. */
import { isContentSize, type Refusal, refuse } from '@palisade/core';
import { rateFor, UTILITY, type Wanted } from '@palisade/market/schema';

export type Terms = {
  /** What this partner offers: one kind, by which validators choose what to tell it of. */
  readonly utility: number;
  readonly price: bigint;
  readonly maxSessions: number;
  readonly maxSizeBytes: number;
};

/** The rate to offer, or why not. */
export function judgeJob({ utility, size, sessions, maxRate }: Wanted, terms: Terms) {
  if (utility !== terms.utility)
    return refuse(
      'partner/other-utility',
      `This partner offers utility ${terms.utility} only, not ${utility}.`,
    );
  // Of access it is the traffic of a session.
  if (utility !== UTILITY.access && !isContentSize(Number(size)))
    return refuse('partner/too-large', `${size} bytes are more than one content can have.`);
  if (size > BigInt(terms.maxSizeBytes))
    return refuse('partner/too-large', `This partner takes up to ${terms.maxSizeBytes} bytes.`);
  if (sessions < 1 || sessions > terms.maxSessions)
    return refuse(
      'partner/term-too-long',
      `The job runs for ${sessions} sessions; this partner takes up to ${terms.maxSessions}.`,
    );
  const rate = rateFor(terms.price, size);
  if (rate > maxRate) return rateTooLow(maxRate, rate);
  // What a run costs shows when it is over: all that the client allows is its ceiling.
  return utility === UTILITY.computation ? maxRate : rate;
}

export function rateTooLow(found: bigint, asked: bigint): Refusal {
  return refuse(
    'partner/rate-too-low',
    `${found} base units per session are less than the ${asked} that are asked.`,
    { data: { asked }, next: 'Offer at least what is asked, or choose another partner.' },
  );
}
