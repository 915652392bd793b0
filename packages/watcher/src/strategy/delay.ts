/**
 * When one of many watchers sends a challenge (X9). All of them see the same invalid exit at about
 * the same time; each waits for a time of its own, drawn from exit and challenger, and looks again
 * before it sends. So nearly always one pays for gas and the others find the work done.
 *
 * Slots have two parts: a number of root-chain blocks, and a part of the block that follows. Blocks alone do
 * not part five watchers: of 21 slots the first is shared in one case of eight. Within a block the
 * one that comes later sees the other's transaction among the pending ones.
 */
import { concat, u64be } from '@palisade/core';
import { keccak256 } from '@palisade/core/crypto';

/** Root-chain blocks that a challenge is delayed by at most: four minutes of an exit of days. */
export const MAX_DELAY_BLOCKS = 20;

/** What a draw depends on: the same for everybody but for the challenger. */
export type DelayInput = {
  /** Names the challenge among all others, of any length. */
  readonly subject: Uint8Array;
  /** 20 bytes: the account that would send. */
  readonly challenger: Uint8Array;
  /** Height from which the draw counts: where this watcher saw that it can challenge. */
  readonly from: number;
  /** Root-chain blocks left at `from` until it is too late. */
  readonly blocksLeft: number;
};

export type Slot = {
  /** Height of the root-chain block after which to send. */
  readonly height: number;
  /** Part of the block time to let pass after it, in [0, 1). */
  readonly part: number;
};

/** Bits of the draw that name the block and the part; more than any clock tells apart. */
const DRAW_BITS = 32;

/** The slot of one watcher. Ends before half of the time that is left at `from`. */
export function drawSlot({ subject, challenger, from, blocksLeft }: DelayInput): Slot {
  const windowBlocks = Math.min(MAX_DELAY_BLOCKS, Math.floor(blocksLeft / 2));
  if (windowBlocks < 1) return { height: from, part: 0 };
  const digest = keccak256(concat(subject, challenger, u64be(BigInt(from))));
  const draw = new DataView(digest.buffer, digest.byteOffset).getUint32(0) / 2 ** DRAW_BITS;
  const blocks = draw * windowBlocks;
  const whole = Math.floor(blocks);
  return { height: from + whole, part: blocks - whole };
}

/** A slot that was drawn for a challenge, and when that is too late, seconds since 1970. */
export type Draw<T> = { readonly of: T; readonly slot: Slot; readonly deadline: number };

/**
 * Gives out the slots of challenges that turned up together, as after a long absence: what ends a window or more before
 * another is sent first (X15). Those that end within one window keep the order of their draws, by which watchers
 * part. No slot comes later than its own could have: windows only grow with the time that is left.
 */
export function inOrderOfEnd<T>(draws: readonly Draw<T>[], windowSeconds: number): Draw<T>[] {
  const windowOf = ({ deadline }: Draw<T>) => Math.floor(deadline / windowSeconds);
  const slots = draws.map(({ slot }) => slot).sort(compareSlots);
  return [...draws]
    .sort((a, b) => windowOf(a) - windowOf(b) || compareSlots(a.slot, b.slot))
    .map((draw, i) => ({ ...draw, slot: slots[i]! }));
}

function compareSlots(a: Slot, b: Slot): number {
  return a.height - b.height || a.part - b.part;
}

/**
 * Milliseconds to wait after the head at `height` came: none when the slot has passed, undefined when a
 * later block is waited for.
 */
export function waitAfterHead(slot: Slot, height: number, blockTimeMs: number): number | undefined {
  if (height > slot.height) return 0;
  if (height === slot.height) return Math.floor(slot.part * blockTimeMs);
  return undefined;
}
