/** Asking validators to check a seal proof: passive ones first, they have the time. */
import { requestJson, shapes } from '@palisade/client';
import { type Domain, type Signer, signEnvelope } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import { proofReady } from '@palisade/power/schema';
import type { Environment, Network } from '../network.ts';

/** A validator fetches a MiB and checks it within that, ms. */
const VERDICT_MS = 20_000;
const MAX_ANSWER_BYTES = 4096;

const answerForm = shapes.object({ verdict: shapes.envelopeBytes });

export type VerdictOptions = {
  readonly network: Network;
  readonly domain: Domain;
  readonly signer: Signer;
  readonly env: Environment;
  readonly nowMs: () => number;
  /** Where this partner serves its proofs. */
  readonly url: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

/** Signed verdicts of `wanted` validators, or of fewer when no more of them say that the proof holds. */
export async function askForVerdicts(
  options: VerdictOptions,
  number: bigint,
  proof: Uint8Array,
  wanted: number,
): Promise<readonly Uint8Array[]> {
  const { network, domain, signer, env, url, nowMs, log, signal } = options;
  const words = { number, proof, url, atMs: BigInt(nowMs()) };
  const body = await signEnvelope(proofReady, words, domain, signer);
  const all = network.directory.list().filter(({ seat }) => seat !== 'excluded');
  const passive = all.filter(({ seat }) => seat === 'passive');
  const verdicts: Uint8Array[] = [];
  for (const validator of [...passive, ...all.filter((one) => !passive.includes(one))]) {
    if (verdicts.length >= wanted || signal.aborted) break;
    const request = { method: 'POST', body, signal, timeoutMs: VERDICT_MS } as const;
    const at = { url: `${validator.url}/v1/sector-verdicts`, maxBytes: MAX_ANSWER_BYTES };
    try {
      verdicts.push((await requestJson(env, { ...request, ...at }, answerForm)).verdict);
    } catch (error) {
      if (!signal.aborted)
        log.debug('a validator gave no verdict', { validator: validator.url, err: error });
    }
  }
  return verdicts;
}
