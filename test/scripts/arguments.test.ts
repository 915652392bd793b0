/** What somebody meets who asks a long suite how it is asked, or asks it wrongly. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
/** One of each script: those behind `catch-up` differ by a row of a table. */
const LONG = ['large', 'hostile', 'crash', 'mutation', 'mistakes', 'catch-up'];
const NAMES = [...LONG.map((name) => `test:${name}`), 'bench'];

async function ask(name: string, ...args: readonly string[]) {
  const [, ...script] = scripts[name]!.split(' ');
  const child = spawn(process.execPath, [...script, ...args], { cwd: ROOT });
  const code = new Promise((resolve) => child.once('close', resolve));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, out, err };
}

it.each(NAMES)('%s explains itself, and refuses an option that it does not have', async (name) => {
  const [help, wrong] = await Promise.all([ask(name, '--help'), ask(name, '--nonsense')]);
  expect(help).toMatchObject({ code: 0, err: '' });
  expect(help.out).toMatch(new RegExp(`^npm run ${name} -- .*\\n\\n[A-Z]`));
  expect(wrong).toMatchObject({ code: 2, out: '' });
  expect(wrong.err).toMatch(/^.*Unknown option '--nonsense'.*--help\n$/);
});

it('values that cannot be are refused before anything is run', async () => {
  for (const [name, ...args] of [
    ['test:crash', '--points', 'many'],
    ['test:crash', '--only', '3,x'],
    ['test:hostile', '--cases', '0'],
    ['test:large', '1', '2'],
    ['bench', 'payments', 'nothing'],
    ['bench'],
  ] as const)
    expect(await ask(name, ...args)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^.*--help\n$/),
    });
});
