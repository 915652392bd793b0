/**
 * `npm run bench -- NAME [--json]`: bundles bench/NAME.ts as the program is bundled, with the
 * program and its threads beside it, and runs it.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments } from './arguments.mjs';
import { bundleInto, ENTRIES, install, ROOT } from './setup.mjs';

// Those that can be run say so in their first lines, with their cases; the others are what they share.
const CASES = new Map(
  readdirSync(join(ROOT, 'bench')).flatMap((file) => {
    const text = readFileSync(join(ROOT, 'bench', file), 'utf8');
    const [, name, cases = ''] = /`npm run bench -- ([a-z-]+)(?: \[(.*) …\])?`/.exec(text) ?? [];
    return name === undefined ? [] : [[name, cases.split(' | ').filter(Boolean)]];
  }),
);
const NAMES = [...CASES.keys()].join(', ');

function wrong([name, ...cases]) {
  if (name === undefined) return `which one: ${NAMES}`;
  const known = CASES.get(name);
  if (!known) return `'${name}' is none of ${NAMES}`;
  const other = cases.find((one) => !known.includes(one));
  if (other === undefined) return '';
  return `'${other}' is no case of ${name}${known.length > 0 ? `, which has ${known.join(', ')}` : ''}`;
}

const { values, rest } = readArguments({
  script: 'bench',
  about: `Measures one of: ${NAMES}.\nFlags for Node, such as --cpu-prof, are taken from BENCH_NODE_FLAGS.`,
  options: { json: { about: 'the last line is the result as one JSON object' } },
  rest: {
    name: 'NAME [CASE]...',
    about: `what to measure, and which cases of it: ${[...CASES].flatMap(([name, cases]) => (cases.length > 0 ? [`${name} has ${cases.join(', ')}`] : [])).join('; ')}`,
    most: 9,
    check: wrong,
  },
});
const [name, ...cases] = rest;
install();
// Not in dist, which is emptied whenever a source has changed.
const folder = join(ROOT, '.cache/bench');
rmSync(folder, { recursive: true, force: true });
await bundleInto(folder, { [name]: `bench/${name}.ts`, ...ENTRIES });
const { status } = spawnSync(
  process.execPath,
  [
    '--enable-source-maps',
    ...(process.env.BENCH_NODE_FLAGS ?? '').split(' ').filter(Boolean),
    join(folder, `${name}.js`),
    ...cases,
    ...(values.json ? ['--json'] : []),
  ],
  { cwd: ROOT, stdio: 'inherit' },
);
process.exit(status ?? 1);
