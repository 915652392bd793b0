/** Who is at the other end of a new tunnel. */
import {
  catalogue,
  type Domain,
  equalBytes,
  isRefusal,
  open,
  type Refusal,
  refuse,
  type ValueOf,
  verifyOpened,
} from '@palisade/core';
import { tunnelOpen } from '@palisade/market/schema';
import { done, type Outcome, refused } from '../storage/outcome.ts';

const KNOWN = catalogue([tunnelOpen]);

export type Wanted = {
  readonly domain: Domain;
  readonly partner: Uint8Array;
  /** What was given to this connection, and to no other. */
  readonly nonce: Uint8Array;
};

/** Checks a signed `market.tunnel-open`: chain, partner, connection, signature. */
export function checkOpening(
  message: Uint8Array,
  { domain, partner, nonce }: Wanted,
): Outcome<{ readonly job: Uint8Array; readonly client: Uint8Array }> {
  const opened = open(message, KNOWN, domain);
  if (isRefusal(opened)) return refused(opened);
  const said = opened.value as ValueOf<typeof tunnelOpen>;
  if (!equalBytes(said.partner, partner)) return refused(notForUs('another partner'));
  if (!equalBytes(said.nonce, nonce)) return refused(notForUs('another connection'));
  const bad = verifyOpened(opened);
  return bad ? refused(bad) : done({ job: said.job, client: opened.sender });
}

function notForUs(what: string): Refusal {
  return refuse('access/not-for-us', `It was signed for ${what}.`, { retry: 'now' });
}
