import { PalisadeError } from '@palisade/core';
import * as z from 'zod';

/** How a value is written as text, in a variable or after a flag. */
export type KeyKind = 'text' | 'number' | 'bigint' | 'switch' | 'list' | 'table' | 'other';

/** One setting, as the schema declares it: all that a file, a help page or a flag parser needs. */
export type ConfigKey = {
  /** `log.level`, as in the file. */
  readonly path: string;
  /** `PALISADE_LOG_LEVEL`. */
  readonly env: string;
  readonly kind: KeyKind;
  readonly description: string;
  /** `ms`, `bytes`, ...; from the schema's `.meta({ unit })`. */
  readonly unit: string | undefined;
  /** Never shown; from `.meta({ secret: true })`. */
  readonly secret: boolean;
  readonly choices: readonly string[] | undefined;
  /** Undefined for keys that may stay unset and for keys that must be set; see `required`. */
  readonly defaultValue: unknown;
  readonly required: boolean;
  readonly schema: z.ZodType;
};

/** The sections of a schema, in order, each with its own keys; the root's path is `''`. */
export type ConfigSection = {
  readonly path: string;
  readonly description: string | undefined;
  readonly keys: readonly ConfigKey[];
};

/**
 * Reads a schema of nested `z.object`s. Objects are sections; everything else is a key, and every
 * key must say what it is for: `.meta({ description, unit?, secret? })` or `.describe(...)`.
 *
 * @throws PalisadeError `config/bad-schema`, a bug in the program: a key without a description, a
 * name that is not a plain word, or two keys that would share one variable.
 */
export function listSections(schema: z.ZodObject): readonly ConfigSection[] {
  const sections: ConfigSection[] = [];
  visit(schema, [], sections);
  const owners = new Map<string, string>();
  for (const key of sections.flatMap((section) => section.keys)) {
    const owner = owners.get(key.env);
    if (owner) throw badSchema(`${key.path} and ${owner} both claim the variable ${key.env}.`);
    owners.set(key.env, key.path);
  }
  return sections;
}

/** Every key of a schema, in order. Throws as `listSections` does. */
export function listKeys(schema: z.ZodObject): readonly ConfigKey[] {
  return listSections(schema).flatMap((section) => section.keys);
}

function visit(schema: z.ZodObject, at: readonly string[], sections: ConfigSection[]): void {
  const entries = Object.entries(schema.shape as Record<string, z.ZodType>);
  const unnamed = entries.find(([name]) => !/^[a-zA-Z][a-zA-Z0-9]*$/.test(name));
  if (unnamed) throw badSchema(`'${unnamed[0]}' is not made of letters and digits only.`);
  const keys = entries
    .filter(([, part]) => !(part instanceof z.ZodObject))
    .map(([name, part]) => describeKey([...at, name], part));
  sections.push({ path: at.join('.'), description: schema.meta()?.description, keys });
  for (const [name, part] of entries) {
    if (part instanceof z.ZodObject) visit(part, [...at, name], sections);
  }
}

function describeKey(segments: readonly string[], schema: z.ZodType): ConfigKey {
  const layers = unwrap(schema);
  const meta = Object.assign({}, ...layers.map((layer) => layer.meta()).reverse());
  const path = segments.join('.');
  if (!meta.description) throw badSchema(`${path} has no description.`);
  const inner = layers.at(-1)!;
  const absent = schema.safeParse(undefined);
  return {
    path,
    env: `PALISADE_${segments.map((s) => kebab(s).replaceAll('-', '_').toUpperCase()).join('_')}`,
    kind: kindOf(inner),
    description: meta.description,
    unit: typeof meta.unit === 'string' ? meta.unit : undefined,
    secret: meta.secret === true,
    choices: inner instanceof z.ZodEnum ? inner.options.map(String) : undefined,
    defaultValue: absent.success ? absent.data : undefined,
    required: !absent.success,
    schema,
  };
}

/** A schema and what it wraps, outermost first; the last one tells the kind of value. */
function unwrap(schema: z.ZodType): readonly z.ZodType[] {
  const layers = [schema];
  for (let at: z.ZodType | undefined = schema; at; ) {
    at = innerOf(at);
    if (at) layers.push(at);
  }
  return layers;
}

function innerOf(schema: z.ZodType): z.ZodType | undefined {
  if (schema instanceof z.ZodPipe) {
    return (schema.in instanceof z.ZodTransform ? schema.out : schema.in) as z.ZodType;
  }
  const wraps =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly;
  return wraps ? (schema.unwrap() as z.ZodType) : undefined;
}

/** What kind of value the parts of a list or table are. */
export function elementKind(key: ConfigKey): KeyKind {
  const inner = unwrap(key.schema).at(-1)!;
  if (inner instanceof z.ZodArray) return kindOf(unwrap(inner.element as z.ZodType).at(-1)!);
  if (inner instanceof z.ZodRecord) return kindOf(unwrap(inner.valueType as z.ZodType).at(-1)!);
  return 'other';
}

function kindOf(schema: z.ZodType): KeyKind {
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodBigInt) return 'bigint';
  if (schema instanceof z.ZodBoolean) return 'switch';
  if (schema instanceof z.ZodArray) return 'list';
  if (schema instanceof z.ZodRecord) return 'table';
  const text =
    schema instanceof z.ZodString ||
    schema instanceof z.ZodStringFormat ||
    schema instanceof z.ZodEnum ||
    schema instanceof z.ZodLiteral ||
    schema instanceof z.ZodTemplateLiteral;
  return text ? 'text' : 'other';
}

/** `maxBytes` becomes `max-bytes`. */
export function kebab(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
}

function badSchema(message: string): PalisadeError {
  return new PalisadeError({ code: 'config/bad-schema', message });
}
