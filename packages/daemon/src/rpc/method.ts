/** What an HTTP-RPC method is: the shape of its parameters, and what it answers. */
import type { ExactJson } from '@palisade/core';
import type * as z from 'zod';

/** "No" as a value: the `data` of an answer whose `success` is false. */
export class RpcFailure {
  /** Like `operation:bad_request`; clients decide by it. */
  readonly code: string;
  readonly description: string;
  readonly messages: Readonly<Record<string, unknown>> | undefined;

  constructor(code: string, description: string, messages?: Readonly<Record<string, unknown>>) {
    this.code = code;
    this.description = description;
    this.messages = messages;
  }
}

/** A list of which one page is told. */
export class RpcPage {
  readonly items: readonly unknown[];
  readonly page: number;
  readonly limit: number;

  constructor(items: readonly unknown[], page: number, limit: number) {
    this.items = items;
    this.page = page;
    this.limit = limit;
  }
}

export type RpcMethod = {
  /** Reads the members of a body and answers; what is wrong with them is a failure. */
  readonly call: (body: Readonly<Record<string, ExactJson>>) => Promise<unknown>;
  /** Bytes that its body may have. */
  readonly maxBytes: number;
  /** Also answers GET, without a body. */
  readonly byGet: boolean;
};

/** What bodies take when they are not blocks: a typed transaction with its signatures has 4 KiB. */
const MAX_BODY_BYTES = 64 * 1024;

/** A method whose parameters are read by `schema` before it is asked; members it does not name are ignored. */
export function rpcMethod<T>(
  schema: z.ZodType<T>,
  answer: (params: T) => unknown,
  { maxBytes = MAX_BODY_BYTES, byGet = false }: { maxBytes?: number; byGet?: boolean } = {},
): RpcMethod {
  return {
    maxBytes,
    byGet,
    call: async (body) => {
      const read = schema.safeParse(body);
      if (read.success) return answer(read.data);
      const [issue] = read.error.issues;
      return badRequest(issue?.path.join('.') || 'body', issue?.message ?? 'is wrong');
    },
  };
}

/** Parameters that are missing or wrong. */
export function badRequest(parameter: string, validator: string): RpcFailure {
  return new RpcFailure(
    'operation:bad_request',
    'Parameters required by this operation are missing or incorrect.',
    { validation_error: { parameter, validator } },
  );
}
