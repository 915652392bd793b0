import { execFileSync } from 'node:child_process';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { exampleOf } from './command.ts';
import { completionScript } from './commands/completion.ts';
import { createProgram, leaves } from './program.ts';
import type { World } from './terminal/world.ts';

const program = createProgram({ world: { env: {} } as World, outcome: { exitCode: 0 } });
const table = leaves(program);

/** The words of an example, as a shell would split them. */
function wordsOf(example: string): string[] {
  return example.split(/\s+/).slice(1);
}

describe('every command', () => {
  it.each(table)('%s has a line, an example that calls it, and --json', (path, command) => {
    expect(command.description()).toMatch(/^[A-Z].{8,}/);
    expect(command.options.map(({ long }) => long)).toContain('--json');
    const example = exampleOf(command);
    expect(example).toContain(`palisade ${path}`);
  });

  it.each(table)('%s uses in its example only options that it has', (_, command) => {
    const known = command.options.flatMap(({ long, short }) => [long, short]);
    const used = wordsOf(exampleOf(command)!.replace(/^source <\(|\)$/g, '')).filter((word) =>
      /^--?[a-z]/.test(word),
    );
    for (const option of used) expect(known).toContain(option);
  });

  it.each(table)('%s explains every option and argument', (_, command) => {
    for (const { description, long } of command.options)
      expect([long, description.length > 3]).toEqual([long, true]);
    for (const { description } of command.registeredArguments) expect(description).toBeTruthy();
  });

  it('is there', () => {
    const names = table.map(([path]) => path);
    for (const name of [
      'put',
      'get',
      'ls',
      'rm',
      'renew',
      'share',
      'jobs',
      'job',
      'partners',
      'validators',
      'payout',
      'balance',
      'send',
      'faucet',
      'keys new',
      'keys list',
      'keys import',
      'keys export',
      'events',
      'block',
      'config init',
      'config show',
      'config check',
      'status',
      'reset',
      'devnet',
      'node',
      'partner',
      'audit',
      'completion',
    ])
      expect(names).toContain(name);
  });
});

describe('completion', () => {
  const bash = (line: string): string[] => {
    const words = line.split(' ');
    const script = `${completionScript('bash', program)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_palisade; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
  };

  it('of bash offers commands, their commands, and their options', () => {
    expect(bash('palisade pu')).toEqual(['put']);
    expect(bash('palisade keys ')).toEqual(
      expect.arrayContaining(['new', 'list', 'import', 'export']),
    );
    expect(bash('palisade put --rep')).toEqual(['--replicas']);
    expect(bash('palisade keys new name --no')).toEqual(['--node']);
  });

  it('knows every command that is not hidden, in every shell', () => {
    for (const shell of ['bash', 'zsh', 'fish'] as const) {
      const script = completionScript(shell, program);
      for (const [path, command] of table) {
        if ((command as Command & { _hidden?: boolean })._hidden) continue;
        expect(script).toContain(path.split(' ').at(-1));
      }
      expect(script).not.toContain('devnet-part');
    }
  });
});
