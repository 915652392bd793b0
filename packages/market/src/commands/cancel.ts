import { handle } from '@palisade/chain';
import { bytes32, command, equalBytes } from '@palisade/core';
import { shorten } from '../agreement.ts';
import { endJob } from '../ending.ts';
import { jobIsOver, noSuchJob, notTheClient } from '../errors.ts';
import { agreements, isOpen, JOB_STATE, jobs } from '../job.ts';

/** Ends a job without the partners' consent: the running session is still theirs to earn. */
export const cancel = command({
  name: 'market.cancel',
  title: 'Cancel a job',
  doc: 'Ends a job after the running session; what is not earned returns to the client.',
  signer: 'account',
  fields: { job: bytes32 },
});

const REASON = 'cancelled by the client';

export const cancelHandler = handle(cancel, {
  verify({ state, sender }, { job: jobId }) {
    const job = jobs.get(state, jobId);
    if (!job) return noSuchJob(jobId);
    if (!equalBytes(job.client, sender.account)) return notTheClient(jobId);
    if (!isOpen(job)) return jobIsOver(jobId, job.reason);
    return undefined;
  },
  apply(ctx, { job: jobId }) {
    for (const [[, partner]] of [...agreements.list(ctx.state, jobId)])
      shorten(ctx, jobId, partner, ctx.session.number, REASON);
    endJob(ctx, jobId, JOB_STATE.cancelled, REASON);
  },
});
