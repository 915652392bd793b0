import { balanceOf, type Invariant } from '@palisade/chain';
import { toHex } from '@palisade/core';
import { ESCROW } from './commands/request.ts';
import { AGREEMENT_STATE, agreements, auditsDue, jobs } from './job.ts';

/** What clients locked and nobody has earned or got back yet is in the escrow account, no more, no less. */
export const escrowAddsUp: Invariant = {
  name: 'market: escrow account = sum of the escrow of all jobs',
  check(state) {
    let sum = 0n;
    for (const [, job] of jobs.list(state)) sum += job.escrow;
    const { free, held } = balanceOf(state, ESCROW);
    return free + held === sum
      ? undefined
      : `the account has ${free + held}, jobs add up to ${sum}`;
  },
};

/** No job has promised more than it has locked. */
export const promisesAreCovered: Invariant = {
  name: 'market: committed <= escrow, and committed = what running agreements may still earn',
  check(state) {
    const due = new Map<string, bigint>();
    for (const [[session, job, partner]] of auditsDue.list(state))
      due.set(`${toHex(job)}${toHex(partner)}`, session);
    for (const [[id], job] of jobs.list(state)) {
      let promised = 0n;
      let active = 0;
      for (const [[, partner], agreement] of agreements.list(state, id)) {
        if (agreement.state !== AGREEMENT_STATE.active) continue;
        active++;
        const next = due.get(`${toHex(id)}${toHex(partner)}`);
        if (next === undefined) return `${toHex(id)}: a running agreement is never audited`;
        promised += (agreement.lastSession - next + 1n) * agreement.rate;
      }
      if (promised !== job.committed || job.committed > job.escrow || active !== job.active)
        return `${toHex(id)}: ${active} agreements may earn ${promised}, recorded are ${job.active} and ${job.committed}, locked ${job.escrow}`;
    }
    return undefined;
  },
};
