/** What the chain says: `status`, `validators`, `partners`, `payout`, `block`. */
import type { BlockView, ChainClient, PartnerRecord } from '@palisade/client';
import { PalisadeError, toHex } from '@palisade/core';
import { ROW_STATUS, UTILITY } from '@palisade/market/schema';
import { seatsQuery } from '@palisade/power/schema';
import { type Context, execute, networkLeaf, type Report } from '../command.ts';
import { describe } from '../session/job-view.ts';
import { lastChallenge } from '../session/last-challenge.ts';
import { namesOf, readPower } from '../session/power-view.ts';
import {
  formatAmount,
  formatDuration,
  formatSize,
  formatTime,
  parseHeight,
  shortId,
} from '../terminal/amounts.ts';
import { facts, table } from '../terminal/table.ts';

const right = 'right' as const;

export function statusCommand(context: Context) {
  return networkLeaf(
    'status',
    'Show the chain, its validators and the running session',
    'palisade status',
  ).action((options) =>
    execute(context, options, async ({ chain }) => {
      const probes = await chain.probe();
      const status = probes.find((probe) => probe.status)?.status ?? (await chain.status());
      const [{ sessionMs }, session, partners] = await Promise.all([
        chain.params(),
        chain.session(),
        chain.partners(),
      ]);
      const { chainId, genesisHash, height, timeMs, blockTimeMs } = status;
      const reached = probes.filter((probe) => probe.status).length;
      const leftMs = Math.max(0, Number(session.startMs + sessionMs - timeMs));
      const json = { chainId, genesisHash, height, timeMs, blockTimeMs, session, sessionMs };
      return {
        json: { ...json, leftMs, validators: probes.length, reached, partners: partners.length },
        lines: facts([
          ['chain', `${chainId}, genesis ${toHex(genesisHash)}`],
          [
            'block',
            `${height}, ${formatTime(Number(timeMs))}, one every ${formatDuration(blockTimeMs)}`,
          ],
          ['session', `${session.number}, ends in about ${formatDuration(leftMs)}`],
          ['validators', `${reached} of ${probes.length} answer`],
          ['partners', `${partners.length} are ready`],
        ]),
      };
    }),
  );
}

export function validatorsCommand(context: Context) {
  return networkLeaf(
    'validators',
    'Ask every known validator how it is, and how quick; or who had the seats of a session',
    'palisade validators --session 12',
  )
    .option('--session <number>', 'show the seats of this session instead', parseHeight)
    .action((options) =>
      execute(context, options, async ({ chain, paint }) => {
        if (options.session !== undefined) return seatsOf(chain, options.session, paint.bold);
        await chain.status();
        const probes = await chain.probe();
        const list = probes.map(({ validator, status, error }) => ({
          nodeKey: validator.nodeKey,
          name: validator.alias,
          url: validator.url,
          seat: validator.seat,
          weight: validator.weight,
          height: status?.height,
          latencyMs:
            validator.latencyMs === undefined ? undefined : Math.round(validator.latencyMs),
          reliability: Number(validator.reliability.toFixed(3)),
          error: error?.message,
        }));
        list.sort((a, b) => (a.name < b.name ? -1 : 1));
        const rows = list.map((one) => [
          one.name || '-',
          one.seat,
          `${one.weight}`,
          one.height === undefined ? '-' : `${one.height}`,
          one.latencyMs === undefined ? '-' : `${one.latencyMs} ms`,
          `${Math.round(one.reliability * 100)} %`,
          one.url,
          one.error ?? '',
        ]);
        const columns = [
          { title: 'name' },
          { title: 'seat' },
          { title: 'weight', align: right },
          { title: 'block', align: right },
          { title: 'answers in', align: right },
          { title: 'reliable', align: right },
          { title: 'url' },
          { title: '' },
        ];
        return { json: { validators: list }, lines: table(columns, rows, paint.bold) };
      }),
    );
}

/** Who had a seat in a session, and why. */
async function seatsOf(
  chain: ChainClient,
  session: bigint,
  bold: (text: string) => string,
): Promise<Report> {
  const found = await chain.find(seatsQuery, { session });
  if (!found)
    throw new PalisadeError({
      code: 'cli/no-seats',
      message: `Nobody drew the seats of session ${session}, or they are forgotten.`,
      next: 'Seats are drawn for the session after next of the first lent power: palisade power show',
    });
  const { seatings, lowTrust } = found.seats;
  const names = namesOf(await readPower(chain));
  const rows = seatings.map(({ nodeKey, known, snapshot, weight, sinceHeight, untilHeight }) => [
    names.get(toHex(nodeKey)) || '-',
    known === 1 ? 'known' : snapshot > 0n ? `drawn in session ${snapshot}` : 'stayed',
    `${weight}`,
    `${sinceHeight}`,
    untilHeight > 0n ? `${untilHeight}` : '',
    toHex(nodeKey),
  ]);
  const columns = [
    { title: 'name' },
    { title: 'seat' },
    { title: 'votes', align: right },
    { title: 'since block', align: right },
    { title: 'until', align: right },
    { title: 'node key' },
  ];
  const warning =
    lowTrust === 1 ? ["The owner's validators hold a third of the votes or more."] : [];
  return {
    json: { session, seats: seatings, lowTrust },
    lines: [...table(columns, rows, bold), ...warning],
  };
}

