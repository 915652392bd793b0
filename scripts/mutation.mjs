/**
 * `npm run test:mutation`: is every check of the market needed
 * by some test? In a copy of the packages each check gets a switch (mutation/checks.mjs), wherever in
 * the market's sources it stands. One run with all of them on tells in which tests each check says
 * something; then those tests run with it off, quick ones first, until one fails (mutation/runner.mjs).
 * A check that nothing misses has survived: it wants a test, or is dead.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readArguments } from './arguments.mjs';
import { copySources } from './copy-sources.mjs';
import { instrument } from './mutation/checks.mjs';
import { install, ROOT } from './setup.mjs';

const MARKET = 'packages/market';
const CONFIG = 'mutation.config.mjs';
/** Tests that take longer wait until the others have said nothing, ms of processor time. */
const SLOW_MS = 1000;
/** A test that only waits is ended with an error; far longer than any takes on a busy machine, ms. */
const PATIENCE_MS = 600_000;

const { values: options } = readArguments({
  script: 'test:mutation',
  about: 'Switches each check of the market off: some test must fail.',
  options: {
    only: { value: 'FILE', initial: '', about: 'checks of files whose names have this in them' },
    jobs: {
      value: 'N',
      initial: Math.max(1, availableParallelism() >> 1),
      about: 'runs at a time',
    },
    list: { about: 'names the checks, and runs nothing' },
  },
});

/** A copy of the sources, and how its tests run. */
function copy(folder) {
  copySources(folder);
  const test = {
    pool: 'forks',
    isolate: false,
    maxWorkers: 1,
    include: [`${MARKET}/src/**/*.test.ts`],
    runner: './scripts/mutation/runner.mjs',
    testTimeout: PATIENCE_MS,
    cache: false,
  };
  writeFileSync(
    join(folder, CONFIG),
    `export default ${JSON.stringify({ cacheDir: '.vite', test })};\n`,
  );
}

function switchable(folder) {
  const files = readdirSync(join(ROOT, MARKET, 'src'), { recursive: true })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => `src/${name}`);
  const all = [];
  for (const file of files.toSorted()) {
    const source = readFileSync(join(ROOT, MARKET, file), 'utf8');
    const { checks, source: changed } = instrument(source, all.length + 1);
    writeFileSync(join(folder, MARKET, file), changed);
    all.push(...checks.map((check) => ({ ...check, file })));
  }
  return all;
}

let runs = 0;
/** Runs test files; answers with what the runner said, and with what was printed. */
async function vitest(folder, files, plan = {}) {
  const [planned, said] = [join(folder, `plan-${++runs}`), join(folder, `said-${runs}`)];
  writeFileSync(planned, JSON.stringify(plan));
  writeFileSync(said, '');
  const program = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [program, 'run', '--config', CONFIG, '--reporter=dot', ...files];
  // A test that fails may leave promises behind.
  if (files.length > 0) args.push('--dangerouslyIgnoreUnhandledErrors');
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, PALISADE_SAID: said, PALISADE_PLAN: planned },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      words += text;
    });
  const code = await new Promise((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  );
  if (code !== 0) throw new Error(`a test fails with every check on, or had no time:\n${words}`);
  const lines = readFileSync(said, 'utf8').trim().split('\n');
  return { lines: lines.filter(Boolean).map((line) => JSON.parse(line)), words };
}

/** Tries checks in tests; answers with the test that missed each. */
async function missedIn(folder, tests, numbers) {
  const found = new Map();
  for (;;) {
    const wanted = tests
      .map((test) => ({
        ...test,
        checks: test.checks.filter((number) => numbers.has(number) && !found.has(number)),
      }))
      .filter(({ checks }) => checks.length > 0);
    if (wanted.length === 0) return found;
    const files = [...new Set(wanted.map(({ file }) => file))];
    const plan = Object.fromEntries(wanted.map(({ test, ...more }) => [test, more]));
    const { lines, words } = await vitest(folder, files, plan);
    for (const { missed, test } of lines) if (missed) found.set(missed, test);
    if (lines.filter(({ tried }) => tried).length === wanted.length) return found;
    const { endless } = lines.at(-1) ?? {};
    if (!endless) throw new Error(`the tests broke off:\n${words}`);
    found.set(endless, 'a test that did not end');
  }
}

function short(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

async function main(folder) {
  copy(folder);
  const checks = switchable(folder).filter(({ file }) => file.includes(options.only));
  if (checks.length === 0)
    throw new Error(`no file of the market that has checks is like '${options.only}'`);
  const name = ({ file, line, text, gone }) =>
    `${file.replace('src/', '')}:${line} ${short(text, 60)} => ${gone}`;
  if (options.list) {
    for (const check of checks) console.log(name(check));
    return true;
  }
  const { lines: tests } = await vitest(folder, []);
  const killers = new Map();
  for (const isSlow of [false, true]) {
    const speed = tests.filter(({ ms }) => ms > SLOW_MS === isSlow);
    const left = checks.map(({ number }) => number).filter((number) => !killers.has(number));
    const shares = Array.from({ length: options.jobs }, (_, job) =>
      missedIn(folder, speed, new Set(left.filter((_, i) => i % options.jobs === job))),
    );
    for (const found of await Promise.all(shares))
      for (const [number, test] of found) killers.set(number, test);
  }
  for (const check of checks) {
    const test = killers.get(check.number);
    console.log(`${name(check)}\n    ${test ? `killed by: ${short(test, 110)}` : 'SURVIVED'}`);
  }
  const { length } = checks;
  console.log(`${length} mutants, ${killers.size} killed, ${length - killers.size} survived`);
  return killers.size === length;
}

install();
const folder = mkdtempSync(join(tmpdir(), 'palisade-mutation-'));
let good = false;
try {
  good = await main(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(good ? 0 : 1);
