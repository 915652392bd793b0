import { handle, randomness } from '@palisade/chain';
import {
  bytes32,
  command,
  list,
  type Refusal,
  refuse,
  sampleLeaves,
  toHex,
  u64,
  verifyLeaf,
} from '@palisade/core';
import { noAgreement } from '../errors.ts';
import { auditAnswered } from '../events.ts';
import {
  AGREEMENT_STATE,
  agreements,
  isInteractive,
  type Job,
  jobs,
  settlementsDue,
} from '../job.ts';
import { leafProof } from '../messages/leaf-proof.ts';
import { MAX_SAMPLES, params } from '../params.ts';

/** The answer to a session's audit: the sampled leaves with their paths. */
export const answerAudit = command({
  name: 'market.answer-audit',
  title: 'Answer an audit',
  doc: 'A partner shows the leaves that the session asks for; the amount of the session is earned.',
  signer: 'node',
  fields: {
    job: bytes32,
    session: u64,
    proofs: list(leafProof, MAX_SAMPLES).is('In the order in which they were asked for'),
  },
});

/** The leaves that an agreement must show in a session of the given randomness. */
export function challenge(
  seed: Uint8Array,
  jobId: Uint8Array,
  partner: Uint8Array,
  size: bigint,
  samples: number,
): readonly number[] {
  return sampleLeaves(seed, jobId, partner, Number(size), samples);
}

export const answerAuditHandler = handle(answerAudit, {
  verify(ctx, { job: jobId, session, proofs }) {
    const { state } = ctx;
    const partner = ctx.sender.nodeKey!;
    const agreement = agreements.get(state, jobId, partner);
    if (agreement?.state !== AGREEMENT_STATE.active) return noAgreement(jobId, partner);
    const job = jobs.need(state, jobId);
    if (session !== ctx.session.number)
      return refuse(
        'market/wrong-session',
        `Session ${session} is not running; ${ctx.session.number} is.`,
      );
    const due = isInteractive(job) ? undefined : settlementsDue.get(state, session, jobId, partner);
    if (due === undefined)
      return refuse(
        'market/no-audit-due',
        `Nothing is due of this agreement in session ${session}.`,
      );
    if (due !== 0n)
      return refuse('market/audit-answered', `This audit was answered in block ${due}.`);
    const seed = randomness.ofSession(ctx.session);
    if (!seed)
      return refuse(
        'market/no-randomness-yet',
        `The randomness of session ${session} is not known yet.`,
        {
          retry: 'later',
        },
      );
    return checkProofs(
      job,
      challenge(seed, jobId, partner, job.size, params.need(state).auditSamples),
      proofs,
    );
  },
  apply(ctx, { job, session }) {
    const partner = ctx.sender.nodeKey!;
    settlementsDue.set(ctx.state, [session, job, partner], ctx.height);
    const { rate: amount } = agreements.need(ctx.state, job, partner);
    ctx.emit(auditAnswered, { job, partner, session, amount });
  },
});

type Proof = { readonly leafIndex: bigint; readonly leaf: Uint8Array; readonly path: Uint8Array[] };

/** Whether these are the leaves of a job's content that were asked for, in that order. */
export function checkProofs(
  job: Pick<Job, 'subject' | 'size'>,
  asked: readonly number[],
  proofs: readonly Proof[],
): Refusal | undefined {
  if (proofs.length !== asked.length)
    return refuse(
      'market/wrong-leaves',
      `${asked.length} leaves are asked for; ${proofs.length} were shown.`,
    );
  for (const [i, index] of asked.entries()) {
    const { leafIndex, leaf, path } = proofs[i]!;
    if (leafIndex !== BigInt(index))
      return refuse(
        'market/wrong-leaves',
        `Leaf ${index} is asked for at place ${i}; ${leafIndex} was shown.`,
      );
    if (!verifyLeaf(job.subject, Number(job.size), { leafIndex: index, leaf, path }))
      return refuse(
        'market/proof-wrong',
        `Leaf ${index} does not belong to content ${toHex(job.subject)}.`,
      );
  }
  return undefined;
}
