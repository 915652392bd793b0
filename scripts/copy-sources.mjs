/** A copy of the sources in a folder of its own, for runs that change them. */
import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from './setup.mjs';

/** What is made from sources, what is used where it is, and what a network that may be running keeps. */
const LEFT_OUT = new Set(['node_modules', 'dist', '.cache', '.git', '.palisade']);

/**
 * Copies everything but what `LEFT_OUT` names. Packages of others are links to where they are; the
 * project's own are those of the copy, so that a changed source harms nobody else.
 */
export function copySources(folder) {
  cpSync(ROOT, folder, {
    recursive: true,
    filter: (path) => path === ROOT || !LEFT_OUT.has(basename(path)),
  });
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@palisade'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (!name.startsWith('.') && name !== '@palisade')
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
  for (const name of readdirSync(join(folder, 'packages')))
    symlinkSync(join(folder, 'packages', name), join(modules, '@palisade', name));
}
