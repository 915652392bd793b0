/**
 * Randomness of the session: chained reveals of a verifiable random function. When a session begins,
 * each validator with a seat proves what its node key makes of the last randomness and the session's
 * number; the outputs are mixed in the order of the node keys as soon as all are there, or when
 * patience ends. Nobody can choose its output, nor foretell another's. A missing reveal is replaced
 * by nothing: its owner chose between two outcomes, which is noted as a fault.
 *
 * Reveals travel in vote extensions. They are gathered over several blocks, because each proposer
 * chooses, within limits, whose votes its block carries: were one block's enough, it could try out
 * many mixes.
 */
import {
  byteList,
  bytes32,
  concat,
  type KeyValueReader,
  toBinaryString,
  u8,
  u64,
  u64be,
} from '@palisade/core';
import { blake3, ecvrf } from '@palisade/core/crypto';
import { committed } from '../application/roots.ts';
import { event } from '../module/event.ts';
import type { BlockContext } from '../module/module.ts';
import { reportOffence } from '../offences/offences.ts';
import { type Session, sessions } from '../sessions/session.ts';
import { collection } from '../state/collection.ts';
import { bytesKey, u64Key } from '../state/keys.ts';
import type { State } from '../state/overlay.ts';
import { activeValidators, SEAT, validators } from '../validators/state.ts';

/**
 * Blocks of a session after which missing reveals are waited for no longer. New validators vote from
 * the third on, and a round trip of vote extensions takes two; the rest is patience with the late.
 */
export const REVEAL_BLOCKS = 8n;

/** Bytes of an output (RFC 9381). */
const OUTPUT_BYTES = 64;

/** Outputs that were revealed while others are still waited for. */
const reveals = collection({
  store: 'chain',
  name: 'reveal',
  key: [u64Key, bytesKey(32)],
  value: byteList(OUTPUT_BYTES),
});

/** Who did not reveal in the running session; forgotten with the next mix. */
export const missedReveals = collection({
  store: 'chain',
  name: 'missed-reveal',
  key: [u64Key, bytesKey(32)],
  value: u8,
});

export const randomnessFixed = event({
  name: 'chain.randomness-fixed',
  doc: 'The randomness of a session is known: audits and the draw of the session follow from it.',
  fields: { session: u64, randomness: bytes32, reveals: u64 },
});

export const revealMissed = event({
  name: 'chain.reveal-missed',
  doc: 'A validator with a seat kept back, or could not give, its part of the randomness.',
  fields: { session: u64, validator: bytes32 },
});

/** What modules ask for. */
export type Randomness = {
  /** Undefined until the validators have revealed. */
  ofSession(session: Session): Uint8Array | undefined;
};
export const randomness: Randomness = {
  ofSession: (session) => (session.randomnessHeight === 0n ? undefined : session.randomness),
};

/** What all reveals of a session are made of: the randomness before it, and its number. */
export function revealInput(state: KeyValueReader, session: Session): Uint8Array {
  return concat(lastRandomness(state, session.number), u64be(session.number));
}

/** What a validator should reveal in its next vote: the input of its proof; undefined for nothing. */
export function dueReveal(
  state: KeyValueReader,
  session: Session,
  nodeKey: Uint8Array,
): Uint8Array | undefined {
  if (session.randomnessHeight !== 0n) return undefined;
  if (validators.get(state, nodeKey)?.seat !== SEAT.active) return undefined;
  if (reveals.has(state, session.number, nodeKey)) return undefined;
  return revealInput(state, session);
}

type Revealed = { readonly nodeKey: Uint8Array; readonly reveal: Uint8Array };

/** Records the reveals of one block's vote extensions; mixes when all are in. */
export function noteReveals(ctx: BlockContext, revealed: readonly Revealed[]): void {
  const { state, session } = ctx;
  if (session.randomnessHeight !== 0n) return;
  const owing = activeValidators(state).map(({ nodeKey }) => toBinaryString(nodeKey));
  const seats = new Set(owing);
  const input = revealInput(state, session);
  for (const { nodeKey, reveal } of revealed) {
    if (reveal.length === 0 || !seats.has(toBinaryString(nodeKey))) continue;
    if (reveals.has(state, session.number, nodeKey)) continue;
    const output = ecvrf.verify(nodeKey, input, reveal);
    if (output) reveals.set(state, [session.number, nodeKey], output);
  }
  for (const [[, nodeKey]] of reveals.list(state, session.number))
    seats.delete(toBinaryString(nodeKey));
  if (seats.size === 0 || ctx.height >= session.startHeight + REVEAL_BLOCKS) fix(ctx, seats);
}

/** Mixes what was revealed, of those without a seat by now, too: they had one when they did. */
function fix(ctx: BlockContext, missing: ReadonlySet<string>): void {
  const { state, session } = ctx;
  const shown = [...reveals.list(state, session.number)].map(([, output]) => output);
  const value = blake3(
    concat(lastRandomness(state, session.number), u64be(session.number), ...shown),
  );
  sessions.set(state, [session.number], {
    ...session,
    randomness: value,
    randomnessHeight: ctx.height,
  });
  forget(state, session.number);
  for (const { nodeKey } of activeValidators(state)) {
    if (!missing.has(toBinaryString(nodeKey))) continue;
    missedReveals.set(state, [session.number, nodeKey], 1);
    ctx.emit(revealMissed, { session: session.number, validator: nodeKey });
    reportOffence(ctx, {
      validator: nodeKey,
      kind: 'missed-reveal',
      infractionHeight: ctx.height,
      session: session.number,
      fractionPpm: 0,
    });
  }
  ctx.emit(randomnessFixed, {
    session: session.number,
    randomness: value,
    reveals: BigInt(shown.length),
  });
}

/**
 * That of the session before; of an earlier one where that was too short to get any; what names the
 * chain where there is none at all.
 */
function lastRandomness(state: KeyValueReader, number: bigint): Uint8Array {
  for (let n = number - 1n; n >= 0n; n--) {
    const { randomness, randomnessHeight } = sessions.need(state, n);
    if (randomnessHeight !== 0n) return randomness;
  }
  return committed.need(state).genesisHash;
}

/** Drops what was noted for sessions up to this one, those that ended unfixed included. */
function forget(state: State, upTo: bigint): void {
  for (const noted of [reveals, missedReveals])
    for (const [[number, nodeKey]] of [...noted.list(state)])
      if (number <= upTo) noted.delete(state, number, nodeKey);
}
