/**
 * `npm run test:mistakes`: mistakes that predecessors made, put back one at a
 * time in a copy of the sources: the test that is named for each must fail, and does not without it.
 * Each file of scripts/mistakes/ exports a chapter's as `MISTAKES`:
 *
 *   { id, title, edits: [{ file, from, to }], test: { file, name } }
 *
 * `from` stands exactly once in the file: when the source has changed so that it does not, the entry
 * fails and wants to be looked at. `name` is a part of the test's full name; a file that ends with
 * `.t.sol` is run by forge, with the whole name of a test.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readArguments } from './arguments.mjs';
import { forge } from './contracts.mjs';
import { copySources } from './copy-sources.mjs';
import { install, ROOT } from './setup.mjs';

/** A mistake may make a loop endless; ms. */
const TIMEOUT_MS = 300_000;

const { values: options } = readArguments({
  script: 'test:mistakes',
  about:
    'Puts mistakes of predecessors back, one at a time: the test that is named for each must fail.',
  options: {
    only: { value: 'TEXT', initial: '', about: 'mistakes whose chapter/id has this in it' },
    list: { about: 'names them, and runs nothing' },
  },
});

/** All entries, named `chapter/id`. */
async function entries() {
  const folder = join(ROOT, 'scripts/mistakes');
  const all = [];
  for (const file of readdirSync(folder).sort()) {
    const { MISTAKES } = await import(pathToFileURL(join(folder, file)).href);
    all.push(
      ...MISTAKES.map((entry) => ({ ...entry, id: `${basename(file, '.mjs')}/${entry.id}` })),
    );
  }
  const wanted = all.filter(({ id }) => id.includes(options.only));
  if (wanted.length === 0) throw new Error(`no mistake is called like '${options.only}'`);
  return wanted;
}

/** Puts a mistake into the copy; answers with what takes it out again. */
function putBack(folder, edits) {
  const before = new Map();
  for (const { file, from, to } of edits) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    const found = text.split(from).length - 1;
    if (found !== 1)
      throw new Error(
        `${file} has ${found} times, and not once:\n${from}\nThe source has changed.`,
      );
    if (!before.has(path)) before.set(path, text);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }
  return () => {
    for (const [path, text] of before) writeFileSync(path, text);
  };
}

/** Results of tests, `{ name, passed }`, of those whose names hold one of `names`. */
function runVitest(folder, file, names) {
  const report = join(folder, 'report.json');
  rmSync(report, { force: true });
  const wanted = names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
  const { stderr } = spawnSync(
    process.execPath,
    [
      join(ROOT, 'node_modules/vitest/vitest.mjs'),
      ...['run', file, '-t', wanted, '--maxWorkers=1'],
      ...['--reporter=json', `--outputFile=${report}`],
    ],
    { cwd: folder, encoding: 'utf8', timeout: TIMEOUT_MS, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let suites;
  try {
    suites = JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch {
    throw new Error(`the test runner left no report: ${stderr}`);
  }
  const broken = suites.find(({ assertionResults }) => assertionResults.length === 0);
  if (broken) throw new Error(`${file} did not load: ${broken.message}`);
  return suites
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName }) => names.some((name) => fullName.includes(name)))
    .map(({ fullName, status }) => ({ name: fullName, passed: status === 'passed' }));
}

function runForge(folder, file, names) {
  const pattern = `^(${names.join('|')})\\(`;
  const { stdout } = forge(['test', '--json', '--match-path', file, '--match-test', pattern], {
    capture: true,
    cwd: join(folder, 'contracts'),
  });
  let suites;
  try {
    suites = Object.values(JSON.parse(stdout));
  } catch {
    throw new Error(`forge did not report: ${stdout}`);
  }
  return suites.flatMap(({ test_results: tests }) =>
    Object.entries(tests).map(([name, { status }]) => ({ name, passed: status === 'Success' })),
  );
}

function runTests(folder, file, names) {
  return file.endsWith('.t.sol')
    ? runForge(folder, file.replace(/^contracts\//, ''), names)
    : runVitest(folder, file, names);
}

/** Names of tests that are not there, or do not pass while no mistake is in. */
function unfit(folder, all) {
  const bad = new Map();
  for (const file of new Set(all.map(({ test }) => test.file))) {
    const here = all.filter(({ test }) => test.file === file);
    const results = runTests(
      folder,
      file,
      here.map(({ test }) => test.name),
    );
    for (const { id, test } of here) {
      const own = results.filter(({ name }) => name.includes(test.name));
      if (own.length !== 1) bad.set(id, `${own.length} tests of ${file} are called so`);
      else if (!own[0].passed) bad.set(id, 'the test fails without the mistake');
    }
  }
  return bad;
}

/** What came of one mistake; undefined when its test failed, as it must. */
function complaint(folder, { edits, test }) {
  let takeOut;
  try {
    takeOut = putBack(folder, edits);
    const results = runTests(folder, test.file, [test.name]);
    return results.some(({ passed }) => !passed) ? undefined : 'the test passes with the mistake';
  } catch (cause) {
    return cause.message;
  } finally {
    takeOut?.();
  }
}

async function main(folder) {
  const all = await entries();
  if (options.list) {
    for (const { id, title, test } of all) console.log(`${id}  ${title}\n    ${test.file}`);
    return true;
  }
  copySources(folder);
  const bad = unfit(folder, all);
  for (const entry of all) {
    const why = bad.get(entry.id) ?? complaint(folder, entry);
    if (why) bad.set(entry.id, why);
    console.log(`${why ? 'NOT SHOWN' : 'shown    '} ${entry.id}  ${entry.title}`);
    console.log(`          ${entry.test.file}: ${entry.test.name}`);
    if (why) console.log(`          ${why}`);
  }
  console.log(`${all.length - bad.size} mistakes make their test fail, ${bad.size} do not`);
  return bad.size === 0 && all.length > 0;
}

install();
const folder = mkdtempSync(join(tmpdir(), 'palisade-mistakes-'));
try {
  process.exitCode = (await main(folder)) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
