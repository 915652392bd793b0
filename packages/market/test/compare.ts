/** Chain and oracle agree on every job, every agreement, every unit. */
import { toHex } from '@palisade/core';
import { ARCHIVE, jobs } from '@palisade/market';
import { CLIENTS, PARTNERS, type PartnerName } from './market-kit.ts';
import type { RandomMarket } from './random-market.ts';

const JOB_STATES = ['', 'confirmed', 'started', 'completed', 'cancelled', 'disputed', 'resolved'];
const AGREEMENT_STATES = ['', 'running', 'completed', 'lost', 'disputed', 'resolved'];

type Funds = { readonly client: bigint; readonly partner: bigint };

function same(what: string, chain: unknown, expected: unknown): void {
  if (chain !== expected)
    throw new Error(`${what}: the chain says ${chain}, the oracle ${expected}`);
}

/** @throws Error on the first difference */
export function compare(
  { market, oracle, fees, ids, bonds, duties, archive }: RandomMarket,
  genesis: bigint,
  funds: Funds,
): void {
  let escrow = 0n;
  for (const name of CLIENTS) {
    const locked = oracle.escrowOf(name);
    escrow += locked;
    const paid = [...oracle.jobs.values()].filter(({ client }) => client === name);
    const spent = paid.reduce((sum, job) => sum + oracle.paid(job), 0n);
    const left = funds.client - (fees.get(name) ?? 0n) - locked - spent;
    same(`free funds of ${name}`, market.chain.free(market.client(name)), left);
  }
  const archived = market.chain.free(ARCHIVE);
  same('escrow and the archive', market.escrow + archived, escrow + archive.left);
  for (const name of PARTNERS) {
    const [bond] = bonds.get(name) ?? [0n];
    const kept = bond + duties.shortOf(name);
    const earned = oracle.earned(name) + archive.earned(name);
    const left = funds.partner - (fees.get(`${name}-owner`) ?? 0n) + earned - kept;
    same(`free funds of ${name}`, market.chain.free(market.owner(name)), left);
  }
  for (const id of ids) compareJob({ market, oracle }, id);
  same('faults of the validator', duties.faultsOnChain, duties.faults);
  same('all that was issued', market.chain.totalFunds() + market.chain.burned(), genesis);
}

function compareJob(
  { market, oracle }: Pick<RandomMarket, 'market' | 'oracle'>,
  id: Uint8Array,
): void {
  const key = toHex(id);
  const expected = oracle.jobs.get(key)!;
  const job = jobs.need(market.chain.state, id);
  const begun = expected.diaries.size > 0 ? 'started' : 'confirmed';
  const running = expected.isDisputed ? 'disputed' : begun;
  same(`state of ${key}`, JOB_STATES[job.state], expected.over?.how ?? running);
  same(`paid of ${key}`, job.paid, oracle.paid(expected));
  same(`refunded of ${key}`, job.refunded, expected.returned);
  const session = Number(market.chain.session.number);
  same(`bound of ${key}`, job.committed, oracle.bound(expected, session));
  let active = 0;
  for (const name of expected.diaries.keys()) {
    const verdict = oracle.verdict(key, name)!;
    const agreement = market.agreement(id, name as PartnerName);
    same(`agreement ${key} ${name}`, AGREEMENT_STATES[agreement.state], verdict.state);
    same(`last session ${key} ${name}`, Number(agreement.lastSession), verdict.last);
    if (verdict.state === 'running') active++;
  }
  same(`running of ${key}`, job.active, active);
}