export function partnersCommand(context: Context) {
  return networkLeaf(
    'partners',
    'List the partners that are ready, with price, room, score and last challenge',
    'palisade partners',
  ).action((options) =>
    execute(context, options, async ({ chain, paint, world }) => {
      const partners = [...(await chain.partners())].sort(byPrice);
      const rows = partners.map(({ nodeKey, url, ready, rttMs, standing }) => [
        shortId(toHex(nodeKey)),
        UTILITIES.get(ready.utility) ?? `${ready.utility}`,
        standing ? `${standing.score}` : '?',
        standing ? `${standing.receipts}` : '?',
        standing ? formatAmount(standing.bond) : '?',
        standing ? lastChallenge(standing) : '?',
        formatAmount(ready.price),
        ready.utility === UTILITY.storage ? formatSize(ready.freeBytes) : '',
        ready.accepting === 1 ? 'yes' : `no${ready.reason && `: ${ready.reason}`}`,
        formatDuration(Math.max(0, Number(ready.expiresMs) - world.nowMs())),
        rttMs === undefined ? '?' : `${rttMs} ms`,
        url,
      ]);
      const columns = [
        { title: 'partner' },
        { title: 'offers' },
        { title: 'score', align: right },
        { title: 'receipts', align: right },
        { title: 'bond', align: right },
        { title: 'challenge' },
        // Of storage per session, of access for what is carried, of computation per 2^20 instructions.
        { title: 'price per MiB', align: right },
        { title: 'room', align: right },
        { title: 'takes work' },
        { title: 'valid for', align: right },
        { title: 'way', align: right },
        { title: 'url' },
      ];
      const json = partners.map(({ nodeKey, ready, lastSeenMs, rttMs, standing }) => ({
        nodeKey,
        ...ready,
        lastSeenMs,
        rttMs: rttMs ?? null,
        standing,
      }));
      const lines = rows.length > 0 ? table(columns, rows, paint.bold) : ['No partner is ready.'];
      return { json: { partners: json }, lines };
    }),
  );
}

const UTILITIES = new Map<number, string>(
  Object.entries(UTILITY).map(([name, utility]) => [utility, name]),
);

function byPrice(a: PartnerRecord, b: PartnerRecord): number {
  return a.ready.price < b.ready.price ? -1 : a.ready.price > b.ready.price ? 1 : 0;
}

const ROW_STATES = new Map<number, string>(
  Object.entries(ROW_STATUS).map(([name, status]) => [status, name]),
);

export function payoutCommand(context: Context) {
  return networkLeaf(
    'payout',
    'Show who earned what in a session that is over',
    'palisade payout 12',
  )
    .argument('[session]', 'its number; the last one that is over, unless given', parseHeight)
    .action((session, options) =>
      execute(context, options, ({ chain, paint }) => payout(chain, paint.bold, session)),
    );
}

async function payout(
  chain: ChainClient,
  bold: (text: string) => string,
  given: bigint | undefined,
): Promise<Report> {
  const running = (await chain.session()).number;
  const wanted = given ?? running - 1n;
  if (wanted < 0n) throw nothingPaid('No session is over yet.', 'palisade status tells when.');
  const found = await chain.payout(wanted);
  if (!found)
    throw nothingPaid(
      wanted < running
        ? `The payout file of session ${wanted} is not known to the validators that answered.`
        : `Session ${wanted} is not over: ${running} is running.`,
      'palisade payout shows the last one.',
    );
  const rows = found.rows.map((row) => [
    shortId(toHex(row.job)),
    row.partner.every((byte) => byte === 0) ? '-' : shortId(toHex(row.partner)),
    ROW_STATES.get(row.status) ?? `${row.status}`,
    formatAmount(row.amount),
    row.answerHeight === 0n ? '-' : `${row.answerHeight}`,
  ]);
  const columns = [
    { title: 'job' },
    { title: 'partner' },
    { title: 'result' },
    { title: 'paid', align: right },
    { title: 'proven in block', align: right },
  ];
  return {
    json: found,
    lines: [
      ...facts([
        ['session', `${found.session}, closed in block ${found.height}`],
        ['root', toHex(found.root)],
        ['content id', toHex(found.content)],
        ['total', formatAmount(found.total)],
        ...(found.archive ? [['kept', `by partners, job ${toHex(found.archive)}`] as const] : []),
      ]),
      '',
      ...(rows.length > 0 ? table(columns, rows, bold) : ['Nothing was due.']),
    ],
  };
}

function nothingPaid(message: string, next: string): PalisadeError {
  return new PalisadeError({ code: 'cli/no-payout', message, next, retry: 'later' });
}

export function blockCommand(context: Context) {
  return networkLeaf('block', 'Show a block: its transactions and events', 'palisade block 120')
    .argument('[height]', 'its height; the latest, unless given', parseHeight)
    .action((height, options) =>
      execute(context, options, async ({ chain, paint }) => {
        const block = await chain.block(height ?? 'latest');
        return { json: block, lines: blockLines(block, paint.bold) };
      }),
    );
}

function blockLines(block: BlockView, bold: (text: string) => string): string[] {
  // What has no id was put there by the engine.
  const sent = block.transactions.filter(({ id }) => id !== undefined);
  const rows = sent.map(({ id, name, sender, code }) => [
    shortId(toHex(id!)),
    name,
    sender ? shortId(sender) : '-',
    code === 0 ? 'done' : `refused (${code})`,
  ]);
  const titles = ['transaction', 'command', 'sender', 'result'].map((title) => ({ title }));
  const events = block.events.map(({ name, data }) => [name, describe(data)]);
  return [
    ...facts([
      ['block', `${block.height}`],
      ['hash', toHex(block.hash)],
      ['time', formatTime(Number(block.timeMs))],
    ]),
    '',
    ...(rows.length > 0 ? table(titles, rows, bold) : ['It has no transactions.']),
    ...(events.length > 0
      ? ['', ...table([{ title: 'event' }, { title: 'what' }], events, bold)]
      : []),
  ];
}
