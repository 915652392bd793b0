import { FEE_POT, handle, type TxContext, transfer } from '@palisade/chain';
import {
  byteList,
  bytes32,
  catalogue,
  command,
  type Domain,
  equalBytes,
  isRefusal,
  type Opened,
  type Refusal,
  refuse,
  toHex,
  type ValueOf,
} from '@palisade/core';
import { decidedIn, settleDeposit } from '../duties/complaint.ts';
import { complaintDismissed } from '../duties/events.ts';
import { badEvidence, openEvidence } from '../duties/evidence.ts';
import { COMPLAINT_STATE, type Complaint, complaints } from '../duties/records.ts';
import { noSuchJob } from '../errors.ts';
import { type Job, jobs } from '../job.ts';
import { MAX_INNER } from '../messages/matching.ts';
import { ready, signOff } from '../messages/ready.ts';
import { noticeAck } from '../messages/work.ts';
import { misfitOf } from '../rules/fitting.ts';
import { NOTICE_MS } from '../rules/responsible.ts';

/** The accused's answer to a complaint: the partner's own word, that it was told or wanted nothing. */
export const rebut = command({
  name: 'market.rebut',
  title: 'Rebut a complaint',
  doc: 'A validator shows what the partner that accuses it has signed; the complaint is dismissed.',
  signer: 'node',
  fields: {
    job: bytes32,
    partner: bytes32.is('Who complained'),
    word: byteList(MAX_INNER).is(
      "The partner's signed market.notice-ack of the job, or a later market.ready or market.sign-off by which it took no such work",
    ),
  },
});
type Answer = ValueOf<typeof rebut>;

const WORDS = catalogue([noticeAck, ready, signOff]);

function caseOf({ state, sender }: TxContext, value: Answer): Complaint | Refusal {
  const job = jobs.get(state, value.job);
  if (!job) return noSuchJob(value.job);
  const closes = decidedIn(state, job);
  const found = complaints.get(state, closes, value.job, sender.nodeKey!, value.partner);
  if (!found)
    return refuse(
      'market/no-complaint',
      `${toHex(value.partner)} has no complaint about this job and the sender.`,
    );
  if (found.state === COMPLAINT_STATE.open) return found;
  return refuse('market/complaint-over', 'This complaint was dismissed already.');
}

/** Whether a partner had said something newer than the READY of its complaint when the job came. */
function isLaterWord(
  { sequence, atMs }: Pick<ValueOf<typeof signOff>, 'sequence' | 'atMs'>,
  { sequence: accused, fileMs }: Complaint,
): boolean {
  return sequence > accused && atMs <= fileMs + BigInt(NOTICE_MS);
}

function reasonOfReady(said: ValueOf<typeof ready>, complaint: Complaint, job: Job) {
  const takes = said.accepting === 1 && said.freeSlots > 0 && !misfitOf(job, said);
  if (!takes && isLaterWord(said, complaint)) return 'took-no-work';
  return badEvidence('this READY was not in force, or the job fits it.');
}

/** What the partner's word says about a complaint, or why it says nothing. */
function reasonOf(
  said: Opened,
  accused: Uint8Array,
  id: Uint8Array,
  complaint: Complaint,
  job: Job,
) {
  if (said.declaration.name === ready.name)
    return reasonOfReady(said.value as ValueOf<typeof ready>, complaint, job);
  if (said.declaration.name === signOff.name)
    return isLaterWord(said.value as ValueOf<typeof signOff>, complaint)
      ? 'signed-off'
      : badEvidence('the partner had not signed off then.');
  const told = said.value as ValueOf<typeof noticeAck>;
  return equalBytes(told.job, id) && equalBytes(told.validator, accused)
    ? 'was-told'
    : badEvidence('the partner acknowledged something else.');
}

export function rebutHandler(domain: Domain) {
  const judge = (ctx: TxContext, value: Answer, complaint: Complaint): string | Refusal => {
    const said = openEvidence(value.word, WORDS, domain, value.partner);
    if (isRefusal(said)) return said;
    const job = jobs.need(ctx.state, value.job);
    return reasonOf(said, ctx.sender.nodeKey!, value.job, complaint, job);
  };
  return handle(rebut, {
    verify(ctx, value) {
      const complaint = caseOf(ctx, value);
      if (isRefusal(complaint)) return complaint;
      const reason = judge(ctx, value, complaint);
      return isRefusal(reason) ? reason : undefined;
    },
    apply(ctx, value) {
      const { state, sender } = ctx;
      const { job, partner } = value;
      const validator = sender.nodeKey!;
      const complaint = caseOf(ctx, value) as Complaint;
      const reason = judge(ctx, value, complaint) as string;
      const { account, deposit } = complaint;
      settleDeposit(state, partner, complaint);
      transfer(state, account, FEE_POT, deposit);
      const closes = decidedIn(state, jobs.need(state, job));
      const over = { ...complaint, state: COMPLAINT_STATE.dismissed };
      complaints.set(state, [closes, job, validator, partner], over);
      ctx.emit(complaintDismissed, { job, validator, partner, reason, deposit });
    },
  });
}
