import { cannotSpend, handle, transfer } from '@palisade/chain';
import { bytes32, command, equalBytes, refuse, u32 } from '@palisade/core';
import { jobIsOver, noSuchJob, notTheClient } from '../errors.ts';
import { ESCROW } from '../escrow.ts';
import { jobRenewed } from '../events.ts';
import { isOpen, type Job, jobs } from '../job.ts';
import { params } from '../params.ts';
import { escrowFor } from '../rules/terms.ts';
import { noteFee } from '../standing/notes.ts';

/** Locks escrow for more sessions; partners are then handed vouchers for the longer term. */
export const renew = command({
  name: 'market.renew',
  title: 'Renew a job',
  doc: 'Prolongs the term of a job and locks what its partners may earn in it.',
  signer: 'account',
  fields: { job: bytes32, sessions: u32.is('Sessions to add') },
});

function addedEscrow({ partners, maxRate }: Job, sessions: number): bigint {
  return escrowFor({ partners, maxRate, sessions });
}

export const renewHandler = handle(renew, {
  verify({ state, sender, session }, { job: jobId, sessions }) {
    const job = jobs.get(state, jobId);
    if (!job) return noSuchJob(jobId);
    if (!equalBytes(job.client, sender.account)) return notTheClient(jobId);
    if (!isOpen(job)) return jobIsOver(jobId, job.reason);
    const most = params.need(state).maxSessions;
    // What has passed does not count: a job can be renewed for ever, as long as it counts in 32 bits.
    const ahead = Number(job.session - session.number) + job.sessions + sessions;
    if (sessions < 1 || ahead > most || job.sessions + sessions >= 2 ** 32)
      return refuse(
        'market/bad-term',
        `The term would go on for ${ahead} sessions; ${most} are allowed, and at least 1 is added.`,
      );
    return cannotSpend(state, sender.account, addedEscrow(job, sessions));
  },
  apply(ctx, { job: jobId, sessions }) {
    const job = jobs.need(ctx.state, jobId);
    const added = addedEscrow(job, sessions);
    transfer(ctx.state, job.client, ESCROW, added);
    const renewed = { ...job, sessions: job.sessions + sessions, escrow: job.escrow + added };
    jobs.set(ctx.state, [jobId], renewed);
    noteFee(ctx);
    ctx.emit(jobRenewed, { job: jobId, sessions: renewed.sessions, escrow: renewed.escrow });
  },
});
