/** Partners as they describe themselves: only their own signed and unexpired word counts. */
import type { Domain } from '@palisade/core';
import { equalBytes, PalisadeError, toHex } from '@palisade/core';
import { ready } from '@palisade/market/schema';
import { openMessage, type PartnerStanding, partnersReader, type Ready } from './answers.ts';
import { baseUrl } from './directory-data.ts';
import { badAnswer } from './http.ts';
import type { ReachContext } from './reach.ts';
import { ask } from './requests.ts';

export type PartnerRecord = {
  /** 32 bytes. */
  readonly nodeKey: Uint8Array;
  /** What it offers, where, and until when. */
  readonly ready: Ready;
  /** Base URL of its API. */
  readonly url: string;
  /** When the validator heard from it last, ms since 1970; as the validator says. */
  readonly lastSeenMs: bigint | undefined;
  /** Score, receipts and bond; as the validator says. */
  readonly standing: PartnerStanding | undefined;
  /** How long the validator waits for its acknowledgements, ms, averaged; as the validator says. */
  readonly rttMs: number | undefined;
};

/** Whether a partner scores at least that; one whose score nobody told does not. */
export function scoresAtLeast(standing: PartnerStanding | undefined, least: number): boolean {
  return least <= 0 || (standing !== undefined && standing.score >= least);
}

/**
 * Opens a READY (P2V-1).
 * @param by the partner that must have signed it
 * @throws PalisadeError `client/bad-answer` when it is not signed by that partner, has expired, or
 * names no usable URL
 */
export function openReady(
  envelope: Uint8Array,
  domain: Domain,
  nowMs: number,
  source: string,
  by?: Uint8Array,
): PartnerRecord {
  const { sender, value } = openMessage(ready, envelope, domain, source);
  if (by && !equalBytes(sender, by))
    throw badAnswer(source, `the READY is signed by ${toHex(sender)}, not by ${toHex(by)}`);
  if (value.expiresMs <= BigInt(nowMs)) throw badAnswer(source, 'the READY has expired');
  return {
    nodeKey: sender,
    ready: value,
    url: baseUrl(value.url),
    lastSeenMs: undefined,
    rttMs: undefined,
    standing: undefined,
  };
}

/** All partners that one validator lists; records that do not hold are left out. */
export async function readyPartners(
  context: ReachContext,
  domain: Domain,
): Promise<readonly PartnerRecord[]> {
  const question = { path: '/v1/partners', reader: partnersReader };
  const [answer] = await ask(context, question, { what: 'the partners' });
  const { value, validator } = answer!;
  const newest = new Map<string, PartnerRecord>();
  for (const { ready, lastSeenMs, rttMs, standing } of value.partners) {
    try {
      const record = openReady(ready, domain, context.env.nowMs(), validator.url);
      const key = toHex(record.nodeKey);
      const before = newest.get(key);
      if (!before || before.ready.sequence < record.ready.sequence)
        newest.set(key, { ...record, lastSeenMs, rttMs, standing });
    } catch (error) {
      if (!(error instanceof PalisadeError)) throw error;
    }
  }
  return [...newest.values()];
}
