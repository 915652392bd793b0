/**
 * Randomness of the session and of the block: commit and reveal. In each session every active
 * validator commits to a secret number for the next one, and reveals it once that has begun; the
 * reveals are mixed in the order of the node keys. A missing reveal is replaced by nothing: its
 * owner chose between two outcomes, which costs it its place in the mix. Commitments and reveals
 * travel in vote extensions.
 */
import { bytes32, concat, equalBytes, type KeyValueReader, u64, u64be, utf8 } from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import { event } from '../module/event.ts';
import type { BlockContext } from '../module/module.ts';
import { type Session, sessions } from '../sessions/session.ts';
import { collection } from '../state/collection.ts';
import { bytesKey, u64Key } from '../state/keys.ts';

/**
 * Blocks of a session in which reveals are waited for. One round trip of vote extensions takes two;
 * the rest is patience with validators that are late.
 */
export const REVEAL_BLOCKS = 6n;

const commitments = collection({
  store: 'chain',
  name: 'commitment',
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

/** What a validator should put into its next vote extension. */
export function dueDisclosures(
  state: KeyValueReader,
  session: Session,
  nodeKey: Uint8Array,
): { readonly commitTo?: bigint; readonly reveal?: bigint } {
  const next = session.number + 1n;
  const mine = commitments.get(state, session.number, nodeKey);
  return {
    ...(commitments.has(state, next, nodeKey) ? {} : { commitTo: next }),
    ...(session.randomnessHeight === 0n && mine ? { reveal: session.number } : {}),
  };
}

/** Records the commitments and mixes the reveals of one block's vote extensions. */
export function noteDisclosures(
  ctx: BlockContext,
  disclosures: readonly {
    readonly nodeKey: Uint8Array;
    readonly commitment: Uint8Array | undefined;
    readonly reveal: Uint8Array | undefined;
  }[],
): void {
  const { state, session } = ctx;
  const next = session.number + 1n;
  for (const { nodeKey, commitment } of disclosures)
    if (commitment && !commitments.has(state, next, nodeKey))
      commitments.set(state, [next, nodeKey], commitment);
  if (session.randomnessHeight !== 0n) return;
  if (!anyCommitment(state, session.number)) return fix(ctx, []);
  const reveals = disclosures
    .filter(({ nodeKey, reveal }) => {
      const committed = commitments.get(state, session.number, nodeKey);
      return reveal && committed && equalBytes(sha256(reveal), committed);
    })
    .map(({ reveal }) => reveal!);
  const patience = session.startHeight + REVEAL_BLOCKS;
  if (reveals.length === 0 && ctx.height < patience) return;
  fix(ctx, reveals);
}

/** The first session has none: its randomness follows from the genesis document alone. */
function anyCommitment(state: KeyValueReader, session: bigint): boolean {
  for (const _ of commitments.list(state, session)) return true;
  return false;
}

function fix(ctx: BlockContext, reveals: readonly Uint8Array[]): void {
  const { state, session } = ctx;
  const before =
    session.number === 0n
      ? new Uint8Array(32)
      : sessions.need(state, session.number - 1n).randomness;
  const value = sha256(
    concat(utf8('palisade/randomness/1'), before, u64be(session.number), ...reveals),
  );
  sessions.set(state, [session.number], {
    ...session,
    randomness: value,
    randomnessHeight: ctx.height,
  });
  for (const [[number, nodeKey]] of [...commitments.list(state, session.number)])
    commitments.delete(state, number, nodeKey);
  ctx.emit(randomnessFixed, {
    session: session.number,
    randomness: value,
    reveals: BigInt(reveals.length),
  });
}
