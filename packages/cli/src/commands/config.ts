/** `palisade config`: the settings of this command line. */
import { existsSync } from 'node:fs';
import {
  atomicWrite,
  checkConfig,
  ensureDir,
  loadConfig,
  renderConfig,
  renderProblem,
  renderToml,
} from '@palisade/daemon/base';
import { branch, type Context, execute, leaf } from '../command.ts';
import { cliConfig, configSources } from '../session/config.ts';

export function configCommand(context: Context) {
  return branch('config', 'Make, show and check the settings')
    .addCommand(initCommand(context))
    .addCommand(showCommand(context))
    .addCommand(checkCommand(context));
}

function initCommand(context: Context) {
  return leaf('init', 'Write a settings file that explains itself', 'palisade config init').action(
    (options) =>
      execute(context, options, async ({ home }) => {
        await ensureDir(home.root);
        const title = 'Settings of the palisade command. Remove the # before a name to set it.';
        await atomicWrite(home.config, renderToml(cliConfig, { title }), {
          mode: 0o600,
          overwrite: false,
        });
        return { json: { file: home.config }, lines: [`Written to ${home.config}.`] };
      }),
  );
}

function showCommand(context: Context) {
  return leaf('show', 'Show the settings that are in effect', 'palisade config show --origin')
    .option('--origin', 'and where each comes from')
    .action((options) =>
      execute(context, options, async ({ home, world }) => {
        const config = loadConfig(cliConfig, configSources(world, home));
        const json: unknown = JSON.parse(renderConfig(cliConfig, config, 'json'));
        const lines = renderConfig(cliConfig, config).split('\n');
        return { json, lines: options.origin ? lines : lines.map(withoutOrigin) };
      }),
    );
}

/** The last column of the table is the origin. */
function withoutOrigin(line: string): string {
  return line.replace(/ {2}(default|file:|env:|flag:)\S*$/, '').trimEnd();
}

function checkCommand(context: Context) {
  return leaf('check', 'Tell what is wrong with the settings', 'palisade config check').action(
    (options) =>
      execute(context, options, async ({ home, world }) => {
        const problems = checkConfig(cliConfig, configSources(world, home));
        const file = existsSync(home.config) ? home.config : 'no file';
        return {
          json: { file, problems },
          lines:
            problems.length > 0 ? problems.map(renderProblem) : [`Nothing is wrong (${file}).`],
          exitCode: problems.length > 0 ? 1 : 0,
        };
      }),
  );
}
