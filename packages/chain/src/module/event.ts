import { type RecordSchema, record, type Schema, type Values } from '@palisade/core';

/** Something that happened, for whoever watches: declared once, like a command. */
export type EventDeclaration<T = unknown> = {
  /** `module.what-happened`, as in `market.job-started`. */
  readonly name: string;
  readonly doc: string;
  readonly schema: RecordSchema<T>;
};

export function event<F extends Record<string, Schema<unknown>>>(spec: {
  readonly name: string;
  readonly doc: string;
  readonly fields: F;
}): EventDeclaration<Values<F>> {
  return { name: spec.name, doc: spec.doc, schema: record('Event', spec.fields) };
}
