/** How commands are declared: every one with a line, an example, and the same options. */
import { Command } from '@commander-js/extra-typings';
import { type Options, plainJson, Session } from './session/session.ts';
import type { World } from './terminal/world.ts';

/** What a command has to say: to a program, and to a person. */
export type Report = {
  readonly json: unknown;
  readonly lines: readonly string[];
  /** 0 unless something of it failed. */
  readonly exitCode?: 0 | 1;
};

/** Where a command's exit code goes. */
export type Outcome = { exitCode: number };

export type Context = { readonly world: World; readonly outcome: Outcome };

const examples = new WeakMap<object, string>();

/** The example in a command's help. */
export function exampleOf(command: object): string | undefined {
  return examples.get(command);
}

/** A command that prints a result. */
export function leaf(name: string, about: string, example: string) {
  const command = new Command(name)
    .description(about)
    .addHelpText('after', `\nExample:\n  $ ${example}`)
    .option('--json', 'print one JSON document and nothing else');
  examples.set(command, example);
  return command;
}

/** A command that asks the network. */
export function networkLeaf(name: string, about: string, example: string) {
  return leaf(name, about, example).option(
    '--url <urls>',
    'validators to begin with, separated by commas (PALISADE_URL)',
  );
}

/** A command that signs or opens files. */
export function accountLeaf(name: string, about: string, example: string) {
  return networkLeaf(name, about, example)
    .option('--key <name>', 'name of the account key (PALISADE_KEY)')
    .option('--passphrase-file <path>', 'file with its passphrase (or PALISADE_PASSPHRASE)');
}

/** A command of commands. */
export function branch(name: string, about: string) {
  return new Command(name).description(about);
}

/** Runs a command's work and prints its report. */
export async function execute(
  { world, outcome }: Context,
  options: Options,
  work: (session: Session) => Promise<Report>,
): Promise<void> {
  const session = new Session(world, options);
  try {
    const { json, lines, exitCode = 0 } = await work(session);
    outcome.exitCode = exitCode;
    if (session.isJson) await world.stdout(`${JSON.stringify(plainJson(json), null, 2)}\n`);
    else if (lines.length > 0) await world.stdout(`${lines.join('\n')}\n`);
  } finally {
    await session.close().catch(() => {}); // a cache that cannot be written costs one request
  }
}
