/** The `palisade` command: reads the line, runs one command, tells how it went. */
import { type Command, CommanderError } from 'commander';
import pc from 'picocolors';
import type { Outcome } from './command.ts';
import { createProgram } from './program.ts';
import { asPalisadeError, errorJson, errorLines } from './terminal/print-error.ts';
import { processWorld, type World } from './terminal/world.ts';

/** 0: done; 1: it failed; 2: it was not understood. */
export async function main(
  argv: readonly string[],
  world: World = processWorld(),
): Promise<number> {
  const outcome: Outcome = { exitCode: 0 };
  const program = createProgram({ world, outcome });
  speakThrough(program, world);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return outcome.exitCode;
  } catch (thrown) {
    return fail(thrown, argv, world);
  }
}

const BAD_USE = 2;

async function fail(thrown: unknown, argv: readonly string[], world: World): Promise<number> {
  // Whoever read the output has seen enough: an end, not a failure.
  if ((thrown as NodeJS.ErrnoException | undefined)?.code === 'EPIPE') return 0;
  const isJson = argv.includes('--json');
  // Where nobody reads it, the exit code still tells.
  const tell = (value: unknown) =>
    world.stdout(`${JSON.stringify(value, null, 2)}\n`).catch(() => undefined);
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return 0; // help and version have been printed
    const message = thrown.message.replace(/^error: /, '');
    const error = { code: 'cli/usage', message, retry: 'never', data: {} };
    if (isJson) await tell({ error });
    return BAD_USE;
  }
  const error = asPalisadeError(thrown);
  if (isJson) await tell(errorJson(error));
  else {
    const paint = pc.createColors(world.hasColor);
    world.stderr(`${errorLines(error, paint).join('\n')}\n`);
    if (world.env.PALISADE_DEBUG) world.stderr(`${(error.cause as Error)?.stack ?? error.stack}\n`);
  }
  return error.code === 'cli/usage' ? BAD_USE : 1;
}

/** Help and complaints of the parser go through the world too, and never end the process. */
function speakThrough(command: Command, world: World, path = command.name()): void {
  command.exitOverride();
  command.showHelpAfterError(`(${path} --help tells more)`);
  command.configureOutput({
    // Help is the last thing that is said: nothing is left to be ended when nobody reads it.
    writeOut: (text) => void world.stdout(text).catch(() => undefined),
    writeErr: (text) => world.stderr(text),
    getOutHelpWidth: () => world.columns,
    getErrHelpWidth: () => world.columns,
  });
  for (const one of command.commands) speakThrough(one, world, `${path} ${one.name()}`);
}
