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
import { install, ROOT } from './setup.mjs';

const CONTRACTS = join(ROOT, 'contracts');
const OUT = join(ROOT, '.cache/contracts/out');
const GENERATED = join(ROOT, 'packages/rootchain/src/generated');

/** What TypeScript uses: contract, its file, the name of the constants. */
const EXPORTED = [
  ['PlasmaFramework', 'framework'],
  ['EthVault', 'ethVault'],
  ['Erc20Vault', 'erc20Vault'],
  ['PaymentExitGame', 'exitGame'],
  ['ValidatorAuthority', 'authority'],
  ['TestToken', 'testToken'],
];

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
function generated() {
  const files = new Map();
  const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  for (const [contract, name] of EXPORTED) {
    const artifact = JSON.parse(
      readFileSync(join(OUT, `${contract}.sol`, `${contract}.json`), 'utf8'),
    );
    const abi = artifact.abi.map((item) => `  ${JSON.stringify(item)},`).join('\n');
    files.set(
      `${kebab(name)}.ts`,
      `// Generated from contracts/src by scripts/contracts.mjs. Do not edit.
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

function main() {
  install();
  const { status } = forge(['build', '--skip', 'test', '--quiet']);
  if (status !== 0) process.exit(1);
  const files = generated();
  mkdirSync(GENERATED, { recursive: true });
  if (!process.argv.includes('--check')) {
    for (const [name, text] of files) writeFileSync(join(GENERATED, name), text);
    return;
  }
  if (forge(['fmt', '--check'], { capture: true }).status !== 0) {
    console.error('Run forge fmt in contracts/.');
    process.exit(1);
  }
  const there = new Map(
    readdirSync(GENERATED).map((name) => [name, readFileSync(join(GENERATED, name), 'utf8')]),
  );
  const stale = [...new Set([...files.keys(), ...there.keys()])].filter(
    (name) => files.get(name) !== there.get(name),
  );
  for (const name of stale)
    console.error(`${name} is not what contracts/ gives: run node scripts/contracts.mjs.`);
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
