import { handle, type TxContext } from '@palisade/chain';
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
  u64,
  type ValueOf,
} from '@palisade/core';
import { challengeDoubted, challengeFailed, challengePassed } from '../challenges/events.ts';
import { type Challenge, challenges, FINDING, finding, verdicts } from '../challenges/records.ts';
import { badEvidence, openEvidence } from '../duties/evidence.ts';
import { jobs } from '../job.ts';
import { challengeAnswer, MAX_CHALLENGE_ANSWER } from '../messages/challenge.ts';
import { MAX_INNER } from '../messages/matching.ts';
import { ready } from '../messages/ready.ts';
import { challengeLeaves } from '../rules/challenged.ts';
import { noteChallengeFailed, noteChallengePassed, standingOf } from '../standing/notes.ts';
import { ROLE } from '../standing/records.ts';
import { checkProofs } from './answer.ts';

/**
 * A passive validator's finding about a partner that it had to challenge (P2V-1.G2). A failure counts
 * when both validators report one: what one says alone, a lie or a broken line, harms nobody. Success
 * is reported where it changes something: it ends a containment, and the partner's own answer shows it.
 */
export const reportChallenge = command({
  name: 'market.report-challenge',
  title: 'Report a challenge',
  doc: 'A passive validator says what came of challenging a partner in the running session.',
  signer: 'node',
  fields: {
    session: u64,
    partner: bytes32,
    finding,
    ready: byteList(MAX_INNER).is("The partner's signed market.ready that holds in the session"),
    answer: byteList(MAX_CHALLENGE_ANSWER).is(
      "The partner's signed market.challenge-answer; empty with a failure",
    ),
  },
});
type Report = ValueOf<typeof reportChallenge>;

const READIES = catalogue([ready]);
const ANSWERS = catalogue([challengeAnswer]);
const FINDINGS: readonly number[] = Object.values(FINDING);

/** The challenge that a report is about, if its sender may say something of it. */
function challengeOf(
  { state, session, sender }: TxContext,
  { session: number, partner }: Pick<Report, 'session' | 'partner'>,
): Challenge | Refusal {
  if (number !== session.number)
    return refuse(
      'market/wrong-session',
      `Session ${number} is not running; ${session.number} is.`,
    );
  const found = challenges.get(state, number, partner);
  if (!found)
    return refuse(
      'market/not-challenged',
      `${toHex(partner)} is not challenged in session ${number}.`,
    );
  const isFirst = equalBytes(found.first, sender.nodeKey!);
  if (!isFirst && !equalBytes(found.second, sender.nodeKey!))
    return refuse(
      'market/not-assigned',
      `Other validators challenge ${toHex(partner)} in session ${number}.`,
    );
  if ((isFirst ? found.firstSaid : found.secondSaid) !== 0)
    return refuse('market/challenge-reported', 'The sender has reported this challenge.');
  if (found.firstSaid === FINDING.passed || found.secondSaid === FINDING.passed)
    return refuse('market/challenge-over', 'The partner has passed this challenge.');
  return found;
}

/** Whether the partner had said that it was there: nobody has to be who did not say so. */
function checkReady(
  { session, timeMs }: TxContext,
  { partner, ready: envelope }: Report,
  domain: Domain,
): Refusal | undefined {
  const said = openEvidence(envelope, READIES, domain, partner);
  if (isRefusal(said)) return said;
  const { atMs, expiresMs } = said.value as ValueOf<typeof ready>;
  if (expiresMs <= session.startMs || atMs > timeMs)
    return refuse('market/not-ready-then', 'That READY does not hold in this session.');
  return undefined;
}

/** A success needs the partner's own answer, and somebody who gains by it. */
function checkSuccess(
  ctx: TxContext,
  { partner, answer: envelope }: Report,
  found: Challenge,
  domain: Domain,
): Refusal | undefined {
  const { state, session, sender } = ctx;
  if (standingOf(state, ROLE.partner, partner, session.number).containedUntil === 0n)
    return refuse(
      'market/not-contained',
      `${toHex(partner)} is not contained: nothing follows from its success.`,
    );
  const said = openEvidence(envelope, ANSWERS, domain, partner);
  if (isRefusal(said)) return said;
  const answer = said.value as ValueOf<typeof challengeAnswer>;
  if (answer.session !== session.number || !equalBytes(answer.validator, sender.nodeKey!))
    return badEvidence('it answers another challenge.');
  const asked = jobs.get(state, found.job);
  if (!asked) return undefined;
  const leaves = challengeLeaves(
    session.randomness,
    sender.nodeKey!,
    found.job,
    partner,
    asked.size,
  );
  return checkProofs(asked, leaves, answer.proofs);
}

export function reportChallengeHandler(domain: Domain) {
  return handle(reportChallenge, {
    verify(ctx, value) {
      const found = challengeOf(ctx, value);
      if (isRefusal(found)) return found;
      if (!FINDINGS.includes(value.finding))
        return refuse('market/no-such-finding', `There is no finding ${value.finding}.`);
      const notReady = checkReady(ctx, value, domain);
      if (notReady) return notReady;
      return value.finding === FINDING.passed ? checkSuccess(ctx, value, found, domain) : undefined;
    },
    apply(ctx, { session, partner, finding }) {
      const { state, sender } = ctx;
      const validator = sender.nodeKey!;
      const before = challengeOf(ctx, { session, partner }) as Challenge;
      const isFirst = equalBytes(before.first, validator);
      const said = isFirst ? { firstSaid: finding } : { secondSaid: finding };
      const after = { ...before, ...said };
      challenges.set(state, [session, partner], after);
      const words = { session, partner, validator, finding };
      if (finding === FINDING.passed) {
        verdicts.set(state, [partner], { session, finding });
        ctx.emit(challengePassed, words);
        noteChallengePassed(ctx, ROLE.partner, partner);
      } else if (after.firstSaid !== 0 && after.secondSaid !== 0) {
        verdicts.set(state, [partner], { session, finding });
        ctx.emit(challengeFailed, words);
        noteChallengeFailed(ctx, partner, [after.first, after.second]);
      } else ctx.emit(challengeDoubted, words);
    },
  });
}
