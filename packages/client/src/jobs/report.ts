/** CONNECT_REPORT (P2V-4.G1): tells the validator that made a match whether the partner was reached. */
import { PalisadeError, signEnvelope, toHex } from '@palisade/core';
import { clientConnectReport } from '@palisade/market/schema';
import { requestJson } from '../base/http.ts';
import { object } from '../base/shapes.ts';
import type { JobContext } from './context.ts';
import type { Matched } from './offers.ts';

/** Says so once; that it could not be said changes nothing for the job. */
export async function reportContact(
  { chain, account }: JobContext,
  job: Uint8Array,
  { partner, sequence, via }: Matched,
  ok: boolean,
): Promise<void> {
  const { env, policy, directory } = chain.context;
  const validator = directory.find(via);
  if (!validator) return;
  const words = { job, partner, ok: ok ? 1 : 0, sequence };
  const domain = await chain.domain();
  const body = await signEnvelope(clientConnectReport, words, domain, account.signer);
  const url = `${validator.url}/v1/jobs/${toHex(job)}/connect-reports`;
  const request = { method: 'POST', url, body, timeoutMs: policy.timeoutMs } as const;
  try {
    await requestJson(env, request, object({}));
  } catch (error) {
    if (!(error instanceof PalisadeError)) throw error;
  }
}
