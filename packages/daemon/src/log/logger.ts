/**
 * Logs: one JSON object a line, a level per module, nothing secret. Everything runs in the
 * calling thread: pino's worker transports cost some tens of MB of memory each, and lines that
 * are still in a worker's queue are lost when the process dies, which is when they matter.
 *
 *   const log = createLogger(config.value.log, { name: 'validator' });
 *   const engineLog = log.child({ module: 'engine' });
 *   engineLog.info('block committed', { height: 12n });
 */
import { pino } from 'pino';
import type * as z from 'zod';
import { createCleaner } from './clean.ts';
import { createPrettyFormat } from './pretty.ts';
import { openRotatingFile } from './rotatingFile.ts';
import type { LogLevel, logSection } from './section.ts';

export type LogFields = Readonly<Record<string, unknown>>;
type Say = (message: string, fields?: LogFields) => void;

/** What code that logs needs. The message is a constant sentence; what varies goes into fields. */
export type Logger = {
  readonly trace: Say;
  readonly debug: Say;
  readonly info: Say;
  readonly warn: Say;
  readonly error: Say;
  readonly fatal: Say;
  /** Whether a line of this level would be written: ask before computing costly fields. */
  enabled(level: LogLevel): boolean;
  /** A logger whose lines carry these fields too; its `module` chooses the level. */
  child(fields: LogFields & { readonly module?: string }): Logger;
};

export type RootLogger = Logger & {
  /** Never write this passphrase or key from now on, in whatever field, message or stack it is. */
  hide(secret: string | Uint8Array): void;
  /** Closes the file, if there is one. */
  close(): void;
};

export type LogSettings = z.output<typeof logSection>;

/** Takes one finished line, with its line feed. Must not throw. */
export type LogSink = { write(line: string): void; close?(): void };

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** A logger with these settings, writing to stdout, to a file, and to any `sinks` given. */
export function createLogger(
  settings: LogSettings,
  { name, sinks = [] }: { name: string; sinks?: readonly LogSink[] },
): RootLogger {
  const outputs = [...sinks, ...openOutputs(settings)];
  const { clean, hide } = createCleaner();
  const root = pino(
    {
      level: settings.level,
      base: { name },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (err) => err }, // pino's own would run over what is already plain
    },
    { write: (line: string) => outputs.forEach((output) => void output.write(line)) },
  );

  const build = (bindings: LogFields): Logger => {
    const level = levelOf(settings, String(bindings.module ?? ''));
    const target = root.child(clean(bindings) as LogFields, { level });
    const say = (at: (typeof LEVELS)[number]): Say => {
      return (message, fields) => {
        if (!target.isLevelEnabled(at)) return;
        target[at](unshadowed(clean(fields ?? {})), clean(message) as string);
      };
    };
    const says = Object.fromEntries(LEVELS.map((at) => [at, say(at)])) as Record<LogLevel, Say>;
    return {
      ...says,
      enabled: (at) => target.isLevelEnabled(at),
      child: (fields) => build({ ...bindings, ...fields }),
    };
  };
  return { ...build({}), hide, close: () => outputs.forEach((output) => void output.close?.()) };
}

/** A field that is named like a part of the line would replace that part for most readers. */
const OWN_NAMES: ReadonlySet<string> = new Set(['level', 'time', 'name', 'module', 'msg']);

function unshadowed(fields: unknown): object {
  const entries = Object.entries(fields as object);
  if (!entries.some(([name]) => OWN_NAMES.has(name))) return fields as object;
  return Object.fromEntries(
    entries.map(([name, value]) => [OWN_NAMES.has(name) ? `${name}_` : name, value]),
  );
}

/** The level of `engine.abci`: its own, or that of `engine`, or the general one. */
function levelOf({ level, levels }: LogSettings, module: string): LogLevel | 'silent' {
  for (let at = module; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
    const own = Object.hasOwn(levels, at) ? levels[at] : undefined;
    if (own) return own;
  }
  return level;
}

function openOutputs(settings: LogSettings): readonly LogSink[] {
  const outputs: LogSink[] = [];
  if (settings.stdout) outputs.push(openStdout(settings.format));
  if (settings.file !== undefined) {
    const { file: path, fileMaxBytes: maxBytes, filesKept: keep } = settings;
    outputs.push(openRotatingFile({ path, maxBytes, keep }));
  }
  return outputs;
}

/** One for the process, however many loggers it has: lines must not interleave. */
let stdout: { write(line: string): unknown } | undefined;

function openStdout(format: LogSettings['format']): LogSink {
  stdout ??= pino.destination({ fd: 1, sync: true });
  const out = stdout;
  const pretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY === true);
  if (!pretty) return { write: (line) => void out.write(line) };
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  const formatLine = createPrettyFormat({ colour });
  return { write: (line) => void out.write(formatLine(line)) };
}

/** Says nothing; for tests and for callers that pass no logger. */
export const silentLogger: Logger = {
  ...(Object.fromEntries(LEVELS.map((at) => [at, () => {}])) as unknown as Record<LogLevel, Say>),
  enabled: () => false,
  child: () => silentLogger,
};
