import { cannotSpend, handle, hold, type TxContext } from '@palisade/chain';
import {
  byteList,
  bytes32,
  catalogue,
  command,
  type Domain,
  equalBytes,
  isRefusal,
  type Refusal,
  refuse,
  toHex,
  type ValueOf,
} from '@palisade/core';
import {
  complaintPurpose,
  countOpen,
  decidedIn,
  dutyParamsOf,
  firstOfEvidence,
} from '../duties/complaint.ts';
import { complaintFiled } from '../duties/events.ts';
import { badEvidence, openEvidence } from '../duties/evidence.ts';
import { COMPLAINT_STATE, complaints, fileTimes, openComplaints } from '../duties/records.ts';
import { wasResponsible } from '../duties/roster.ts';
import { noSuchJob } from '../errors.ts';
import { type Job, jobs } from '../job.ts';
import { MAX_INNER } from '../messages/matching.ts';
import { ready, readyAck } from '../messages/ready.ts';
import { misfitOf, rateAsked } from '../rules/fitting.ts';
import { NOTICE_MS } from '../rules/responsible.ts';
import { mayNotTake } from '../standing/takers.ts';

/**
 * COMPLAINT (P2V-2.G1): a validator that answers for a partner, and knew that it was ready, told it
 * nothing of a job that fits. Silence cannot be shown, so the accused has to show the partner's word.
 */
export const complain = command({
  name: 'market.complain',
  title: 'Complain about a validator',
  doc: 'A partner was not told of a job by a validator that answers for it; a deposit is held.',
  signer: 'node',
  fields: {
    job: bytes32,
    validator: bytes32.is('The accused'),
    ready: byteList(MAX_INNER).is("The partner's signed market.ready that was in force"),
    acknowledgement: byteList(MAX_INNER).is("The accused's signed market.ready-ack of it"),
  },
});
type Accusation = ValueOf<typeof complain>;
type Ready = ValueOf<typeof ready>;

const readies = catalogue([ready]);
const readyAcks = catalogue([readyAck]);

function checkTime({ state, session, timeMs }: TxContext, job: Job): Refusal | undefined {
  if (job.session < firstOfEvidence(state, session.number))
    return refuse('market/too-late', `Session ${job.session} is too long ago for a complaint.`);
  const fileMs = fileTimes.get(state, job.height);
  if (fileMs !== undefined && timeMs >= fileMs + BigInt(NOTICE_MS)) return undefined;
  return refuse('market/too-early', `The accused has ${NOTICE_MS} ms to tell of a job.`, {
    retry: 'later',
  });
}

/** The READY that the accused has acknowledged. */
function readyOf(value: Accusation, partner: Uint8Array, job: Job, domain: Domain) {
  const said = openEvidence(value.ready, readies, domain, partner);
  if (isRefusal(said)) return said;
  const heard = openEvidence(value.acknowledgement, readyAcks, domain, value.validator);
  if (isRefusal(heard)) return heard;
  const { ready: id, height } = heard.value as ValueOf<typeof readyAck>;
  if (!equalBytes(id, said.id)) return badEvidence('another READY was acknowledged.');
  if (height >= job.height)
    return badEvidence(
      `the READY was heard at height ${height}; the job is of block ${job.height}.`,
    );
  return said.value as Ready;
}

/** Whether the partner could have taken the job then, by its own word, and may take it now. */
function checkFit(ctx: TxContext, job: Job, said: Ready): Refusal | undefined {
  const fileMs = fileTimes.need(ctx.state, job.height);
  if (said.expiresMs <= fileMs || said.accepting !== 1 || said.freeSlots === 0)
    return refuse('market/not-ready-then', 'By that READY the partner took no work at that time.');
  const misfit = misfitOf(job, said);
  if (misfit)
    return refuse('market/does-not-fit', `The job is not for this partner: ${misfit.item}.`);
  const value = (rateAsked(job, said) ?? job.maxRate) * BigInt(job.sessions);
  return mayNotTake(ctx, { agreements: 1, value });
}

function checkPlace(ctx: TxContext, value: Accusation, job: Job): Refusal | undefined {
  const { state, sender } = ctx;
  const partner = sender.nodeKey!;
  if (complaints.has(state, decidedIn(state, job), value.job, value.validator, partner))
    return refuse('market/complaint-known', 'This complaint has been made.');
  const { maxOpenComplaints, complaintDeposit } = dutyParamsOf(state);
  if ((openComplaints.get(state, partner) ?? 0) >= maxOpenComplaints)
    return refuse(
      'market/too-many-complaints',
      `${maxOpenComplaints} complaints of this partner are open.`,
      { retry: 'later', next: 'Wait until one is decided.' },
    );
  return cannotSpend(state, sender.account, complaintDeposit);
}

export function complainHandler(domain: Domain) {
  return handle(complain, {
    verify(ctx, value) {
      const partner = ctx.sender.nodeKey!;
      const job = jobs.get(ctx.state, value.job);
      if (!job) return noSuchJob(value.job);
      const untimely = checkTime(ctx, job) ?? checkPlace(ctx, value, job);
      if (untimely) return untimely;
      if (!wasResponsible(ctx.state, job.session, partner, value.validator))
        return refuse(
          'market/not-responsible',
          `${toHex(value.validator)} did not answer for this partner in session ${job.session}.`,
        );
      const said = readyOf(value, partner, job, domain);
      return isRefusal(said) ? said : checkFit(ctx, job, said);
    },
    apply(ctx, value) {
      const { state, sender } = ctx;
      const { job: id, validator } = value;
      const partner = sender.nodeKey!;
      const job = jobs.need(state, id);
      const said = readyOf(value, partner, job, domain) as Ready;
      const { complaintDeposit: deposit } = dutyParamsOf(state);
      const closes = decidedIn(state, job);
      hold(state, sender.account, complaintPurpose(partner), deposit);
      countOpen(state, partner, 1);
      complaints.set(state, [closes, id, validator, partner], {
        account: sender.account,
        deposit,
        sequence: said.sequence,
        fileMs: fileTimes.need(state, job.height),
        state: COMPLAINT_STATE.open,
      });
      ctx.emit(complaintFiled, { job: id, validator, partner, deposit, closes });
    },
  });
}
