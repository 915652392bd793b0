/**
 * The Solidity part of the repository. `node scripts/contracts.mjs` compiles and writes what TypeScript
 * uses of it (ABI and bytecode, committed, so that users need no compiler); `--check` fails when that
 * is not what the sources give. Output and forge's cache are in .cache/contracts.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeV1 } from './contracts-v1.mjs';
import { install, ROOT } from './setup.mjs';

const CONTRACTS = join(ROOT, 'contracts');
const OUT = join(ROOT, '.cache/contracts/out');
const GENERATED = join(ROOT, 'packages/rootchain/src/generated');
/** The first version's contracts are for tests alone. */
const V1 = join(ROOT, '.cache/contracts/v1');
const V1_GENERATED = join(ROOT, 'packages/rootchain/test/v1');

/** What TypeScript uses: contract, its file, the name of the constants. */
const EXPORTED = [
  ['PlasmaFramework', 'framework'],
  ['EthVault', 'ethVault'],
  ['Erc20Vault', 'erc20Vault'],
  ['PaymentExitGame', 'exitGame'],
  ['ValidatorAuthority', 'authority'],
  ['TestToken', 'testToken'],
];

/** Of the first version, tests deploy these. */
const V1_EXPORTED = EXPORTED.filter(([, name]) => !['authority', 'testToken'].includes(name));

/** Runs forge in contracts/, or a copy of it, with the compiler of npm, and answers what it printed. */
export function forge(args, { capture = false, env = {}, cwd = CONTRACTS } = {}) {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const name = `@foundry-rs/forge-${process.platform}-${arch}`;
  const need = createRequire(join(ROOT, 'package.json'));
  let binary;
  try {
    binary = join(dirname(need.resolve(`${name}/package.json`)), 'bin/forge');
  } catch {
    console.error(`The contracts need ${name}, which npm did not install on this machine.`);
    process.exit(1);
  }
  return spawnSync(binary, args, {
    cwd,
    encoding: 'utf8',
    // The gas and logs of all tests; they are a few hundred.
    maxBuffer: 256 * 1024 * 1024,
    stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
}

/** Runs the Solidity tests; answers how many passed and failed, and prints those that failed. */
export function testContracts(profile = 'default') {
  // Tests of every day are the same each time; a long run looks elsewhere, and says where.
  const seed = profile === 'long' ? `0x${randomBytes(8).toString('hex')}` : undefined;
  if (seed) console.log(`seed ${seed}`);
  const { stdout } = forge(['test', '--json', ...(seed ? ['--fuzz-seed', seed] : [])], {
    capture: true,
    env: { FOUNDRY_PROFILE: profile },
  });
  const counts = { passed: 0, failed: 0 };
  let suites;
  try {
    suites = Object.entries(JSON.parse(stdout));
  } catch {
    console.error(`forge did not report:\n${stdout}`);
    return { passed: 0, failed: 1 };
  }
  for (const [suite, { test_results: tests }] of suites)
    for (const [name, { status, reason, counterexample }] of Object.entries(tests)) {
      if (status === 'Success') counts.passed++;
      else {
        counts.failed++;
        console.error(`FAILED ${suite} ${name}: ${reason} ${JSON.stringify(counterexample ?? '')}`);
      }
    }
  if (suites.length === 0) counts.failed++;
  console.log(`contracts: ${counts.passed} passed, ${counts.failed} failed`);
  return counts;
}

/** The text of each generated file, by its name. */
function generated(exported, out, source) {
  const files = new Map();
  const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  for (const [contract, name] of exported) {
    const artifact = JSON.parse(
      readFileSync(join(out, `${contract}.sol`, `${contract}.json`), 'utf8'),
    );
    const abi = artifact.abi.map((item) => `  ${JSON.stringify(item)},`).join('\n');
    files.set(
      `${kebab(name)}.ts`,
      `// Generated from ${source} by scripts/contracts.mjs. Do not edit.
export const ${name}Abi = [
${abi}
] as const;

export const ${name}Bytecode =
  '${artifact.bytecode.object}' as const;
`,
    );
  }
  return files;
}

/** Compiles; answers the text of each generated file, by its path. */
function compile() {
  if (forge(['build', '--skip', 'test', '--quiet']).status !== 0) process.exit(1);
  writeV1(join(CONTRACTS, 'src'), join(V1, 'src'));
  const env = {
    FOUNDRY_SRC: join(V1, 'src'),
    // Without our tests, which would bring our sources along under the same names.
    FOUNDRY_TEST: join(V1, 'test'),
    FOUNDRY_OUT: join(V1, 'out'),
    FOUNDRY_CACHE_PATH: join(V1, 'cache'),
  };
  if (forge(['build', '--skip', 'test', '--quiet'], { env }).status !== 0) process.exit(1);
  const below = (folder, files) => [...files].map(([name, text]) => [join(folder, name), text]);
  return new Map([
    ...below(GENERATED, generated(EXPORTED, OUT, 'contracts/src')),
    ...below(
      V1_GENERATED,
      generated(V1_EXPORTED, join(V1, 'out'), 'contracts/src and scripts/contracts-v1.mjs'),
    ),
  ]);
}

function main() {
  install();
  const files = compile();
  for (const folder of [GENERATED, V1_GENERATED]) mkdirSync(folder, { recursive: true });
  if (!process.argv.includes('--check')) {
    for (const [path, text] of files) writeFileSync(path, text);
    return;
  }
  if (forge(['fmt', '--check'], { capture: true }).status !== 0) {
    console.error('Run forge fmt in contracts/.');
    process.exit(1);
  }
  const there = new Map(
    [GENERATED, V1_GENERATED].flatMap((folder) =>
      readdirSync(folder).map((name) => [
        join(folder, name),
        readFileSync(join(folder, name), 'utf8'),
      ]),
    ),
  );
  const stale = [...new Set([...files.keys(), ...there.keys()])].filter(
    (path) => files.get(path) !== there.get(path),
  );
  for (const path of stale)
    console.error(`${path} is not what contracts/ gives: run node scripts/contracts.mjs.`);
  process.exit(stale.length === 0 ? 0 : 1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--test')) {
    install();
    process.exit(
      testContracts(process.argv.includes('--long') ? 'long' : 'default').failed ? 1 : 0,
    );
  }
  main();
}
