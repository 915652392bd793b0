/** The command table. */
import { SOFTWARE_VERSION } from '@palisade/core';
import { Command } from 'commander';
import type { Context } from './command.ts';
import {
  blockCommand,
  partnersCommand,
  payoutCommand,
  statusCommand,
  validatorsCommand,
} from './commands/chain.ts';
import { depositCommand, payCommand, utxosCommand } from './commands/child-chain.ts';
import { collatorCommand } from './commands/collator.ts';
import { completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import {
  auditCommand,
  devnetCommand,
  devnetPartCommand,
  nodeCommand,
  partnerCommand,
} from './commands/daemons.ts';
import { devCommand } from './commands/dev.ts';
import { drawCommand } from './commands/draw.ts';
import { eventsCommand } from './commands/events.ts';
import { getCommand, shareCommand } from './commands/get.ts';
import { inFlightCommand } from './commands/in-flight.ts';
import { jobCommand, jobsCommand, lsCommand, renewCommand, rmCommand } from './commands/jobs.ts';
import { keysCommand } from './commands/keys.ts';
import { minerCommand } from './commands/miner.ts';
import { balanceCommand, faucetCommand, sendCommand } from './commands/money.ts';
import { powerCommand } from './commands/power.ts';
import { putCommand } from './commands/put.ts';
import { resetCommand } from './commands/reset.ts';
import { runCommand } from './commands/run.ts';
import { returnBondCommand, standingCommand } from './commands/standing.ts';
import { tunnelCommand } from './commands/tunnel.ts';
import { exitCommand, watchCommand } from './commands/watch.ts';

/** Typed commands as the table holds them: their options are of no concern here. */
type Any = { name(): string };

export function createProgram(context: Context): Command {
  const program = new Command('palisade')
    .description('Store files with partners, on a chain that pays them for keeping them.')
    .version(SOFTWARE_VERSION, '-V, --version', 'print the version')
    .addHelpText(
      'after',
      '\nBegin with:\n  $ palisade devnet             a whole network on this machine\n  $ palisade put FILE           in another terminal',
    );
  const group = (title: string, ...commands: readonly Any[]) => {
    program.commandsGroup(`${title}:`);
    for (const command of commands) program.addCommand(command as Command);
  };
  group(
    'Files',
    putCommand(context),
    getCommand(context),
    lsCommand(context),
    shareCommand(context),
    renewCommand(context),
    rmCommand(context),
  );
  group('Computation', runCommand(context));
  group('Access', tunnelCommand(context));
  group(
    'Child chain',
    depositCommand(context),
    payCommand(context),
    utxosCommand(context),
    exitCommand(context),
    inFlightCommand(context),
  );
  group('Jobs', jobsCommand(context), jobCommand(context), payoutCommand(context));
  group(
    'Account',
    balanceCommand(context),
    sendCommand(context),
    faucetCommand(context),
    returnBondCommand(context),
    keysCommand(context),
  );
  group(
    'Network',
    statusCommand(context),
    validatorsCommand(context),
    partnersCommand(context),
    standingCommand(context),
    blockCommand(context),
    eventsCommand(context),
  );
  group(
    'Seats and power',
    minerCommand(context),
    powerCommand(context),
    collatorCommand(context),
    drawCommand(context),
  );
  group(
    'Run',
    devnetCommand(context),
    devCommand(context),
    nodeCommand(context),
    partnerCommand(context),
    watchCommand(context),
    auditCommand(context),
    resetCommand(context),
  );
  group(
    'This program',
    configCommand(context),
    completionCommand(context, () => program),
  );
  program.addCommand(devnetPartCommand() as unknown as Command, { hidden: true });
  return program;
}

/** All commands that do something, with the words that call them. */
export function leaves(command: Command, path: readonly string[] = []): [string, Command][] {
  if (command.commands.length === 0) return [[path.join(' '), command]];
  return command.commands.flatMap((one) => leaves(one, [...path, one.name()]));
}
