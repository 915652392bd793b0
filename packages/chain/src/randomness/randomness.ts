/**
 * Randomness of the session: commit and reveal. In each session every active validator commits to a
 * secret number for the next one, and reveals it once that has begun; the reveals are mixed in the
 * order of the node keys as soon as all are there, or when patience ends. A missing reveal is
 * replaced by nothing: its owner chose between two outcomes, which costs it its place in the mix.
 * Commitments and reveals travel in vote extensions. Reveals are gathered over several blocks,
 * because each proposer chooses, within limits, whose votes its block carries: were one block's
 * enough, it could try out many mixes.
 */
import { bytes32, concat, equalBytes, type KeyValueReader, u64, u64be, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { event } from '../module/event.ts';
import type { BlockContext } from '../module/module.ts';
import { type Session, sessions } from '../sessions/session.ts';
import { collection } from '../state/collection.ts';
import { bytesKey, u64Key } from '../state/keys.ts';
import type { State } from '../state/overlay.ts';

/**
 * Blocks of a session after which missing reveals are waited for no longer. One round trip of vote
 * extensions takes two; the rest is patience with validators that are late.
 */
export const REVEAL_BLOCKS = 6n;

const commitments = collection({
  store: 'chain',
  name: 'commitment',
  key: [u64Key, bytesKey(32)],
  value: bytes32,
});
/** Numbers that were revealed while others are still waited for. */
const reveals = collection({
  store: 'chain',
  name: 'reveal',
  key: [u64Key, bytesKey(32)],
  value: bytes32,
});

export const randomnessFixed = event({
  name: 'chain.randomness-fixed',
  doc: 'The randomness of a session is known: audits of the session follow from it.',
  fields: { session: u64, randomness: bytes32, reveals: u64 },
});

/** What modules ask for. */
export type Randomness = {
  /** Undefined until the validators have revealed. */
  ofSession(session: Session): Uint8Array | undefined;
};
export const randomness: Randomness = {
  ofSession: (session) => (session.randomnessHeight === 0n ? undefined : session.randomness),
};

/** A validator's number for a session: known to itself alone until it reveals. */
export function secretNumber(
  secret: Uint8Array,
  genesisHash: Uint8Array,
  session: bigint,
): Uint8Array {
  return sha256(concat(utf8('palisade/reveal/1'), secret, genesisHash, u64be(session)));
}

/**
 * What a validator should put into the vote extension of height H, told from the state after H - 1
 * (which is what it has when it votes).
 */
export function dueDisclosures(
  state: KeyValueReader,
  session: Session,
  nodeKey: Uint8Array,
): { readonly commitTo?: bigint; readonly reveal?: bigint } {
  const next = session.number + 1n;
  const owed =
    session.randomnessHeight === 0n &&
    commitments.has(state, session.number, nodeKey) &&
    !reveals.has(state, session.number, nodeKey);
  return {
    ...(commitments.has(state, next, nodeKey) ? {} : { commitTo: next }),
    ...(owed ? { reveal: session.number } : {}),
  };
}

type Disclosed = {
  readonly nodeKey: Uint8Array;
  readonly commitment: Uint8Array | undefined;
  readonly reveal: Uint8Array | undefined;
};

/** Records the commitments and reveals of one block's vote extensions; mixes when all are in. */
export function noteDisclosures(ctx: BlockContext, disclosures: readonly Disclosed[]): void {
  noteCommitments(ctx, disclosures);
  const { state, session } = ctx;
  if (session.randomnessHeight !== 0n) return;
  for (const { nodeKey, reveal } of disclosures) {
    if (!reveal || reveals.has(state, session.number, nodeKey)) continue;
    const committed = commitments.get(state, session.number, nodeKey);
    if (committed && equalBytes(sha256(reveal), committed))
      reveals.set(state, [session.number, nodeKey], reveal);
  }
  const owed = count(commitments.list(state, session.number));
  const given = count(reveals.list(state, session.number));
  if (given === owed || ctx.height >= session.startHeight + REVEAL_BLOCKS) fix(ctx);
}

/**
 * The votes that block H carries are those of H - 1, cast on the state after H - 2: around a change
 * of session they speak of the one before. A commitment to a session that has begun is too late.
 */
function noteCommitments(ctx: BlockContext, disclosures: readonly Disclosed[]): void {
  const { state, session, height } = ctx;
  let spokenOf = session;
  while (spokenOf.number > 0n && spokenOf.startHeight > height - 2n)
    spokenOf = sessions.need(state, spokenOf.number - 1n);
  const target = spokenOf.number + 1n;
  if (target <= session.number) return;
  for (const { nodeKey, commitment } of disclosures)
    if (commitment && !commitments.has(state, target, nodeKey))
      commitments.set(state, [target, nodeKey], commitment);
}

function count(items: Iterable<unknown>): number {
  let n = 0;
  for (const _ of items) n++;
  return n;
}

/** Mixes what was revealed. Without any commitment (the first session) the outcome can be foretold. */
function fix(ctx: BlockContext): void {
  const { state, session } = ctx;
  const shown = [...reveals.list(state, session.number)].map(([, reveal]) => reveal);
  const value = sha256(
    concat(
      utf8('palisade/randomness/1'),
      lastRandomness(state, session.number),
      u64be(session.number),
      ...shown,
    ),
  );
  sessions.set(state, [session.number], {
    ...session,
    randomness: value,
    randomnessHeight: ctx.height,
  });
  forget(state, session.number);
  ctx.emit(randomnessFixed, {
    session: session.number,
    randomness: value,
    reveals: BigInt(shown.length),
  });
}

/** That of the session before; of an earlier one where that was too short to get any. */
function lastRandomness(state: KeyValueReader, number: bigint): Uint8Array {
  for (let n = number - 1n; n >= 0n; n--) {
    const { randomness, randomnessHeight } = sessions.need(state, n);
    if (randomnessHeight !== 0n) return randomness;
  }
  return new Uint8Array(32);
}

/** Drops what was disclosed for sessions up to this one, those that ended unfixed included. */
function forget(state: State, upTo: bigint): void {
  for (const disclosed of [commitments, reveals])
    for (const [[number, nodeKey]] of [...disclosed.list(state)])
      if (number <= upTo) disclosed.delete(state, number, nodeKey);
}
