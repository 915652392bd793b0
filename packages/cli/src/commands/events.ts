/** `palisade events`: what happened, and what happens. */
import type { ChainEvent } from '@palisade/client';
import { type Context, execute, networkLeaf, type Report } from '../command.ts';
import { describe } from '../session/job-view.ts';
import { plainJson, type Session } from '../session/session.ts';
import { parseHeight } from '../terminal/amounts.ts';
import { usageError } from '../terminal/print-error.ts';
import { table } from '../terminal/table.ts';

/** Blocks that `events` looks back, and at most looks through without `--follow`. */
const USUAL_BLOCKS = 20n;
const MAX_BLOCKS = 1000n;

export function eventsCommand(context: Context) {
  return networkLeaf(
    'events',
    'Show what happens on the chain; with --follow, as it happens (one JSON line each with --json)',
    'palisade events market. --follow',
  )
    .argument('[topics...]', 'names, or beginnings of names as `market.`')
    .option('--from <height>', 'first block', parseHeight)
    .option('--to <height>', 'last block; without --follow only', parseHeight)
    .option('-f, --follow', 'go on until interrupted')
    .action((topics, options) =>
      execute(context, options, (session) =>
        options.follow ? follow(session, topics, options.from) : past(session, topics, options),
      ),
    );
}

async function past(
  { chain, paint }: Session,
  topics: readonly string[],
  given: { readonly from?: bigint | undefined; readonly to?: bigint | undefined },
): Promise<Report> {
  const { height } = await chain.status();
  const to = given.to !== undefined && given.to < height ? given.to : height;
  const from = given.from ?? (to > USUAL_BLOCKS ? to - USUAL_BLOCKS + 1n : 1n);
  if (to - from >= MAX_BLOCKS)
    throw usageError(`${to - from + 1n} blocks are more than ${MAX_BLOCKS} at once.`, 'Give --to.');
  const events: Omit<ChainEvent, 'index'>[] = [];
  for (let at = from; at <= to; at++) {
    const block = await chain.block(at);
    for (const { name, data } of block.events)
      if (topics.length === 0 || topics.some((topic) => name.startsWith(topic)))
        events.push({ height: at, timeMs: block.timeMs, name, data });
  }
  const rows = events.map(({ height: at, name, data }) => [`${at}`, name, describe(data)]);
  const columns = [
    { title: 'block', align: 'right' as const },
    { title: 'event' },
    { title: 'what' },
  ];
  return {
    json: { from, to, events },
    lines:
      rows.length > 0
        ? table(columns, rows, paint.bold)
        : [`Nothing happened in blocks ${from} to ${to}.`],
  };
}

async function follow(
  { chain, world, isJson, paint }: Session,
  topics: readonly string[],
  from: bigint | undefined,
): Promise<Report> {
  const stop = new AbortController();
  const onInterrupt = () => stop.abort();
  process.once('SIGINT', onInterrupt);
  const options = { topics, signal: stop.signal, ...(from === undefined ? {} : { from }) };
  try {
    for await (const event of chain.events(options)) {
      const { height, name, data } = event;
      const line = isJson
        ? JSON.stringify(plainJson(event))
        : `${`${height}`.padStart(8)}  ${paint.bold(name)}  ${describe(data)}`;
      await world.stdout(`${line}\n`);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
  return { json: undefined, lines: [] };
}
