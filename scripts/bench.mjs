/**
 * `npm run bench -- NAME [--json]`: bundles bench/NAME.ts as the program is bundled, with the
 * program and its threads beside it, and runs it. With `--json` the last line is the result as one
 * JSON object. Flags for Node, such as --cpu-prof, are taken from BENCH_NODE_FLAGS.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleInto, ENTRIES, install, ROOT } from './setup.mjs';

const [name, ...rest] = process.argv.slice(2);
const source = `bench/${name}.ts`;
if (!/^[a-z-]+$/.test(name ?? '') || !existsSync(join(ROOT, source))) {
  // Those that can be run say so in their first lines; the others are what they share.
  const names = readdirSync(join(ROOT, 'bench')).flatMap((file) => {
    const text = readFileSync(join(ROOT, 'bench', file), 'utf8');
    return /`npm run bench -- ([a-z-]+)[^`]*`/.exec(text)?.slice(1) ?? [];
  });
  console.error(`Which one? npm run bench -- ${names.join(' | ')} [--json]`);
  process.exit(2);
}
install();
// Not in dist, which is emptied whenever a source has changed.
const folder = join(ROOT, '.cache/bench');
rmSync(folder, { recursive: true, force: true });
await bundleInto(folder, { [name]: source, ...ENTRIES });
const { status } = spawnSync(
  process.execPath,
  [
    '--enable-source-maps',
    ...(process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter(Boolean),
    join(folder, `${name}.js`),
    ...rest,
  ],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exit(status ?? 1);
