/** Asking validators: one request through the retry policy, and what most callers build on it. */

import type { QueryDeclaration } from '@palisade/chain/schema';
import { type Json, PalisadeError, type RecordSchema } from '@palisade/core';
import type { Validator } from './directory.ts';
import { clientError } from './errors.ts';
import { requestJson } from './http.ts';
import { type Answer, type ReachContext, type ReachOptions, reach } from './reach.ts';
import { object, type Reader, whole } from './shapes.ts';

/** One request as any validator can be asked it. */
export type Question<T> = {
  readonly method?: 'GET' | 'POST';
  /** With a slash at the beginning. */
  readonly path: string;
  readonly body?: Uint8Array | string;
  readonly reader: Reader<T>;
  /** A last look at the answer, such as its signature; what it throws makes it no answer. */
  readonly check?: (value: T, validator: Validator) => T | Promise<T>;
};

/** Sends a question through the retry policy. @throws PalisadeError as `reach` */
export function ask<T>(
  context: ReachContext,
  question: Question<T>,
  options: ReachOptions<T>,
): Promise<readonly Answer<T>[]> {
  const { method = 'GET', path, body, reader, check } = question;
  const send = async (validator: Validator, signal: AbortSignal) => {
    const request = { method, url: `${validator.url}${path}`, signal };
    const full = body === undefined ? request : { ...request, body };
    const value = await requestJson(context.env, full, reader);
    return check ? check(value, validator) : value;
  };
  return reach(context, send, options);
}

/** The path of a query: its parameters are the fields in JSON form without quotes. */
export function queryPath<P, R>({ name, params }: QueryDeclaration<P, R>, value: P): string {
  const json = (params as RecordSchema<P>).toJson(value) as Readonly<Record<string, Json>>;
  const fields = Object.entries(json ?? {}).map(
    ([field, part]) =>
      `${encodeURIComponent(field)}=${encodeURIComponent(
        typeof part === 'string' ? part : JSON.stringify(part),
      )}`,
  );
  return `/v1/query/${name}${fields.length > 0 ? `?${fields.join('&')}` : ''}`;
}

/**
 * Asks a declared query.
 * @param floor a height that the answer must have seen: what we know to be in a block is not
 * missing from the next answer only because another validator gives it
 * @throws PalisadeError `chain/not-found` where there is no such thing
 */
export async function query<P, R>(
  context: ReachContext,
  declaration: QueryDeclaration<P, R>,
  params: P,
  floor: bigint,
): Promise<R> {
  const question: Question<{ height: bigint; result: R }> = {
    path: queryPath(declaration, params),
    reader: object({ height: whole, result: declaration.result }),
    check(answer, { url }) {
      if (answer.height >= floor) return answer;
      throw clientError('client/behind', `${url} is at block ${answer.height}, not ${floor}.`, {
        retry: 'now',
      });
    },
  };
  const [answer] = await ask(context, question, { what: declaration.name });
  return answer!.value.result;
}

/** The answer, or undefined where a validator says that there is no such thing. */
export async function orNothing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof PalisadeError && error.code === 'chain/not-found') return undefined;
    throw error;
  }
}
