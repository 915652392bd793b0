import { PalisadeError } from '@palisade/core';

/** How a root-chain node failed. Every kind but `refused` is a failure of the node, not of the question. */
export type RpcTrouble = 'unreachable' | 'garbage' | 'rate-limited' | 'inconsistent';

/** The node did not answer, or not with something that can be true: another try may do. */
export function trouble(
  kind: RpcTrouble,
  message: string,
  more: { cause?: unknown; data?: Readonly<Record<string, string | number>>; next?: string } = {},
): PalisadeError {
  return new PalisadeError({
    code: `rootchain/${kind}`,
    message,
    retry: 'later',
    next: 'It is tried again by itself. If this lasts, check the root-chain RPC address and its provider.',
    ...more,
  });
}

/** The node answered that it will not do what was asked; the same again would be refused again. */
export function refused(
  message: string,
  data: Readonly<Record<string, string | number>>,
): PalisadeError {
  return new PalisadeError({
    code: 'rootchain/refused',
    message: `The root-chain node refused: ${message}`,
    data,
  });
}

/** Whether another try may do. */
export function isTrouble(error: unknown): error is PalisadeError {
  return error instanceof PalisadeError && error.retry !== 'never';
}
