/** Handing signed messages to one particular validator. */
import { type Environment, requestJson, shapes } from '@palisade/client';
import { PalisadeError } from '@palisade/core';

/** A validator that has not answered by then is treated as one that is away (C2V-2 G1: 6 s). */
export const CALL_MS = 6000;
/** Answers here are an envelope and a little JSON around it. */
export const MAX_ANSWER_BYTES = 256 * 1024;

const answerForm = shapes.object({ acknowledgement: shapes.optional(shapes.envelopeBytes) });
export type MessageAnswer = shapes.ReadBy<typeof answerForm>;

/**
 * Posts an envelope.
 * @throws PalisadeError with the validator's own code when it refuses, else `client/...`
 */
export function postMessage(
  env: Environment,
  url: string,
  envelope: Uint8Array,
  signal: AbortSignal,
): Promise<MessageAnswer> {
  const request = { method: 'POST', url, body: envelope, signal } as const;
  return requestJson(
    env,
    { ...request, timeoutMs: CALL_MS, maxBytes: MAX_ANSWER_BYTES },
    answerForm,
  );
}

export function badWord(url: string, why: string): PalisadeError {
  return new PalisadeError({
    code: 'partner/validator-untrue',
    message: `The validator at ${url} does not keep to the protocol: ${why}`,
    retry: 'later',
    data: { url },
  });
}
