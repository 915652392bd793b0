import type * as z from 'zod';
import { type ConfigKey, listKeys, listSections } from './keys.ts';
import type { Config } from './loadConfig.ts';
import { tomlValue } from './text.ts';

/** The house's line length, less the two characters that begin a comment. */
const COMMENT_COLUMNS = 98;
const REDACTED = '<secret>';

type Partly<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Partly<T[K]> }
    : T;

/**
 * A settings file, generated from the schema: every key with its description, unit, choices and
 * default. Keys stand commented out (`#level = "info"`: remove the `#` to set one), so that a
 * file made by an old version does not pin old defaults; those in `values` are written live.
 */
export function renderToml<S extends z.ZodObject>(
  schema: S,
  { title, values }: { title?: string; values?: Partly<z.input<S>> } = {},
): string {
  const blocks: string[] = title ? [comment(title)] : [];
  for (const section of listSections(schema)) {
    const about = section.description ? [comment(section.description)] : [];
    const head = section.path ? [`[${section.path}]`] : [];
    if (about.length + head.length > 0) blocks.push([...about, ...head].join('\n'));
    for (const key of section.keys) blocks.push(renderKey(key, valueAt(values, key.path)));
  }
  return `${blocks.join('\n\n')}\n`;
}

function renderKey(key: ConfigKey, value: unknown): string {
  const name = key.path.slice(key.path.lastIndexOf('.') + 1);
  const facts = [
    key.unit && `unit: ${key.unit}`,
    key.choices && `one of: ${key.choices.join(', ')}`,
    key.required && 'must be set',
    key.secret && 'secret',
    `variable: ${key.env}`,
  ].filter(Boolean);
  const lines = [comment(key.description), comment(facts.join('; '))];
  if (value !== undefined) lines.push(`${name} = ${tomlValue(value)}`);
  else if (key.defaultValue === undefined || key.defaultValue === null) lines.push(`# ${name} =`);
  else lines.push(`#${name} = ${tomlValue(key.defaultValue)}`);
  return lines.join('\n');
}

function comment(text: string): string {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line && line.length + 1 + word.length > COMMENT_COLUMNS) {
        lines.push(line);
        line = word;
      } else line = line ? `${line} ${word}` : word;
    }
    lines.push(line);
  }
  return lines.map((line) => `# ${line}`.trimEnd()).join('\n');
}

/**
 * The effective settings with the origin of each, for `palisade config show`: a table for people,
 * or a JSON object by key path. Secrets are replaced; amounts beyond a double are strings.
 */
export function renderConfig<T>(
  schema: z.ZodObject,
  config: Config<T>,
  format: 'table' | 'json' = 'table',
): string {
  const rows = listKeys(schema).map((key) => {
    const value = valueAt(config.value, key.path);
    return {
      path: key.path,
      value: key.secret && value !== undefined ? REDACTED : value,
      origin: config.origins[key.path] ?? 'default',
    };
  });
  if (format === 'json') {
    const entries = rows.map(({ path, ...rest }) => [path, rest]);
    return JSON.stringify(Object.fromEntries(entries), plainBigints, 2);
  }
  const cells = rows.map(({ path, value, origin }) => [path, shown(value), origin]);
  const widths = [0, 1].map((i) => Math.max(...cells.map((row) => row[i]!.length)));
  return cells
    .map(([path, value, origin]) =>
      [path!.padEnd(widths[0]!), value!.padEnd(widths[1]!), origin].join('  '),
    )
    .join('\n');
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return '-';
  return value === REDACTED ? REDACTED : tomlValue(value);
}

function plainBigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}

function valueAt(tree: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], tree);
}
