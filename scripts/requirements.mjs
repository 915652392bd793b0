/**
 * Prints which tests show which requirement: test names cite ids in brackets, like `[C2V-2] a
 * confirmation names its block`. With `--check` it fails when README.md claims an id as shown that
 * no test cites, or spec/market.md lists a story that no test tells under its name and ids; with
 * `--json` it prints the table as JSON.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from './setup.mjs';

const ID = /^(?:C2V|P2V|V2V)-\d+(?:\.[A-Z0-9]+)*$|^[PXM]\d+$|^ENG(?:-\d+(?:\.\d+)*)?$/;

function* testFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* testFiles(path);
    else if (entry.name.endsWith('.test.ts')) yield path;
  }
}

const table = new Map();
for (const folder of ['packages', 'test'])
  for (const path of testFiles(join(ROOT, folder))) {
    const text = readFileSync(path, 'utf8');
    for (const [, , title] of text.matchAll(
      /\b(?:it|test)(?:\.\w+)?\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs,
    ))
      for (const [, ids] of title.matchAll(/\[([^\]]+)\]/g))
        for (const id of ids.split(/[,\s]+/).filter((part) => ID.test(part))) {
          const test = `${relative(ROOT, path)}: ${title}`;
          table.set(id, [...(table.get(id) ?? []), test]);
        }
  }

/** Ids in rows of README's feature table whose status is "yes". */
function claimed() {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const ids = new Set();
  for (const line of readme.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells.length < 5 || !/^yes\b/.test(cells[3])) continue;
    for (const part of cells[2].split(/[,\s]+/)) if (ID.test(part)) ids.add(part);
  }
  return ids;
}

/** Stories of spec/market.md, rows of a table `story | ids | outcome`, that no test tells. */
function untold() {
  const text = readFileSync(join(ROOT, 'spec/market.md'), 'utf8');
  const [, rows = ''] = text.split('| story | ids | outcome |\n|---|---|---|\n');
  const stories = rows.slice(0, rows.indexOf('\n\n')).split('\n');
  return stories.filter((row) => {
    const [, story, ids] = row.split('|').map((cell) => cell.trim());
    return !ids?.split(', ').every((id) => table.get(id)?.some((test) => test.includes(story)));
  });
}

if (process.argv.includes('--check')) {
  const missing = [...claimed()].filter((id) => !table.has(id));
  for (const id of missing) console.error(`README.md claims ${id}, but no test cites it.`);
  for (const row of untold())
    console.error(`spec/market.md tells a story that no test does: ${row}`);
  process.exit(missing.length + untold().length === 0 ? 0 : 1);
}
const sorted = [...table].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
if (process.argv.includes('--json'))
  console.log(JSON.stringify(Object.fromEntries(sorted), null, 2));
else
  for (const [id, tests] of sorted)
    console.log(`${id}\n${tests.map((test) => `  ${test}`).join('\n')}`);
