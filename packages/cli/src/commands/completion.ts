/** `palisade completion`: scripts for shells, made from the command table itself. */
import { Argument, type Command } from 'commander';
import { type Context, execute, leaf } from '../command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function completionCommand(context: Context, root: () => Command) {
  return leaf(
    'completion',
    'Print a completion script for your shell',
    'source <(palisade completion bash)',
  )
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS) as never)
    .action((...args: unknown[]) => {
      const [shell, options] = args as [Shell, { json?: true }];
      return execute(context, options, async () => {
        const script = completionScript(shell, root());
        return { json: { shell, script }, lines: [script.trimEnd()] };
      });
    });
}

type Word = { readonly word: string; readonly about: string };
/** A place in the command tree, and what can follow there. */
type Place = { readonly path: readonly string[]; readonly words: readonly Word[] };

function placesOf(command: Command, path: readonly string[] = []): Place[] {
  const visible = command.commands.filter((one) => !isHidden(one));
  const names = visible.map((one) => ({ word: one.name(), about: one.description() }));
  const options = command.options
    .filter(({ hidden, long }) => !hidden && long)
    .map(({ long, description }) => ({ word: long!, about: description }));
  const here = { path, words: [...names, ...options, { word: '--help', about: 'show help' }] };
  return [here, ...visible.flatMap((one) => placesOf(one, [...path, one.name()]))];
}

/** Hidden commands are for programs. */
function isHidden(command: Command): boolean {
  return (command as unknown as { readonly _hidden?: boolean })._hidden === true;
}

export function completionScript(shell: Shell, root: Command): string {
  const places = placesOf(root);
  if (shell === 'bash') return bash(places);
  return shell === 'zsh' ? zsh(places) : fish(places);
}

/** Walks the words before the cursor down the tree; what is no command is an argument. */
function bash(places: readonly Place[]): string {
  const cases = places
    .map(
      ({ path, words }) =>
        `    '${path.join(' ')}') words='${words.map(({ word }) => word).join(' ')}' ;;`,
    )
    .join('\n');
  const known = places.map(({ path }) => `'${path.join(' ')}'`).join('|');
  return `# palisade completion for bash
_palisade() {
  local at='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${at:+$at }$word" in
    ${known}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _palisade palisade
`;
}

function zsh(places: readonly Place[]): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''").replaceAll(':', '\\:');
  const cases = places
    .map(
      ({ path, words }) =>
        `    '${path.join(' ')}') words=(${words.map(({ word, about }) => `'${quote(word)}:${quote(about)}'`).join(' ')}) ;;`,
    )
    .join('\n');
  const known = places.map(({ path }) => `'${path.join(' ')}'`).join('|');
  return `#compdef palisade
# palisade completion for zsh
_palisade() {
  local at='' word
  local -a before words
  before=("\${(@)words[2,CURRENT-1]}")
  for word in $before; do
    case "\${at:+$at }$word" in
    ${known}) at="\${at:+$at }$word" ;;
    esac
  done
  words=()
  case "$at" in
${cases}
  esac
  _describe 'palisade' words
  _files
}
compdef _palisade palisade
`.replace('local -a before words\n  before=', 'local -a before\n  before=');
}

function fish(places: readonly Place[]): string {
  const quote = (text: string) => text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  const lines = places.flatMap(({ path, words }) => {
    const isHere = path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const below = words.filter(({ word }) => !word.startsWith('-')).map(({ word }) => word);
    const notBelow = below.length > 0 ? [`not __fish_seen_subcommand_from ${below.join(' ')}`] : [];
    const condition = [...isHere, ...notBelow].join('; and ') || 'true';
    return words.map(({ word, about }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c palisade -n '${condition}' ${what} -d '${quote(about)}'`;
    });
  });
  return `# palisade completion for fish\n${lines.join('\n')}\n`;
}
