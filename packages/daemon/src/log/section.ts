import * as z from 'zod';

const level = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);
const levelOrSilent = z.enum([...level.options, 'silent']);

export type LogLevel = z.output<typeof level>;

/** The `[log]` section of every daemon's settings. */
export const logSection = z
  .object({
    level: levelOrSilent
      .default('info')
      .meta({ description: 'The least urgent level that is written.' }),
    levels: z.record(z.string(), levelOrSilent).default({}).meta({
      description:
        'Levels by module, stronger than `level`: { engine = "debug" } also covers engine.abci.',
    }),
    format: z.enum(['auto', 'json', 'pretty']).default('auto').meta({
      description: 'How lines look on standard output; auto is pretty on a terminal, else JSON.',
    }),
    stdout: z.boolean().default(true).meta({ description: 'Whether lines go to standard output.' }),
    file: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'A file that receives JSON lines too, rotated by size.' }),
    fileMaxBytes: z
      .number()
      .int()
      .min(2 ** 16)
      .default(10 * 2 ** 20)
      .meta({ description: 'Size at which the file is put away as .1, .2, ...', unit: 'bytes' }),
    filesKept: z.number().int().min(0).max(100).default(5).meta({
      description: 'How many files that were put away are kept; older ones are deleted.',
    }),
  })
  .describe('What is told about the running process, and where it goes.');
