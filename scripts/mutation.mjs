/**
 * `npm run test:mutation -- [--only FILE] [--jobs 2] [--list]`: is every check of the market's
 * commands needed by some test? In a copy of the packages each check gets a switch
 * (mutation/checks.mjs). One run with all of them on tells which test files ask which check; then
 * the market's tests run once for each check that is off, only the files that ask it, quick ones
 * first, until a test fails. A check that nothing misses has survived: it wants a test, or is dead.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { copySources } from './copy-sources.mjs';
import { instrument } from './mutation/checks.mjs';
import { install, ROOT } from './setup.mjs';

const MARKET = 'packages/market';
const CONFIG = 'mutation.config.mjs';
/** Where the market refuses: its commands, and what they ask about standing and evidence. */
const COMMANDS = 'src/commands';
const HELPERS = ['src/standing/limits.ts', 'src/standing/takers.ts', 'src/duties/evidence.ts'];
/** Test files that take longer than all others together wait until those have said nothing, ms. */
const SLOW_MS = 6000;
/** A check that is off may make a loop endless; ms. */
const TIMEOUT_MS = 300_000;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: String(Math.max(1, availableParallelism() >> 1)) },
    list: { type: 'boolean', default: false },
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
    setupFiles: ['./scripts/mutation/set-up.mjs'],
    testTimeout: 60_000,
    cache: false,
  };
  writeFileSync(
    join(folder, CONFIG),
    `export default ${JSON.stringify({ cacheDir: '.vite', test })};\n`,
  );
}

function switchable(folder) {
  const commands = readdirSync(join(ROOT, MARKET, COMMANDS))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => `${COMMANDS}/${name}`);
  const all = [];
  for (const file of [...commands, ...HELPERS]) {
    const source = readFileSync(join(ROOT, MARKET, file), 'utf8');
    const { checks, source: changed } = instrument(source, all.length + 1);
    writeFileSync(join(folder, MARKET, file), changed);
    all.push(...checks.map((check) => ({ ...check, file })));
  }
  return all;
}

let runs = 0;
/** Runs test files; answers with the runner's report, or undefined when it was stopped. */
function vitest(folder, files, env, more = []) {
  const report = join(folder, `report-${runs++}.json`);
  const program = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [
    ...[program, 'run', '--config', CONFIG, ...files],
    ...['--reporter=json', `--outputFile=${report}`, ...more],
  ];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: TIMEOUT_MS,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal) resolve(undefined);
      else
        try {
          resolve(JSON.parse(readFileSync(report, 'utf8')));
        } catch {
          reject(new Error(`the test runner left no report (exit ${code}): ${said}`));
        }
    });
  });
}

/** Which test files ask which checks, and how long they take. */
async function everythingOn(folder) {
  const reachedFolder = join(folder, 'reached');
  mkdirSync(reachedFolder);
  const report = await vitest(folder, [], { PALISADE_REACHED: reachedFolder });
  if (!report?.success) {
    const [first] = report?.testResults.filter(({ status }) => status === 'failed') ?? [];
    const { fullName, failureMessages } =
      first?.assertionResults.find(({ status }) => status === 'failed') ?? {};
    throw new Error(
      `a test fails with every check on: ${fullName ?? first?.name} ${failureMessages ?? first?.message}`,
    );
  }
  const files = readdirSync(reachedFolder).map((name) =>
    JSON.parse(readFileSync(join(reachedFolder, name), 'utf8')),
  );
  const took = ({ file }) => {
    const { startTime, endTime } = report.testResults.find(({ name }) => name.endsWith(file));
    return endTime - startTime;
  };
  return files
    .map(({ file, reached }) => ({ file, reached: new Set(reached), ms: took({ file }) }))
    .toSorted((a, b) => a.ms - b.ms);
}

/** The first test that fails when a check is off; undefined when none does. */
async function missedBy(folder, number, tests) {
  const asking = tests.filter(({ reached }) => reached.has(number));
  const rounds = [
    asking.filter(({ ms }) => ms < SLOW_MS),
    asking.filter(({ ms }) => ms >= SLOW_MS),
  ];
  for (const round of rounds) {
    if (round.length === 0) continue;
    const files = round.map(({ file }) => file);
    const report = await vitest(folder, files, { PALISADE_CHECK_OFF: `${number}` }, ['--bail=1']);
    if (!report) return 'a test that did not end';
    if (report.success) continue;
    const failed = report.testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .find(({ status }) => status === 'failed');
    return failed ? failed.fullName : 'a test file that did not load';
  }
  return undefined;
}

function short(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

async function main(folder) {
  copy(folder);
  const checks = switchable(folder).filter(({ file }) => file.includes(options.only));
  const name = ({ file, line, text, gone }) =>
    `${file.replace('src/', '')}:${line} ${short(text, 60)} => ${gone}`;
  if (options.list) {
    for (const check of checks) console.log(name(check));
    return true;
  }
  const tests = await everythingOn(folder);
  let survived = 0;
  const queue = [...checks];
  const work = async () => {
    for (let check = queue.shift(); check; check = queue.shift()) {
      const test = await missedBy(folder, check.number, tests);
      if (!test) survived++;
      console.log(`${name(check)}\n    ${test ? `killed by: ${short(test, 110)}` : 'SURVIVED'}`);
    }
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, work));
  const { length } = checks;
  console.log(`${length} mutants, ${length - survived} killed, ${survived} survived`);
  return survived === 0;
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
