/**
 * Writes docs/cli.md from the command table, so that the page says what the program does.
 *
 *   node scripts/cli-docs.mjs            writes it
 *   node scripts/cli-docs.mjs --check    exits 1 when the page is not what would be written
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleInto, install, ROOT } from './setup.mjs';

const PAGE = join(ROOT, 'docs/cli.md');

install();
// Beside node_modules, where the packages that stay outside of a bundle are found.
mkdirSync(join(ROOT, '.cache'), { recursive: true });
const folder = mkdtempSync(join(ROOT, '.cache/cli-docs-'));
let page;
try {
  await bundleInto(folder, { page: 'packages/cli/src/page.ts' });
  const { cliPage } = await import(pathToFileURL(join(folder, 'page.js')).href);
  page = cliPage();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (!process.argv.includes('--check')) {
  mkdirSync(dirname(PAGE), { recursive: true });
  writeFileSync(PAGE, page);
} else if (readFileSync(PAGE, 'utf8') !== page) {
  console.error('docs/cli.md is not what the commands say: run node scripts/cli-docs.mjs');
  process.exit(1);
}
