/** Whether a client's receipt of a run is one to sign too: it pays for what was found. Pure rules. */
import {
  catalogue,
  type Domain,
  equalBytes,
  isRefusal,
  type Opened,
  open,
  type Refusal,
  refuse,
  toHex,
} from '@palisade/core';
import { owedFor, type Receipt, type RunResult, runResult } from '@palisade/market/schema';
import { otherPartner } from '../agreements/check-voucher.ts';
import type { AgreementRecord } from '../records/agreement.ts';
import type { RunRecord } from './run-book.ts';

const known = catalogue([runResult]);

export function checkRunReceipt(
  { sender, value }: Opened<Receipt>,
  agreement: AgreementRecord,
  run: RunRecord | undefined,
  own: { readonly partner: Uint8Array; readonly session: bigint; readonly domain: Domain },
): Refusal | undefined {
  if (!equalBytes(value.partner, own.partner)) return otherPartner(value);
  if (!equalBytes(sender, agreement.client))
    return refuse(
      'market/not-the-client',
      `Job ${toHex(value.job)} belongs to another client than the one that signed.`,
    );
  const found = run && resultOf(run, own.domain);
  if (!found)
    return refuse('partner/no-run', 'There is no result yet that could be paid for.', {
      retry: 'later',
    });
  if (value.lastSession !== own.session && value.lastSession !== agreement.lastSession)
    return refuse(
      'market/bad-last-session',
      `The last session is the running one, ${own.session}, not ${value.lastSession}.`,
      { data: { session: `${own.session}` } },
    );
  const amount = owedFor(agreement, found.fuel, run.allowed);
  if (
    value.units === found.fuel &&
    value.amount === amount &&
    equalBytes(value.result, found.output)
  )
    return undefined;
  return refuse(
    'partner/other-result',
    `${found.fuel} fuel cost ${amount}, for the output ${toHex(found.output)}; the receipt says something else.`,
  );
}

/** The result that was signed here; undefined for a run without one. */
function resultOf({ result }: RunRecord, domain: Domain): RunResult | undefined {
  const opened = open(result, known, domain);
  return isRefusal(opened) ? undefined : (opened.value as RunResult);
}
