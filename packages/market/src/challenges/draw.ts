/** Drawing a session's challenges when its randomness is fixed, and forgetting them with its end. */
import { type BlockContext, nodeKeys, SEAT, validators } from '@palisade/chain';
import type { KeyValueReader } from '@palisade/core';
import { dutyParamsOf } from '../duties/complaint.ts';
import { AGREEMENT_STATE, agreements, agreementsOf, isInteractive, jobs } from '../job.ts';
import {
  agreementPoint,
  challengedPlaces,
  challengersOf,
  type Owned,
} from '../rules/challenged.ts';
import { challenges, ring, ringSize } from './records.ts';

/** Agreements of a partner that are looked at for one with a content: nearly all are of one kind. */
const MOST_LOOKED_AT = 8;

const NONE = new Uint8Array(32);

/** Draws who is challenged by whom, in the block that fixes the session's randomness. */
export function drawChallenges({ state, session, height }: BlockContext): void {
  if (session.randomnessHeight !== height) return;
  const { number, randomness: seed } = session;
  const passive = passiveValidators(state);
  const count = ringSize.get(state) ?? 0;
  for (const place of challengedPlaces(seed, count, dutyParamsOf(state).challenges)) {
    const nodeKey = ring.need(state, BigInt(place));
    const { account } = nodeKeys.need(state, nodeKey);
    const pair = challengersOf(seed, { nodeKey, account }, passive);
    if (!pair) continue;
    const [first, second] = pair;
    const job = contentAskedFor(state, seed, nodeKey, number) ?? NONE;
    const words = { first, second, job, firstSaid: 0, secondSaid: 0 };
    challenges.set(state, [number, nodeKey], words);
  }
}

export function forgetChallenges({ state, session }: BlockContext): void {
  for (const [key] of [...challenges.list(state, session.number)]) challenges.delete(state, ...key);
}

/** In the order of their keys. */
function passiveValidators(state: KeyValueReader): readonly Owned[] {
  return [...validators.list(state)]
    .filter(([, { seat }]) => seat === SEAT.passive)
    .map(([[nodeKey], { account }]) => ({ nodeKey, account }));
}

/** A job whose content the partner is paid to keep in a session; undefined when it keeps none. */
function contentAskedFor(
  state: KeyValueReader,
  seed: Uint8Array,
  partner: Uint8Array,
  session: bigint,
): Uint8Array | undefined {
  let looked = 0;
  for (const job of fromPoint(state, agreementPoint(seed, partner), partner)) {
    if (looked++ === MOST_LOOKED_AT) return undefined;
    const { state: at, firstSession } = agreements.need(state, job, partner);
    const runs = at === AGREEMENT_STATE.active && firstSession <= session;
    if (runs && !isInteractive(jobs.need(state, job))) return job;
  }
  return undefined;
}

/** The partner's jobs in the order of their ids, from a point on and around. */
function* fromPoint(state: KeyValueReader, point: Uint8Array, partner: Uint8Array) {
  for (const [[, job]] of agreementsOf.listAfter(state, [partner, point], partner)) yield job;
  for (const [[, job]] of agreementsOf.list(state, partner)) yield job;
}
