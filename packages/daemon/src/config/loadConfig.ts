/**
 * Settings come from four places, each stronger than the one before: the schema's defaults, a
 * TOML file, `PALISADE_<SECTION>_<KEY>` variables, flags. A key is taken whole from the strongest
 * place that sets it (tables are not merged), and every value remembers where it came from.
 *
 *   const schema = z.object({ log: logSection, chain: z.object({
 *     blockMs: z.number().int().min(100).default(1000).meta({ description: '...', unit: 'ms' }),
 *   }) });
 *   const { value, origins } = loadConfig(schema, { file, env: process.env, flags, set });
 */
import { readFileSync, statSync } from 'node:fs';
import { PalisadeError } from '@palisade/core';
import { parse, TomlError } from 'smol-toml';
import type * as z from 'zod';
import { type ConfigKey, kebab, listSections } from './keys.ts';
import { nearestName } from './nearest.ts';
import { tomlValue, valueOfText, widen } from './text.ts';

/** A person writes this file; more than 1 MiB is some other file, and would only fill memory. */
const MAX_FILE_BYTES = 2 ** 20;

/** Where a value came from. */
export type Origin = 'default' | `file:${string}` | `env:${string}` | `flag:--${string}`;

export type ConfigSources = {
  /** Path of a TOML file. It must exist; leave it out when there is none. */
  readonly file?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * Options of a command by the path of their key, each named as the key in its section (`--root-chain` for
   * `watch.rootChain`); undefined is unset.
   */
  readonly flags?: Readonly<Record<string, unknown>>;
  /** `--set log.level=debug`, by path; stronger than the options. */
  readonly set?: Readonly<Record<string, string>> | undefined;
};

/** One thing wrong with the settings: where, what, why it matters, and what was likely meant. */
export type Problem = {
  readonly path: string;
  readonly origin: Origin;
  readonly what: string;
  readonly why: string;
  readonly hint?: string;
};

export type Config<T> = {
  readonly value: T;
  /** By key path. */
  readonly origins: Readonly<Record<string, Origin>>;
  /** Suspicious, but not wrong: variables that look like a misspelt one of ours. */
  readonly warnings: readonly Problem[];
};

type Layers = {
  readonly keys: readonly ConfigKey[];
  readonly names: readonly string[];
  readonly raw: Map<string, { value: unknown; origin: Origin }>;
  readonly problems: Problem[];
  readonly warnings: Problem[];
};

/** Every problem of the settings, without using them; empty when `loadConfig` would succeed. */
export function checkConfig(schema: z.ZodObject, sources: ConfigSources): readonly Problem[] {
  return resolve(schema, sources).problems;
}

/**
 * The effective settings with the origin of each.
 * @throws PalisadeError `config/invalid`, whose message and `data.problems` list every problem.
 */
export function loadConfig<S extends z.ZodObject>(
  schema: S,
  sources: ConfigSources,
): Config<z.output<S>> {
  const { value, origins, problems, warnings } = resolve(schema, sources);
  if (problems.length === 0) return { value: value as z.output<S>, origins, warnings };
  const lines = problems.map(renderProblem);
  throw new PalisadeError({
    code: 'config/invalid',
    message: `The settings have ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${lines.join('\n')}`,
    next: 'Correct the lines above and start again.',
    data: { problems: lines },
  });
}

/** `log.levle (file:node.toml): is not a setting ... Did you mean log.level?` */
export function renderProblem({ path, origin, what, why, hint }: Problem): string {
  return `  ${path || 'settings'} (${origin}): ${what}. ${why}${hint ? ` ${hint}` : ''}`;
}

function resolve(schema: z.ZodObject, sources: ConfigSources) {
  const sections = listSections(schema);
  const keys = sections.flatMap((section) => section.keys);
  const names = [...sections.map((section) => section.path).filter(Boolean)];
  names.push(...keys.map((key) => key.path));
  const layers: Layers = { keys, names, raw: new Map(), problems: [], warnings: [] };
  if (sources.file !== undefined) readFile(sources.file, layers);
  readEnv(sources.env ?? {}, layers);
  const optionOf = (path: string) => kebab(path.slice(path.lastIndexOf('.') + 1));
  readFlags(sources.flags ?? {}, (path) => `--${optionOf(path)}`, layers);
  readFlags(sources.set ?? {}, (path) => `--set ${path}`, layers);

  const tree: Record<string, unknown> = {};
  for (const section of sections) place(tree, section.path, {});
  for (const [path, { value }] of layers.raw) place(tree, path, value);
  const parsed = schema.safeParse(tree);
  if (!parsed.success) layers.problems.push(...parsed.error.issues.map(explain(layers)));
  const origins: Record<string, Origin> = {};
  for (const key of keys) origins[key.path] = layers.raw.get(key.path)?.origin ?? 'default';
  return { ...layers, value: parsed.data, origins };
}

