/**
 * Skipping time: a session after another is lived through in a few blocks. Whatever is due in it gets done, since
 * partners answer their audits and take the payout files they are drawn for before the clock moves on to its end.
 */

import type { Session } from '@palisade/chain';
import type { ChainClient } from '@palisade/client';
import { equalBytes, toHex } from '@palisade/core';
import { archiveCallsQuery, auditDueQuery, jobQuery } from '@palisade/market/schema';
import {
  MEMBER,
  partitionsQuery,
  sectorsParamsQuery,
  type Window,
  windowAt,
} from '@palisade/power/schema';

/** Blocks between the randomness of a session and its end, below which nobody is found missing. */
const ANSWER_BLOCKS = 2n;
/** Real time that a session gets, ms: a busy machine needs a while; a partner that is dead is waited for once. */
const PATIENCE_MS = 15_000;
/** Pause between two looks at what is still due, ms. */
const LOOK_MS = 10;

export type WarpStep = {
  readonly session: string;
  readonly height: string;
  /** Skipped so far, and in all, ms. */
  readonly skippedMs: number;
  readonly ofMs: number;
  /** Audits that were still open when the session ended. */
  readonly open: number;
};

export type Warping = {
  readonly chain: ChainClient;
  /** Node keys of the partners. */
  readonly partners: readonly Uint8Array[];
  /** Accounts of those that keep sectors. */
  readonly miners: readonly Uint8Array[];
  readonly nowMs: () => number;
  readonly moveTo: (timeMs: number) => Promise<void>;
  readonly produce: () => Promise<void>;
  readonly signal: AbortSignal;
};

/** Moves the network on by `byMs`, and tells of each session that ends. */
export async function* warp(warping: Warping, byMs: number): AsyncGenerator<WarpStep> {
  const { chain, nowMs, moveTo, signal } = warping;
  const produce = await producing(warping);
  const fromMs = nowMs();
  const toMs = fromMs + byMs;
  const sessionMs = Number((await chain.params()).sessionMs);
  const silent = new Set<string>();
  while (nowMs() < toMs && !signal.aborted) {
    const { session, open } = await whenAnswered({ ...warping, produce }, silent);
    const endMs = Number(session.startMs) + sessionMs;
    await moveTo(Math.max(nowMs(), Math.min(toMs, endMs)));
    // Validators put their time into their votes, and the block after these votes has it.
    await produce();
    await produce();
    const { height } = await chain.status();
    const skippedMs = Math.min(byMs, nowMs() - fromMs);
    yield { session: `${session.number}`, height: `${height}`, skippedMs, ofMs: byMs, open };
  }
}

/**
 * Makes blocks until nothing of the running session is left to do, or patience ends; what has exhausted it is added
 * to what is not waited for.
 */
async function whenAnswered(
  warping: Warping,
  silent: Set<string>,
): Promise<{ session: Session; open: number }> {
  const { chain, produce, signal } = warping;
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const [session, { height }] = await Promise.all([chain.session(), chain.status()]);
    const known = session.randomnessHeight;
    const isFair = known !== 0n && height >= known + ANSWER_BLOCKS;
    const due = isFair ? await stillDue(warping, session.number) : [];
    const awaited = due.filter(({ name }) => !silent.has(name));
    const isLate = performance.now() > until;
    if (isLate || signal.aborted || (isFair && awaited.length === 0)) {
      for (const { name } of awaited) silent.add(name);
      return { session, open: due.reduce((sum, { audits }) => sum + audits, 0) };
    }
    if (isFair) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    await produce();
  }
}

/** What somebody is waited for to do. */
type Due = { readonly name: string; readonly audits: number };

/** By partner: unanswered audits, of those that have any, and payout files that it has not begun to keep. */
async function stillDue({ chain, partners }: Warping, session: bigint): Promise<readonly Due[]> {
  const due: Due[] = [];
  for (const partner of partners) {
    const { jobs } = await chain.query(auditDueQuery, { session, partner });
    const name = toHex(partner);
    if (jobs.length > 0) due.push({ name, audits: jobs.length });
    const { calls } = await chain.query(archiveCallsQuery, { partner });
    for (const { job } of calls) {
      const { agreements } = await chain.query(jobQuery, { id: job });
      const hasBegun = agreements.some((one) => equalBytes(one.partner, partner));
      if (!hasBegun) due.push({ name: `${name} ${toHex(job)}`, audits: 0 });
    }
  }
  return due;
}

/**
 * Makes blocks so slowly that miners prove their windows, which are counted in blocks: they are woken
 * before each block of a window that is not proven yet, and waited for before its last ones.
 */
async function producing({ chain, miners, nowMs, moveTo, produce }: Warping) {
  const params = miners.length > 0 ? await chain.find(sectorsParamsQuery, {}) : undefined;
  if (!params) return produce;
  const holds = new Map<string, number>();
  let provenUntil = 0n;
  return async () => {
    const { height } = await chain.status();
    const window = windowAt(params, height + 1n);
    const late = height + 1n < provenUntil ? [] : await unproven(chain, miners, window);
    // What is open does not change any more, so that nobody is late in it who was not.
    if (late.length === 0 && height >= window.opens) provenUntil = window.closes;
    if (late.length > 0) {
      // A clock that is moved by nothing wakes everybody who waits for time to pass.
      await moveTo(nowMs());
      await new Promise((resolve) =>
        setTimeout(resolve, pauseFor(late, window.closes - height, holds)),
      );
    }
    await produce();
  };
}

/** Blocks of a window that are left when miners get more time, and how much before each block, ms. */
const LAST_BLOCKS = 3n;
const LAST_MS = 400;
const LOOK_AGAIN_MS = 40;
/** The same before the blocks that are left then, which only a machine that is held up comes to, ms. */
const HOLD_MS = 2000;
/** How often a miner is given that: one that is dead is waited for 20 s in all. */
const MAX_HOLDS = 10;

function pauseFor(late: readonly string[], left: bigint, holds: Map<string, number>): number {
  if (left > LAST_BLOCKS) return LOOK_AGAIN_MS;
  if (left === LAST_BLOCKS) return LAST_MS;
  const held = late.filter((miner) => (holds.get(miner) ?? 0) < MAX_HOLDS);
  for (const miner of held) holds.set(miner, (holds.get(miner) ?? 0) + 1);
  return held.length > 0 ? HOLD_MS : LAST_MS;
}

/** Who has not proven yet what a window asks for. */
async function unproven(
  chain: ChainClient,
  miners: readonly Uint8Array[],
  { deadline, opens }: Window,
): Promise<string[]> {
  const asked = miners.map(async (miner) => {
    const found = await chain.find(partitionsQuery, { miner, deadline });
    const isOpen = found?.partitions.some(
      ({ record }) =>
        found.opens === opens &&
        record.opens !== opens &&
        record.members.some(({ state }) => state !== MEMBER.faulty),
    );
    return isOpen ? [toHex(miner)] : [];
  });
  return (await Promise.all(asked)).flat();
}
