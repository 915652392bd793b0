import type { KeyValueReader, RecordSchema, Schema } from '@palisade/core';

/** A question that the committed state answers: declared once, for API, client and help. */
export type QueryDeclaration<P = unknown, R = unknown> = {
  /** `module.question`, as in `market.job`. */
  readonly name: string;
  readonly doc: string;
  readonly params: RecordSchema<P>;
  readonly result: Schema<R>;
};

export function query<P, R>(declaration: QueryDeclaration<P, R>): QueryDeclaration<P, R> {
  return declaration;
}

export type QueryHandler<P = unknown, R = unknown> = {
  readonly declaration: QueryDeclaration<P, R>;
  /** The answer, or undefined where there is no such thing. */
  run(state: KeyValueReader, params: P): R | undefined;
};

export function answer<P, R>(
  declaration: QueryDeclaration<P, R>,
  run: (state: KeyValueReader, params: P) => R | undefined,
): QueryHandler {
  return { declaration, run } as QueryHandler;
}

/** Entries of a page at most: one page stays below 1 MiB of JSON. */
export const MAX_PAGE = 100;
