/**
 * One challenge of one partner: a signed question to its endpoint, and what its answer is worth. The
 * address is one that a partner signed, so no redirect is followed, and no more is read than an
 * answer can have.
 */
import { randomBytes } from 'node:crypto';
import { catalogue, equalBytes, isRefusal, open, type ValueOf, verifyOpened } from '@palisade/core';
import { readBounded } from '@palisade/daemon';
import {
  type Challenge,
  challengeAnswer,
  challengeLeaves,
  checkProofs,
  FINDING,
  type Finding,
  jobs,
  MAX_CHALLENGE_ANSWER,
  partnerChallenge,
} from '@palisade/market';
import type { Pool } from './pool.ts';
import type { Validator } from './validator.ts';

/** A partner that has not answered by then has not answered, ms (C2V-2.G1: a time-out of 6 s). */
const ANSWER_MS = 6000;

const QUESTIONS = catalogue([partnerChallenge]);
const ANSWERS = catalogue([challengeAnswer]);
const NO_JOB = new Uint8Array(32);
const NO_ANSWER = new Uint8Array();

/** What came of it; the answer is there when it was passed. */
export type Found = { readonly finding: Finding; readonly answer: Uint8Array };

export type Asked = {
  readonly partner: Uint8Array;
  /** Base URL, by the partner's own word. */
  readonly url: string;
  readonly challenge: Challenge;
  /** The session's randomness. */
  readonly seed: Uint8Array;
};

function failure(finding: Finding): Found {
  return { finding, answer: NO_ANSWER };
}

/** Asks a partner, once. `stopping` gives up. */
export async function challengePartner(
  { application: { committed, domain } }: Pick<Pool, 'application'>,
  self: Validator,
  { partner, url, challenge, seed }: Asked,
  stopping: AbortSignal,
): Promise<Found> {
  const { session, nodeKey } = self;
  const asked = jobs.get(committed, challenge.job);
  const job = asked ? challenge.job : NO_JOB;
  const leaves = asked ? challengeLeaves(seed, nodeKey, job, partner, asked.size) : [];
  const nonce = new Uint8Array(randomBytes(32));
  const words = { session, partner, nonce, job, leaves: leaves.map(BigInt) };
  const question = await self.sign(partnerChallenge, words);
  const answer = await post(`${url}/v1/challenges`, question, stopping);
  if (!answer) return failure(FINDING.unreachable);
  const said = open(answer, ANSWERS, domain);
  if (isRefusal(said) || !equalBytes(said.sender, partner) || verifyOpened(said))
    return failure(FINDING.badAnswer);
  const { proofs, ...about } = said.value as ValueOf<typeof challengeAnswer>;
  const own = open(question, QUESTIONS, domain);
  const isAnswer =
    !isRefusal(own) &&
    equalBytes(about.challenge, own.id) &&
    equalBytes(about.validator, nodeKey) &&
    about.session === session;
  if (!isAnswer) return failure(FINDING.badAnswer);
  if (asked && checkProofs(asked, leaves, proofs)) return failure(FINDING.wrongLeaves);
  return { finding: FINDING.passed, answer };
}

/** The body of an answer, empty when it was none; undefined when nobody answered in time. */
async function post(
  url: string,
  question: Uint8Array,
  stopping: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body: question as Uint8Array<ArrayBuffer>,
      headers: { 'content-type': 'application/octet-stream' },
      redirect: 'manual',
      signal: AbortSignal.any([stopping, AbortSignal.timeout(ANSWER_MS)]),
    });
    if (response.status === 200)
      return (await readBounded(response, MAX_CHALLENGE_ANSWER)) ?? NO_ANSWER;
    await response.body?.cancel();
    return NO_ANSWER;
  } catch {
    return undefined;
  }
}
