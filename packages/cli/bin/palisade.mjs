#!/usr/bin/env node
/** The `palisade` command of a checkout: bundles the sources when they changed, then runs them. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const setup = join(root, 'scripts/setup.mjs');
if (existsSync(setup)) {
  const { bundle } = await import(setup);
  await bundle();
  process.env.PALISADE_HOME ??= join(root, '.palisade');
}
await import(join(root, 'dist/palisade.js'));
