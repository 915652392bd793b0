/** Sending a command under a validator's own key, again with each block until it is settled. */
import { CODE, feeOf, nodeKeys, params } from '@palisade/chain';
import type { Declaration } from '@palisade/core';
import type { Pool } from './pool.ts';
import type { Validator } from './validator.ts';

type Command = { readonly nonce: bigint; readonly maxFee: bigint };

/**
 * `later` when this one, or another of this validator, is on its way, or cannot be paid for; `refused`
 * when the command's own rules do not take it.
 *
 * @param size bytes of the transaction at most
 */
export async function fileCommand<T extends Command>(
  { application, engine }: Pool,
  self: Validator,
  declaration: Declaration<T>,
  fields: Omit<T, keyof Command>,
  size: number,
): Promise<'filed' | 'later' | 'refused'> {
  const state = application.committed;
  const bound = nodeKeys.get(state, self.nodeKey);
  if (!bound) return 'refused';
  const maxFee = feeOf(params.need(state), size);
  const value = { ...fields, nonce: bound.nonce, maxFee } as T;
  const submission = await engine.submit(await self.sign(declaration, value));
  if (submission.accepted) return submission.known ? 'later' : 'filed';
  return submission.check?.code === CODE.refused ? 'refused' : 'later';
}
