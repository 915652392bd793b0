/** `palisade ls`, `jobs`, `job`, `rm`, `renew`: what is stored, what became of it, how it ends. */
import { toHex } from '@palisade/core';
import { isInteractive, isOver } from '@palisade/market/schema';
import { accountLeaf, type Context, execute, type Report } from '../command.ts';
import { readRecords } from '../files/records.ts';
import { agreementTable, historyTable, jobFacts } from '../session/job-view.ts';
import { resolveJob, stateOf, timeLeft } from '../session/jobs.ts';
import type { Session } from '../session/session.ts';
import {
  countOf,
  formatAmount,
  formatDuration,
  formatSize,
  parseDuration,
  shortId,
} from '../terminal/amounts.ts';
import { facts, table } from '../terminal/table.ts';

export function lsCommand(context: Context) {
  return accountLeaf('ls', 'List the files that are stored now', 'palisade ls').action((options) =>
    execute(context, options, list),
  );
}

async function list(session: Session): Promise<Report> {
  const market = await session.market();
  const [jobs, records, left] = await Promise.all([
    market.jobs(),
    readRecords(session.home.files),
    timeLeft(session.chain),
  ]);
  const files = jobs
    .filter(({ job }) => !isOver(job) && !isInteractive(job))
    .map(({ id, job }) => {
      const record = records.get(toHex(id));
      const { name, kind } = record ?? { name: undefined, kind: undefined };
      const { size, active, partners } = job;
      return { job: id, name, kind, size, copies: active, wanted: partners, leftMs: left(job) };
    });
  const rows = files.map(({ job, name, size, copies, wanted, leftMs }) => [
    shortId(toHex(job)),
    name ?? '-',
    formatSize(size),
    `${copies}/${wanted}`,
    formatDuration(leftMs),
  ]);
  const columns = [
    { title: 'job' },
    { title: 'name' },
    { title: 'size', align: 'right' as const },
    { title: 'copies', align: 'right' as const },
    { title: 'time left', align: 'right' as const },
  ];
  return {
    json: { files },
    lines: rows.length > 0 ? table(columns, rows, session.paint.bold) : ['Nothing is stored.'],
  };
}

export function jobsCommand(context: Context) {
  return accountLeaf(
    'jobs',
    'List all your jobs, those that are over included',
    'palisade jobs --json',
  ).action((options) =>
    execute(context, options, async (session) => {
      const market = await session.market();
      const jobs = [...(await market.jobs())].sort((a, b) => Number(a.job.height - b.job.height));
      const records = await readRecords(session.home.files);
      const nameOf = (id: Uint8Array) => records.get(toHex(id))?.name;
      const rows = jobs.map(({ id, job }) => [
        shortId(toHex(id)),
        nameOf(id) ?? '-',
        `${job.height}`,
        stateOf(job),
        formatSize(job.size),
        formatAmount(job.escrow),
        formatAmount(job.paid),
        formatAmount(job.refunded),
        job.reason,
      ]);
      const titles = ['job', 'name', 'block', 'state', 'size', 'locked', 'paid', 'returned', 'why'];
      const right = new Set(['block', 'size', 'locked', 'paid', 'returned']);
      const columns = titles.map((title) => ({
        title,
        align: right.has(title) ? ('right' as const) : ('left' as const),
      }));
      return {
        json: { jobs: jobs.map(({ id, job }) => ({ id, name: nameOf(id), ...job })) },
        lines: rows.length > 0 ? table(columns, rows, session.paint.bold) : ['You have no jobs.'],
      };
    }),
  );
}

export function jobCommand(context: Context) {
  return accountLeaf(
    'job',
    'Show a job with its whole history: what, when, in which block, and why',
    'palisade job 0xa90129b25d',
  )
    .argument('<job>', 'job id, or the beginning of one of yours')
    .action((job, options) =>
      execute(context, options, async (session) => {
        const market = await session.reader();
        const { history, ...view } = await market.job(await resolveJob(market, job));
        const lines = [
          ...jobFacts(view),
          '',
          ...agreementTable(view, session.paint.bold),
          '',
          ...historyTable(history, session.paint.bold),
        ];
        return { json: { ...view, history }, lines };
      }),
    );
}

export function rmCommand(context: Context) {
  return accountLeaf(
    'rm',
    'End a job: partners are paid for the running session, the rest comes back',
    'palisade rm 0xa90129b25d --yes',
  )
    .argument('<job>', 'job id, or the beginning of one of yours')
    .option('-y, --yes', 'do not ask before paying')
    .action((job, options) => execute(context, options, (session) => remove(session, job)));
}

async function remove(session: Session, text: string): Promise<Report> {
  const market = await session.market();
  const id = await resolveJob(market, text);
  const plan = await market.planRemoval(id);
  session.note(
    `Ending job ${shortId(toHex(id))} with ${countOf(plan.agreements, 'partner')} costs at most ${formatAmount(plan.fee)} in fees.`,
  );
  if (!(await session.agreed('End it?')))
    return { json: { removed: false }, lines: ['Nothing was changed, nothing was paid.'] };
  const removal = await market.remove(id);
  const unanswered = removal.unanswered.map(({ partner, error }) => ({
    partner,
    code: error.code,
    message: error.message,
  }));
  return {
    json: { removed: true, ...removal, unanswered },
    lines: [
      ...unanswered.map(({ message }) => `No receipt: ${message}`),
      ...facts([
        [
          'ended',
          `by ${countOf(removal.completed.length, 'receipt')}${removal.cancelled ? ', and cancelled' : ''}`,
        ],
        ['fee', formatAmount(removal.fee)],
      ]),
      'What was not earned comes back when the arbitration window has closed.',
    ],
  };
}

export function renewCommand(context: Context) {
  return accountLeaf(
    'renew',
    'Keep a job for longer: lock more, and give its partners new vouchers',
    'palisade renew 0xa90129b25d --for 4h',
  )
    .argument('<job>', 'job id, or the beginning of one of yours')
    .requiredOption('--for <time>', 'how much longer, as 10m, 4h or 2d', parseDuration)
    .option('-y, --yes', 'do not ask before paying')
    .action((job, options) =>
      execute(context, options, (session) => renew(session, job, options.for)),
    );
}

async function renew(session: Session, text: string, durationMs: number): Promise<Report> {
  const market = await session.market();
  const id = await resolveJob(market, text);
  const { sessions, escrow, fee } = await market.planRenewal(id, durationMs);
  for (const line of facts([
    ['longer', `by ${countOf(sessions, 'session')}`],
    ['locked', `${formatAmount(escrow)} more`],
    ['fee', formatAmount(fee)],
  ]))
    session.note(line);
  if (!(await session.agreed('Renew it?')))
    return { json: { renewed: false }, lines: ['Nothing was changed, nothing was paid.'] };
  const renewal = await market.renew(id, sessions);
  const failed = renewal.failed.map(({ partner, error }) => ({
    partner,
    code: error.code,
    message: error.message,
  }));
  return {
    json: { renewed: true, ...renewal, failed, escrow },
    lines: [
      ...failed.map(({ message }) => `Keeps its old term: ${message}`),
      `Now for ${countOf(renewal.sessions, 'session')} in all, with ${countOf(renewal.prolonged.length, 'partner')}.`,
    ],
    exitCode: failed.length > 0 ? 1 : 0,
  };
}
