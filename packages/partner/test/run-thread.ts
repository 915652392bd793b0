/** A thread of the partner, bundled for a test as the program is bundled. */
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export type BundledThread = { readonly url: URL; remove(): Promise<void> };

/** @param source below `src`, without its ending */
export async function bundleRunThread(source = 'compute/run-thread'): Promise<BundledThread> {
  const folder = await mkdtemp(join(tmpdir(), 'palisade-run-thread-'));
  await build({
    entryPoints: [fileURLToPath(new URL(`../src/${source}.ts`, import.meta.url))],
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['lmdb', 'secp256k1'],
    banner: {
      js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);",
    },
  });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  // Packages that stay outside the bundle are found beside the sources.
  const modules = fileURLToPath(new URL('../../../node_modules', import.meta.url));
  await symlink(modules, join(folder, 'node_modules'));
  return {
    url: pathToFileURL(join(folder, `${basename(source)}.js`)),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
