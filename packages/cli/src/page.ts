/** The command table as a page: `docs/cli.md`, written by `scripts/cli-docs.mjs`. */
import type { Command, Option } from 'commander';
import { exampleOf } from './command.ts';
import { createProgram, leaves } from './program.ts';
import { processWorld } from './terminal/world.ts';

const HEAD = `# Commands

Written by \`node scripts/cli-docs.mjs\` from the command table: change the commands, not this page.

\`npx palisade COMMAND --help\` says the same. Every command takes \`--json\` (one JSON document on standard
output, nothing else) and \`--help\`. Exit codes: 0 done, 1 it failed, 2 it was not understood. Settings come from
flags, then \`PALISADE_\` variables, then \`config.toml\` in \`PALISADE_HOME\`; \`palisade config\` shows them.
`;

/** Options that are told once, at the top. */
const EVERYWHERE = new Set(['--json', '--help']);

/** Markdown of all commands, in the groups of the help. */
export function cliPage(): string {
  const program = createProgram({ world: processWorld(), outcome: { exitCode: 0 } });
  const shown = program.createHelp().visibleCommands(program);
  const sections: string[] = [HEAD];
  let group = '';
  for (const command of shown) {
    if (command.name() === 'help') continue;
    const title = command.helpGroup().replace(/:$/, '');
    if (title !== group) sections.push(`## ${title}\n`);
    group = title;
    for (const [words, leaf] of leaves(command, [command.name()]))
      sections.push(commandSection(words, leaf));
  }
  return `${sections.join('\n').trimEnd()}\n`;
}

function commandSection(words: string, command: Command): string {
  const options = command.options.filter(({ long, hidden }) => !hidden && !EVERYWHERE.has(long!));
  const names = command.registeredArguments.map((one) =>
    one.required ? `<${one.name()}>` : `[${one.name()}]`,
  );
  const usage = ['palisade', words, ...names, ...(options.length > 0 ? ['[options]'] : [])];
  const rows = [
    ...command.registeredArguments.map((one) => [one.name(), one.description]),
    ...options.map((one) => [one.flags, aboutOption(one)]),
  ];
  const example = exampleOf(command);
  return [
    `### ${words}`,
    '',
    `${command.description()}.`,
    '',
    '```sh',
    usage.join(' '),
    ...(example === undefined ? [] : [`# ${example}`]),
    '```',
    '',
    ...table(rows as string[][]),
  ].join('\n');
}

function aboutOption({
  description,
  mandatory,
  defaultValue,
  defaultValueDescription = `${defaultValue}`,
  argChoices,
}: Option): string {
  const more = [
    mandatory ? 'needed' : '',
    argChoices ? `one of ${argChoices.join(', ')}` : '',
    defaultValue === undefined || defaultValue === true ? '' : `default ${defaultValueDescription}`,
  ].filter((part) => part !== '');
  return more.length === 0 ? description : `${description} (${more.join('; ')})`;
}

function table(rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const lines = rows.map(([name, about]) => `| \`${cell(name!)}\` | ${cell(about!)} |`);
  return ['| argument or option | what it is |', '|---|---|', ...lines, ''];
}
