/** The settings of the command line: one schema for file, variables, flags and help. */
import { existsSync } from 'node:fs';
import { type Config, type ConfigSources, loadConfig } from '@palisade/daemon/base';
import * as z from 'zod';
import { parseAmount, parseDuration } from '../terminal/amounts.ts';
import type { World } from '../terminal/world.ts';
import type { Home } from './home.ts';

const parsedBy = (parse: (text: string) => unknown, wanted: string) =>
  z.string().refine((text) => {
    try {
      parse(text);
      return true;
    } catch {
      return false;
    }
  }, wanted);

export const cliConfig = z.object({
  url: z
    .array(z.url({ protocol: /^https?$/ }).max(200))
    .max(64)
    .default([])
    .meta({ description: 'Validators to begin with; the others are learnt from them.' }),
  genesisHash: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/)
    .optional()
    .meta({ description: 'The chain that is meant; validators of others are refused.' }),
  key: z
    .string()
    .optional()
    .meta({ description: 'Name of the account key; the only one there is, unless set.' }),
  passphrase: z.string().optional().meta({
    description: 'Passphrase of the key. Better given by the variable than in a file.',
    secret: true,
  }),
  passphraseFile: z
    .string()
    .optional()
    .meta({ description: 'A file whose first line is the passphrase.' }),
  replicas: z.number().int().min(1).max(32).default(3).meta({
    description: 'Copies of what is stored, each with another partner.',
  }),
  duration: parsedBy(parseDuration, 'must read like 10m, 4h or 2d')
    .default('1h')
    .meta({ description: 'How long things are stored, unless said otherwise.' }),
  maxPrice: parsedBy(parseAmount, 'must be an amount in PAL, as 0.001')
    .optional()
    .meta({ description: 'Most that is paid per started MiB and session, in PAL.' }),
});
export type CliConfig = z.output<typeof cliConfig>;

/** Names with the prefix that are no settings of this schema. */
const OTHER_VARIABLES = new Set(['PALISADE_HOME', 'PALISADE_DEBUG']);

/** Where this world's settings come from. */
export function configSources(
  world: World,
  home: Home,
  flags: Readonly<Record<string, unknown>> = {},
): ConfigSources {
  const env = Object.fromEntries(
    Object.entries(world.env).filter(([name]) => !OTHER_VARIABLES.has(name)),
  );
  return { env, flags, ...(existsSync(home.config) ? { file: home.config } : {}) };
}

/** Flags that are settings too. */
const SETTING_FLAGS = ['url', 'key', 'passphraseFile', 'replicas', 'maxPrice'] as const;

/** @throws PalisadeError `config/invalid` */
export function readConfig(
  world: World,
  home: Home,
  options: Readonly<Record<string, unknown>>,
): Config<CliConfig> {
  const flags: Record<string, unknown> = {};
  for (const name of SETTING_FLAGS)
    if (options[name] !== undefined && typeof options[name] !== 'bigint')
      flags[name] = options[name];
  return loadConfig(cliConfig, configSources(world, home, flags));
}
