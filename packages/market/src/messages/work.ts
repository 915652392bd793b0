import { bytes32, message, text, u16, u64 } from '@palisade/core';

/** Bytes of what a partner is told to do. */
const MAX_WORDS = 400;

/** WORK_QUERY (P2V-2.G1): a partner that hears of nothing asks for jobs, and gets some or a reason. */
export const workQuery = message({
  name: 'market.work-query',
  title: 'Ask for work',
  doc: 'A partner asks a validator for the jobs that fit it, or why there are none.',
  signer: 'node',
  fields: { atMs: u64.is('Time of signing; a validator refuses one older than a minute') },
});

/**
 * Why a partner gets no work. `notReady`: no READY of it is valid. `requirement`: jobs that it wants
 * ask for more than it has, or the chain lets it start none: `item` says what is missing.
 */
export const NO_WORK = {
  noDemand: 'no-demand',
  filters: 'filters-do-not-match',
  requirement: 'requirement-not-met',
  lowScore: 'low-score',
  atCapacity: 'at-capacity',
  notReady: 'not-ready',
} as const;
export type NoWork = (typeof NO_WORK)[keyof typeof NO_WORK];

/** The validator's signed answer: that there was no demand is evidence when there was. */
export const workAnswer = message({
  name: 'market.work-answer',
  title: 'Answer to a partner that asked for work',
  doc: 'How many jobs fit a partner now, or why none does.',
  signer: 'node',
  fields: {
    query: bytes32.is('Id of the question'),
    height: u64.is('Of the chain when it was asked'),
    jobs: u16.is('Notices that come with the answer'),
    reason: text(24).is('Why there are none; empty when there are'),
    item: text(32).is('What is missing, or keeps jobs away'),
    score: u16.is("The partner's score, where that is the reason"),
    threshold: u16.is('What the score should at least be'),
    next: text(MAX_WORDS).is('What the partner can do about it'),
  },
});

/**
 * A partner's word that it was told of a job. The validator keeps it: it is the answer to a
 * complaint that it kept a job from that partner.
 */
export const noticeAck = message({
  name: 'market.notice-ack',
  title: 'Notice heard',
  doc: 'A partner has been told of a job.',
  signer: 'node',
  fields: {
    job: bytes32,
    validator: bytes32.is('Who told it'),
    height: u64.is('Block whose job file holds it, as the notice says'),
  },
});
