import { handle, nodeKeys, type TxContext } from '@palisade/chain';
import {
  bytes32,
  command,
  type Domain,
  digestOf,
  equalBytes,
  type Infer,
  isSignedBy,
  type Refusal,
  record,
  refuse,
  signature64,
  toHex,
  u8,
  u32,
  u64,
  type ValueOf,
} from '@palisade/core';
import { noAgreement, noSuchJob, notTheClient } from '../errors.ts';
import { resultRejected } from '../events.ts';
import { agreements, jobs, rejectedResults, UTILITY } from '../job.ts';
import { isSameResult, runResult } from '../messages/computation.ts';
import { ceilingOf } from '../rules/bound.ts';
import { noteWrongResult, standingOf, standingParamsOf } from '../standing/notes.ts';
import { ROLE } from '../standing/records.ts';

/** A result with who signed it. */
export const signedResult = record('SignedResult', {
  partner: bytes32.is("The partner's node key"),
  job: bytes32,
  end: u8,
  output: bytes32,
  outputSize: u32,
  fuel: u64,
  signature: signature64.is("The partner's, over market.run-result"),
});
type SignedResult = Infer<typeof signedResult>;

/**
 * Evidence of a wrong result: three partners did the same work for one client, and two of them came
 * to another result than the third. Two partners of the client's own could say so of anybody;
 * therefore both must be known, of other accounts than the client's and each other's, and it weighs
 * no more than the client's word.
 */
export const reportResult = command({
  name: 'market.report-result',
  title: 'Report a wrong result',
  doc: 'Shows that a partner signed a result that two others, who did the same work, did not come to.',
  signer: 'account',
  fields: { rejected: signedResult, first: signedResult, second: signedResult },
});
type Report = ValueOf<typeof reportResult>;

export function reportResultHandler(domain: Domain) {
  return handle(reportResult, {
    verify(ctx, report) {
      const { rejected, first, second } = report;
      for (const result of [rejected, first, second]) {
        const refusal = checkResult(ctx, result, domain);
        if (refusal) return refusal;
      }
      return checkTogether(ctx, report) ?? checkWitnesses(ctx, report);
    },
    apply(ctx, { rejected: { job, partner } }) {
      const { sender, height } = ctx;
      rejectedResults.set(ctx.state, [job, partner], height);
      ctx.emit(resultRejected, { job, partner, client: sender.account });
      const value = ceilingOf(agreements.need(ctx.state, job, partner));
      noteWrongResult(ctx, { partner, client: sender.account, value });
    },
  });
}

/** Each was signed by a partner of a computation job of the sender's. */
function checkResult(
  { state, sender }: TxContext,
  { partner, signature, ...result }: SignedResult,
  domain: Domain,
): Refusal | undefined {
  const job = jobs.get(state, result.job);
  if (!job) return noSuchJob(result.job);
  if (!equalBytes(job.client, sender.account)) return notTheClient(result.job);
  if (job.utility !== UTILITY.computation || !agreements.get(state, result.job, partner))
    return noAgreement(result.job, partner);
  if (isSignedBy(digestOf(runResult, result, domain), signature, partner)) return undefined;
  return refuse('market/result-not-signed', `${toHex(partner)} has not signed this result.`);
}

/** The same work, by three partners, of whom two agree. */
function checkTogether(
  { state }: TxContext,
  { rejected, first, second }: Report,
): Refusal | undefined {
  const all = [rejected, first, second];
  const work = all.map(({ job }) => toHex(jobs.need(state, job).subject));
  const partners = all.map(({ partner }) => toHex(partner));
  const isEvidence =
    new Set(work).size === 1 &&
    new Set(partners).size === all.length &&
    isSameResult(first, second) &&
    !isSameResult(first, rejected);
  if (!isEvidence)
    return refuse(
      'market/no-evidence',
      'It takes two partners that agree, and a third that differs, about the same work.',
    );
  if (rejectedResults.get(state, rejected.job, rejected.partner) === undefined) return undefined;
  return refuse('market/result-reported', 'This result was reported already.');
}

/** Who speaks against somebody must be known, and must not be one with who reports it. */
function checkWitnesses(
  { state, sender, session }: TxContext,
  { first, second }: Report,
): Refusal | undefined {
  const { probationReceipts } = standingParamsOf(state);
  const owners = [first, second].map(({ partner }) => toHex(nodeKeys.need(state, partner).account));
  const isOwn = new Set([...owners, toHex(sender.account)]).size < 3;
  const isUnknown = [first, second].some(({ partner }) => {
    return standingOf(state, ROLE.partner, partner, session.number).receipts < probationReceipts;
  });
  if (!isOwn && !isUnknown) return undefined;
  return refuse(
    'market/no-witness',
    `Both partners that agree must belong to others than the client and have ${probationReceipts} receipts.`,
  );
}
