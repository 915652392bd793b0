import { record, u64 } from '@palisade/core';
import { event } from '../module/event.ts';
import type { Module } from '../module/module.ts';
import { answer, query } from '../module/query.ts';
import { randomnessFixed, revealMissed } from '../randomness/randomness.ts';
import { currentSession, sessionRecord, sessions } from './session.ts';

export const sessionQuery = query({
  name: 'sessions.session',
  doc: 'The running session, or one by number.',
  params: record('SessionQuery', {
    number: u64.is('A session; 18446744073709551615 for the running one'),
  }),
  result: sessionRecord,
});

/** Stands for "the running one" in queries by session number. */
export const RUNNING = 2n ** 64n - 1n;

export const sessionStarted = event({
  name: 'chain.session-started',
  doc: 'A pay period began with this block.',
  fields: { session: u64, startMs: u64 },
});

export const sessionsModule: Module = {
  name: 'sessions',
  events: [sessionStarted, randomnessFixed, revealMissed],
  queries: [
    answer(sessionQuery, (state, { number }) =>
      sessions.get(state, number === RUNNING ? (currentSession.get(state) ?? 0n) : number),
    ),
  ],
};
