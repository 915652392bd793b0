/**
 * Checks who imports whom: the arrows of ARCHITECTURE.md, no cycles of packages, modules only
 * through their doors, and no package that its package.json does not name.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, relative } from 'node:path';
import { ROOT } from './setup.mjs';

/** For each package: which of ours it may import. `market/schema` is the declarations' door alone. */
const ALLOWED = {
  core: [],
  formats: ['core'],
  chain: ['core', 'formats'],
  market: ['core', 'formats', 'chain'],
  power: ['core', 'formats', 'chain'],
  payments: ['core', 'formats', 'chain'],
  daemon: ['core'],
  engine: ['core', 'formats'],
  rootchain: ['core', 'formats'],
  node: [
    'core',
    'formats',
    'chain',
    'market',
    'power',
    'payments',
    'engine',
    'rootchain',
    'daemon',
  ],
  client: ['core', 'chain/schema', 'market/schema', 'power/schema', 'payments/schema'],
  partner: ['core', 'market/schema', 'power/schema', 'chain/schema', 'client', 'daemon'],
  watcher: ['core', 'formats', 'payments', 'rootchain', 'daemon'],
  devnet: [
    'core',
    'chain',
    'market',
    'power',
    'payments',
    'client',
    'daemon',
    'rootchain',
    'node',
    'partner',
    'watcher',
  ],
  // Daemons and tools are loaded lazily, so that `palisade balance` does not load an engine.
  cli: [
    'core',
    'chain/schema',
    'market/schema',
    'power/schema',
    'payments/schema',
    'client',
    'daemon/base',
    'lazy:node',
    'lazy:partner',
    'lazy:watcher',
    'lazy:devnet',
  ],
};
/** Pure packages know no platform. */
const PURE = new Set(['core', 'formats', 'chain', 'market', 'power', 'payments', 'client']);
/** The one folder of core that is for Node alone. */
const PLATFORM_FOLDER = 'packages/core/src/crypto/node/';

const problems = [];

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts')) yield path;
  }
}

function checkFile(packageName, path, dependencies) {
  const text = readFileSync(path, 'utf8');
  const name = relative(ROOT, path);
  // One such import, and every command loads 550 KB of it that nobody calls.
  if (/^import (?:type )?\{.*from 'zod'/m.test(text))
    problems.push(
      `${name}: write "import * as z from 'zod'", of which a bundler takes what is called`,
    );
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|(?:^|\n)import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g;
  for (const match of text.matchAll(pattern)) {
    const specifier = match[1] ?? match[2] ?? match[3];
    const lazy = match[3] !== undefined;
    if (specifier.startsWith('.')) {
      if (!specifier.endsWith('.ts'))
        problems.push(`${name}: write '${specifier}' with its .ts ending`);
      if (specifier.split('/').filter((part) => part === '..').length > name.split('/').length - 4)
        problems.push(`${name}: '${specifier}' leaves its package; use its door`);
      continue;
    }
    if (isBuiltin(specifier)) {
      if (PURE.has(packageName) && !name.startsWith(PLATFORM_FOLDER))
        problems.push(`${name}: a pure package imports '${specifier}'`);
      continue;
    }
    const dependency = specifier.startsWith('@')
      ? specifier.split('/').slice(0, 2).join('/')
      : specifier.split('/')[0];
    if (dependency === `@palisade/${packageName}`) continue;
    if (!dependencies.has(dependency))
      problems.push(`${name}: '${dependency}' is not a dependency in its package.json`);
    if (!specifier.startsWith('@palisade/')) continue;
    const ours = specifier.slice('@palisade/'.length);
    const target = ours.split('/')[0];
    const allowed = ALLOWED[packageName];
    if (ours.endsWith('/crypto') || allowed.includes(target) || allowed.includes(ours)) continue;
    if (lazy && allowed.includes(`lazy:${target}`)) continue;
    problems.push(
      `${name}: ${packageName} may not import ${specifier} (ARCHITECTURE.md, "Who may import whom")`,
    );
  }
}

for (const packageName of readdirSync(join(ROOT, 'packages'))) {
  if (!ALLOWED[packageName]) {
    problems.push(`packages/${packageName} is not in ARCHITECTURE.md's import rules`);
    continue;
  }
  const manifest = JSON.parse(
    readFileSync(join(ROOT, 'packages', packageName, 'package.json'), 'utf8'),
  );
  const dependencies = new Set(Object.keys(manifest.dependencies ?? {}));
  for (const path of sources(join(ROOT, 'packages', packageName, 'src')))
    checkFile(packageName, path, dependencies);
}

for (const problem of problems) console.error(problem);
process.exit(problems.length === 0 ? 0 : 1);
