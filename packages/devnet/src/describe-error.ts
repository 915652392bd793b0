import { PalisadeError } from '@palisade/core';

/** An error in words, with what to do, for whoever runs the network. */
export function describeError(error: unknown): string {
  if (!(error instanceof PalisadeError)) return String(error);
  return [error.message, error.next].filter(Boolean).join(' ');
}
