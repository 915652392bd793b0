/**
 * What every script of the repository begins with: packages installed as the lockfile says, and the
 * program bundled from the sources as they are. Both are skipped when nothing has changed. Plain
 * JavaScript without packages, because it runs before there are any.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const CACHE = join(ROOT, '.cache');
export const BUNDLE_DIR = join(ROOT, 'dist');
export const PROGRAM = join(BUNDLE_DIR, 'palisade.js');

/** Oldest Node that the packages run on. */
const LEAST_NODE = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])) return;
  console.error(
    `Palisade needs Node ${LEAST_NODE.join('.')} or newer; this is ${process.versions.node}.\nInstall a newer Node (https://nodejs.org) and run the command again.`,
  );
  process.exit(1);
}

function remembered(name) {
  const path = join(CACHE, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function remember(name, value) {
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(join(CACHE, name), value);
}

function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths)
    hash.update(relative(ROOT, path)).update('\0').update(readFileSync(path));
  return hash.digest('hex');
}

function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name.endsWith('.test.ts')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

/**
 * Installs the packages of the lockfile, when they are not there or the lockfile has changed. Not by
 * `npm ci`: that refuses a lockfile without the builds of every platform, and mirrors do not have
 * them all; `--no-save` installs the same versions with the same checksums and changes no file.
 */
export function install() {
  checkNode();
  const wanted = hashOf([join(ROOT, 'package-lock.json')]);
  if (remembered('installed') === wanted && existsSync(join(ROOT, 'node_modules'))) return;
  console.error('Installing packages …');
  try {
    execFileSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: ROOT,
      stdio: ['ignore', 2, 2],
    });
  } catch {
    console.error(
      'npm install failed: see above. It needs a connection to an npm registry, and npm 10 or newer.',
    );
    process.exit(1);
  }
  remember('installed', wanted);
}

/** Threads that programs start from files beside them. */
export const THREADS = {
  'run-thread': 'packages/partner/src/compute/run-thread.ts',
  'seal-thread': 'packages/partner/src/miner/seal-thread.ts',
  'shadow-worker': 'packages/node/src/shadow/shadow-worker.ts',
  'verify-worker': 'packages/node/src/verification/verify-worker.ts',
};
/** What is bundled: the program and its threads. */
export const ENTRIES = { palisade: 'packages/cli/src/bin.ts', ...THREADS };
/** Packages with native parts stay outside the bundle. */
const EXTERNAL = ['lmdb', 'secp256k1'];

/** Bundles the program, when it is not there or a source has changed. */
export async function bundle() {
  const sources = [...filesBelow(join(ROOT, 'packages'))].sort();
  const wanted = hashOf([...sources, fileURLToPath(import.meta.url)]);
  if (remembered('bundled') === wanted && existsSync(PROGRAM)) return;
  console.error('Bundling …');
  rmSync(BUNDLE_DIR, { recursive: true, force: true });
  await bundleInto(BUNDLE_DIR, ENTRIES);
  remember('bundled', wanted);
}

/**
 * Bundles entries (name to source, from the root) into a folder, as the program is bundled. Each thread
 * by itself: in memory it shares nothing with who starts it, and chunks shared on the disk would bring
 * it what it never calls.
 */
export async function bundleInto(folder, entries) {
  const { build } = await import('esbuild');
  const isThread = ([name]) => name in THREADS;
  const all = Object.entries(entries);
  const groups = [all.filter((one) => !isThread(one)), ...all.filter(isThread).map((one) => [one])];
  await Promise.all(groups.map((group) => build(optionsFor(folder, group))));
}

function optionsFor(folder, entries) {
  return {
    entryPoints: Object.fromEntries(entries.map(([name, path]) => [name, join(ROOT, path)])),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // Of packages that have both: of modules, what is not called can be left out.
    mainFields: ['module', 'main'],
    target: 'node20',
    sourcemap: 'linked',
    external: EXTERNAL,
    logLevel: 'warning',
    // Bundled CommonJS packages ask for `require`, which modules do not have by themselves.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  };
}
