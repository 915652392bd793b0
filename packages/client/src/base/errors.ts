/** What can go wrong between a client and the daemons, as data. */
import { type ErrorData, PalisadeError, type Retry } from '@palisade/core';

/** Codes of the SDK's own errors; refusals keep the code that the daemon gave. */
export type ClientErrorCode =
  /** nobody of those tried gave a usable answer; `data.tried` says who, and why each failed */
  | 'client/unreachable'
  | 'client/timeout'
  /** refused, reset or broken off */
  | 'client/connection'
  /** it does not have the form that spec/api.md gives, or its signature is wrong */
  | 'client/bad-answer'
  | 'client/answer-too-large'
  /** a validator of another chain than the pinned one */
  | 'client/other-chain'
  /** a validator has not yet seen a block that we know of */
  | 'client/behind'
  | 'client/aborted'
  | 'client/no-validators'
  | 'client/bad-url'
  | 'client/bad-directory'
  | 'client/bad-state'
  /** not in a block after the time in which it should have been */
  | 'client/not-included'
  /** the same of a receipt that validators had acknowledged; they are reported for it */
  | 'client/receipt-omitted'
  | 'client/fee-above-limit'
  | 'client/too-few-partners'
  | 'client/no-source'
  | 'client/no-such-job'
  | 'client/not-yours'
  | 'client/job-over'
  | 'client/not-sealed'
  | 'client/source-changed'
  | 'client/partner-failed'
  /** partners that did the same work came to no common result */
  | 'client/no-agreement';

export function clientError(
  code: ClientErrorCode,
  message: string,
  more: { next?: string; data?: ErrorData; retry?: Retry; cause?: unknown } = {},
): PalisadeError {
  return new PalisadeError({ code, message, ...more });
}

export function aborted(): PalisadeError {
  return clientError('client/aborted', 'The request was given up by the caller.', { retry: 'now' });
}

/** Any thrown thing, be it nothing, as an error of ours; what a broken connection throws differs by runtime. */
export function asClientError(error: unknown, url: string): PalisadeError {
  if (error instanceof PalisadeError) return error;
  const { message, cause } = (error ?? {}) as {
    message?: unknown;
    cause?: { code?: unknown; message?: unknown };
  };
  const said = [cause?.code, cause?.message, message, error].find((one) => typeof one === 'string');
  const why = said ?? 'nothing says why';
  return clientError('client/connection', `The connection to ${url} failed: ${why}.`, {
    retry: 'now',
    data: { url },
    cause: error,
  });
}