function readFile(file: string, layers: Layers): void {
  const origin: Origin = `file:${file}`;
  const wrong = (what: string, why: string) =>
    layers.problems.push({ path: '', origin, what, why });
  let tree: Record<string, unknown>;
  try {
    if (statSync(file).size > MAX_FILE_BYTES) {
      wrong('is larger than 1 MiB', 'That is not a settings file.');
      return;
    }
    tree = parse(readFileSync(file, 'utf8'), {
      integersAsBigInt: 'asNeeded',
      unsafeKeyBehaviour: 'throw',
    });
  } catch (error) {
    if (error instanceof TomlError) {
      const [reason] = error.message.split('\n');
      wrong(`is not TOML at line ${error.line}, column ${error.column}`, `${reason}.`);
    } else wrong('cannot be read', `${(error as Error).message}.`);
    return;
  }
  readTree(tree, '', origin, layers);
}

function readTree(tree: object, at: string, origin: Origin, layers: Layers): void {
  for (const [name, value] of Object.entries(tree)) {
    const path = at ? `${at}.${name}` : name;
    const key = layers.keys.find((known) => known.path === path);
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (key) layers.raw.set(path, { value: widen(key, value), origin });
    else if (!layers.names.includes(path)) unknown(path, layers.names, origin, layers);
    else if (isTable) readTree(value, path, origin, layers);
    else {
      const why = `Write [${path}] on a line, and its keys below.`;
      layers.problems.push({ path, origin, what: 'is a section, not a value', why });
    }
  }
}

function readEnv(env: Readonly<Record<string, string | undefined>>, layers: Layers): void {
  for (const key of layers.keys) {
    const text = env[key.env];
    if (text === undefined) continue;
    layers.raw.set(key.path, { value: valueOfText(key, text), origin: `env:${key.env}` });
  }
  // Others may use the prefix too (a cluster names variables after services), so a variable that
  // we do not know is no error; one that is nearly ours is worth a word.
  const known = layers.keys.map((key) => key.env);
  for (const name of Object.keys(env)) {
    if (!name.startsWith('PALISADE_') || known.includes(name)) continue;
    const near = nearestName(name, known);
    if (!near) continue;
    const what = `the variable ${name} is not a setting`;
    const why = 'It has no effect.';
    const hint = `Did you mean ${near}?`;
    layers.warnings.push({ path: name, origin: `env:${name}`, what, why, hint });
  }
}

function readFlags(
  flags: Readonly<Record<string, unknown>>,
  typed: (path: string) => `--${string}`,
  layers: Layers,
): void {
  for (const [path, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const origin: Origin = `flag:${typed(path)}`;
    const key = layers.keys.find((known) => known.path === path);
    if (key) {
      const given = typeof value === 'string' ? valueOfText(key, value) : widen(key, value);
      layers.raw.set(path, { value: given, origin });
    } else {
      const known = layers.keys.map((each) => each.path);
      unknown(path, known, origin, layers);
    }
  }
}

function unknown(path: string, names: readonly string[], origin: Origin, layers: Layers): void {
  const near = nearestName(path, names);
  layers.problems.push({
    path,
    origin,
    what: 'is not a setting',
    why: 'A setting that nothing reads is a mistake that would otherwise stay unseen.',
    ...(near ? { hint: `Did you mean ${near}?` } : {}),
  });
}

/** A complaint of the schema, told in terms of keys and where their values came from. */
function explain({ keys, raw }: Layers): (issue: z.core.$ZodIssue) => Problem {
  return (issue) => {
    const path = issue.path.map(String).join('.');
    const key = keys.find((k) => path === k.path || path.startsWith(`${k.path}.`));
    if (!key) return { path, origin: 'default', what: issue.message, why: 'The keys must agree.' };
    const set = raw.get(key.path);
    if (!set) {
      return {
        path,
        origin: 'default',
        what: 'is not set, and has no default',
        why: key.description,
        hint: `Set it in the file, by ${key.env}, or by --set ${key.path}=...`,
      };
    }
    const shown = key.secret ? 'has a value that does not fit' : `is ${brief(set.value)}`;
    return {
      path,
      origin: set.origin,
      what: key.secret ? shown : `${shown}: ${issue.message}`,
      why: key.description,
    };
  };
}

/** At most 80 characters: enough to recognise the value, little enough to read the sentence. */
function brief(value: unknown): string {
  const text = tomlValue(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function place(tree: Record<string, unknown>, path: string, value: unknown): void {
  if (path === '') return;
  const segments = path.split('.');
  const last = segments.pop()!;
  const parent = segments.reduce((at, name) => at[name] as Record<string, unknown>, tree);
  parent[last] = value;
}
