/** `palisade dev`: the time of a development network, moved on, kept and taken back. */
import { resolve } from 'node:path';
import * as z from 'zod';
import { branch, type Context, execute, leaf, type Report } from '../command.ts';
import type { Session } from '../session/session.ts';
import { formatDuration, formatSize, parseDuration } from '../terminal/amounts.ts';
import { table } from '../terminal/table.ts';

/** Where the network is, told after each change. */
const place = z.object({ height: z.string(), timeMs: z.string(), aheadMs: z.number() });
type Place = z.output<typeof place>;
/** A session that ended while time was moved on. */
const warpStep = z.object({
  session: z.string(),
  skippedMs: z.number(),
  ofMs: z.number(),
  open: z.number(),
});
const snapshotLine = z.object({ name: z.string(), bytes: z.number(), madeMs: z.number() });

/** Name of the snapshot that is meant when none is named. */
const DEFAULT_NAME = 'default';

export function devCommand(context: Context) {
  return branch('dev', 'Move the time of a development network, keep its state and take it back')
    .addCommand(warpCommand(context))
    .addCommand(snapshotCommand(context))
    .addCommand(revertCommand(context))
    .addCommand(snapshotsCommand(context));
}

function devLeaf(name: string, about: string, example: string) {
  return leaf(name, about, example).option(
    '--dir <folder>',
    'of the network; `devnet` in PALISADE_HOME, unless given',
  );
}

/** Asks the network, and hears its steps. */
async function ask(
  session: Session,
  dir: string | undefined,
  action: string,
  params: Readonly<Record<string, string>>,
  onStep: (step: unknown) => void = () => {},
): Promise<unknown> {
  const { knock } = await import('@palisade/devnet');
  const answer = knock(dir === undefined ? session.home.devnet : resolve(dir), action, params);
  for (;;) {
    const { done, value } = await answer.next();
    if (done) return value;
    onStep(value);
  }
}

function warpCommand(context: Context) {
  return devLeaf(
    'warp',
    'Let time pass, a session a second or two: each is lived through, audits answered, partners paid',
    'palisade dev warp 4h',
  )
    .argument('<duration>', 'as 90s, 10m, 4h', parseDuration)
    .action((byMs, options) =>
      execute(context, options, async (session) => {
        const sessions = { first: '', last: '', count: 0, open: 0 };
        const bar = session.progress('time', formatDuration);
        const onStep = (step: unknown) => {
          const { session: number, skippedMs, ofMs, open } = warpStep.parse(step);
          sessions.first ||= number;
          sessions.last = number;
          sessions.count++;
          sessions.open += open;
          bar.update(skippedMs, ofMs);
        };
        try {
          const params = { ms: `${byMs}` };
          const found = await ask(session, options.dir, 'warp', params, onStep);
          return moved(place.parse(found), byMs, sessions);
        } finally {
          bar.end();
        }
      }),
    );
}

function moved(
  found: Place,
  byMs: number,
  { first, last, count, open }: { first: string; last: string; count: number; open: number },
): Report {
  const missed = open > 0 ? [`${open} audits were still open when their session ended`] : [];
  return {
    json: { ...found, sessions: { first, last, count }, open },
    lines: [`${formatDuration(byMs)} have passed, over ${count} sessions`, where(found), ...missed],
  };
}

function snapshotCommand(context: Context) {
  return devLeaf(
    'snapshot',
    'Keep the state of all parts, with their disks and clocks',
    'palisade dev snapshot before-upgrade',
  )
    .argument('[name]', 'of the snapshot', DEFAULT_NAME)
    .option('--remove', 'forget the one of that name instead')
    .action((name, options) =>
      execute(context, options, async (session) => {
        if (options.remove) {
          await ask(session, options.dir, 'remove', { name });
          return { json: { name, removed: true }, lines: [`Snapshot ${name} is forgotten.`] };
        }
        const line = snapshotLine.parse(await ask(session, options.dir, 'snapshot', { name }));
        return {
          json: line,
          lines: [
            `Snapshot ${name} is kept: ${formatSize(line.bytes)}`,
            `go back to it with: palisade dev revert ${name}`,
          ],
        };
      }),
    );
}

function revertCommand(context: Context) {
  return devLeaf(
    'revert',
    'Go back to a snapshot; what happened since is lost',
    'palisade dev revert before-upgrade',
  )
    .argument('[name]', 'of the snapshot', DEFAULT_NAME)
    .action((name, options) =>
      execute(context, options, async (session) => {
        const found = place.parse(await ask(session, options.dir, 'revert', { name }));
        return { json: found, lines: [`Back at snapshot ${name}`, where(found)] };
      }),
    );
}

function snapshotsCommand(context: Context) {
  return devLeaf('snapshots', 'List the snapshots', 'palisade dev snapshots').action((options) =>
    execute(context, options, async (session) => {
      const lines = z.array(snapshotLine).parse(await ask(session, options.dir, 'snapshots', {}));
      return {
        json: lines,
        lines: lines.length
          ? table(
              [{ title: 'name' }, { title: 'size', align: 'right' }, { title: 'made' }],
              lines.map(({ name, bytes, madeMs }) => [
                name,
                formatSize(bytes),
                new Date(madeMs).toISOString(),
              ]),
            )
          : ['There are none. Make one with: palisade dev snapshot'],
      };
    }),
  );
}

function where({ height, timeMs, aheadMs }: Place): string {
  const ahead = aheadMs > 0 ? `, ${formatDuration(aheadMs)} ahead of this machine` : '';
  return `block ${height}, ${new Date(Number(timeMs)).toISOString()}${ahead}`;
}
