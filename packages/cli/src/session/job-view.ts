/** A job with its agreements and its history, as lines to read. */
import { type ChainEvent, shapes } from '@palisade/client';
import { type Json, toHex } from '@palisade/core';
import {
  AGREEMENT_STATE,
  type Agreement,
  isInteractive,
  type Job,
  type JobView,
  UTILITY,
} from '@palisade/market/schema';
import { countOf, formatAmount, formatSize, formatTime, shortId } from '../terminal/amounts.ts';
import { facts, table } from '../terminal/table.ts';
import { stateName, stateOf } from './jobs.ts';

type Bold = (text: string) => string;

export function jobFacts({ id, job }: JobView): string[] {
  const last = job.session + BigInt(job.sessions) - 1n;
  return facts([
    ['job', toHex(id)],
    ['client', toHex(job.client)],
    ['utility', UTILITIES.get(job.utility) ?? `${job.utility}`],
    subjectOf(job),
    ['state', `${stateOf(job)}${job.reason && `: ${job.reason}`}`],
    ['term', `${countOf(job.sessions, 'session')}, ${job.session} to ${last}`],
    ['partners', `${job.active} of ${job.partners}`],
    ['rate', `at most ${formatAmount(job.maxRate)} per partner and session`],
    ['locked', `${formatAmount(job.escrow)}, of which ${formatAmount(job.committed)} is promised`],
    ['paid', formatAmount(job.paid)],
    ['returned', formatAmount(job.refunded)],
  ]);
}

/** What it is about: access names nothing, only how much of it a session may have. */
function subjectOf({ utility, subject, size }: Job): readonly [string, string] {
  if (utility === UTILITY.access) return ['traffic', `${formatSize(size)} per session`];
  const name = utility === UTILITY.computation ? 'work order' : 'content';
  return [name, `${toHex(subject)}, ${formatSize(size)}`];
}

const UTILITIES = new Map<number, string>(
  Object.entries(UTILITY).map(([name, utility]) => [utility, name]),
);

const AGREEMENT_STATES = new Map<number, string>(
  Object.entries(AGREEMENT_STATE).map(([name, state]) => [state, name]),
);

/** What counts towards pay: audits of storage, vouched use of the rest. */
function countsOf(job: Job, agreement: Agreement): string[] {
  if (isInteractive(job)) return [`${agreement.units}`, formatAmount(agreement.vouched)];
  return [`${agreement.answered}`, `${agreement.missed}`];
}

export function agreementTable({ job, agreements }: JobView, bold: Bold): string[] {
  const counted = isInteractive(job) ? ['units', 'vouched'] : ['proven', 'missed'];
  const rows = agreements.map(({ partner, agreement }) => [
    shortId(toHex(partner)),
    stateOfAgreement(agreement),
    `${agreement.firstSession} to ${agreement.lastSession}`,
    formatAmount(agreement.rate),
    ...countsOf(job, agreement),
    formatAmount(agreement.paid),
  ]);
  const columns = [
    { title: 'partner' },
    { title: 'state' },
    { title: 'sessions' },
    { title: 'rate', align: 'right' as const },
    ...counted.map((title) => ({ title, align: 'right' as const })),
    { title: 'paid', align: 'right' as const },
  ];
  return rows.length > 0 ? table(columns, rows, bold) : ['No partner has started yet.'];
}

function stateOfAgreement({ state, final }: Agreement): string {
  const name = AGREEMENT_STATES.get(state) ?? `state ${state}`;
  return state === AGREEMENT_STATE.active && final === 1 ? 'ending' : name;
}

/** Fields of an event that name money. */
const AMOUNTS = new Set([
  'escrow',
  'rate',
  'amount',
  'other',
  'paid',
  'committed',
  'deposit',
  'bond',
]);

/** Fields that every line of a job's history has in common. */
const COMMON = new Set(['job', 'client', 'subject']);

export function historyTable(history: readonly ChainEvent[], bold: Bold): string[] {
  const rows = history.map(({ height, timeMs, name, data }) => [
    `${height}`,
    formatTime(Number(timeMs)),
    name,
    describe(data),
  ]);
  const columns = [
    { title: 'block', align: 'right' as const },
    { title: 'time' },
    { title: 'event' },
    { title: 'what' },
  ];
  return table(columns, rows, bold);
}

/** A receipt without a result. */
const NO_HASH = `0x${'0'.repeat(64)}`;

/** Longest text of a field that is shown. */
const text = shapes.plainText(160);

/** `partner 0x2583…, session 4, amount 0.1 PAL`: the fields of an event in one line. */
export function describe(data: Json): string {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return '';
  return Object.entries(data)
    .filter(([name, value]) => !COMMON.has(name) && value !== '' && value !== NO_HASH)
    .map(([name, value]) => `${name} ${shown(name, value)}`)
    .join(', ');
}

function shown(name: string, value: unknown): string {
  if (name === 'outcome') return stateName(Number(value));
  if (typeof value !== 'string') return text.fromJson(JSON.stringify(value), name);
  if (AMOUNTS.has(name) && /^\d{1,39}$/.test(value)) return formatAmount(BigInt(value));
  return value.startsWith('0x') ? shortId(value) : text.fromJson(value, name);
}
