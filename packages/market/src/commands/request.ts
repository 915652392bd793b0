import { cannotSpend, handle, transfer } from '@palisade/chain';
import { bytes32, command, refuse, u8, u32, u64, u128 } from '@palisade/core';
import { ESCROW } from '../escrow.ts';
import { jobConfirmed } from '../events.ts';
import { JOB_STATE, jobs, jobsDue, jobsOf, UTILITY, utility } from '../job.ts';
import { noteInJobFile } from '../job-file.ts';
import { params } from '../params.ts';
import { escrowFor } from '../rules/terms.ts';
import { noteFee } from '../standing/notes.ts';

/** Requests count nonces of their own: the order of a job file must not depend on other commands. */
export const JOB_LANE = 'jobs';

/** JOB_REQUEST (C2V-1). Its transaction id is the job's id: a hash of chain, client, nonce and body. */
export const request = command({
  name: 'market.request',
  title: 'Request utility',
  doc: 'Asks partners for storage, computation or access for a term, and locks what they may earn.',
  signer: 'account',
  lane: JOB_LANE,
  fields: {
    utility,
    subject: bytes32.is('Content id: of what is to be kept, or of the work order; any for access'),
    size: u64.is('Bytes of the subject'),
    partners: u8.is('How many, each for all of it'),
    sessions: u32.is('Term in sessions'),
    maxRate: u128.is('Most per partner and session, base units'),
  },
});

export const requestHandler = handle(request, {
  verify({ state, sender }, value) {
    const limits = params.need(state);
    if (!Object.values<number>(UTILITY).includes(value.utility))
      return refuse('market/unknown-utility', `There is no utility ${value.utility}; 1 to 3 are.`);
    if (value.partners < 1 || value.partners > limits.maxPartners)
      return refuse(
        'market/bad-partners',
        `${value.partners} partners were asked for; 1 to ${limits.maxPartners} can be.`,
      );
    if (value.sessions < 1 || value.sessions > limits.maxSessions)
      return refuse(
        'market/bad-term',
        `A term of ${value.sessions} sessions is not one of 1 to ${limits.maxSessions}.`,
      );
    if (value.size > limits.maxSize)
      return refuse(
        'market/too-large',
        `${value.size} bytes are more than the ${limits.maxSize} of one job.`,
        {
          next: 'Store it in parts.',
        },
      );
    return cannotSpend(state, sender.account, escrowFor(value));
  },
  apply(ctx, value) {
    const { state, sender, txId, height, session } = ctx;
    const escrow = escrowFor(value);
    transfer(state, sender.account, ESCROW, escrow);
    jobs.set(state, [txId], {
      client: sender.account,
      utility: value.utility,
      subject: value.subject,
      size: value.size,
      partners: value.partners,
      sessions: value.sessions,
      maxRate: value.maxRate,
      height,
      session: session.number,
      state: JOB_STATE.confirmed,
      active: 0,
      escrow,
      committed: 0n,
      paid: 0n,
      refunded: 0n,
      endHeight: 0n,
      reason: '',
    });
    jobsOf.set(state, [sender.account, txId], 0);
    // A whole session to be started: whoever confirms in the last second of one keeps its chance.
    jobsDue.set(state, [session.number + 1n, txId], 0);
    noteInJobFile(ctx, txId);
    noteFee(ctx);
    ctx.emit(jobConfirmed, {
      job: txId,
      client: sender.account,
      subject: value.subject,
      size: value.size,
      partners: value.partners,
      sessions: value.sessions,
      escrow,
    });
  },
});
