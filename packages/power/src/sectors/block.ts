/**
 * What a block owes, done when it begins: the challenge of a window that opens soon, the window that
 * has just closed, and what single sectors have in the queue of this height. Nothing here looks at
 * all miners; the cost follows what is due (spec/sectors.md, section 4).
 */
import type { BlockContext } from '@palisade/chain';
import { concat, u64be, utf8 } from '@palisade/core';
import { blake3 } from '@palisade/core/crypto';
import type { MinerPower } from '../claims/update-power.ts';
import { burnDeposit, burnFee } from './collateral.ts';
import { END, endSector, settleSector } from './ending.ts';
import { faultFeeTaken, preCommitExpired, sealChallenged } from './events.ts';
import { faultFee } from './fees.ts';
import { params, type SectorsParams } from './params.ts';
import { changeMembers, isAsked, type Place } from './partitions.ts';
import { windowAt } from './schedule.ts';
import {
  challenges,
  DUE,
  due,
  MEMBER,
  type Member,
  miners,
  type Partition,
  partitions,
  preCommits,
  sectors,
} from './state.ts';

const DRAW_DOMAIN = utf8('palisade/sector-draw/1');

/**
 * Randomness of a block: its own hash, which nobody but its proposer knew before, and the session's
 * randomness, which its proposer cannot choose (zero in a session's first blocks).
 */
function draw({ hash, height, session }: BlockContext, about: Uint8Array): Uint8Array {
  return blake3(concat(DRAW_DOMAIN, hash, u64be(height), session.randomness, about));
}

export function beginBlock(ctx: BlockContext, power: MinerPower): void {
  const { state, height } = ctx;
  const current = params.need(state);
  drawWindow(ctx, current);
  if (height > 0n && height % BigInt(current.windowBlocks) === 0n) {
    const { deadline, opens } = windowAt(current, height - 1n);
    closeDeadline(ctx, power, current, deadline, opens);
  }
  for (const [[at, miner, kind, number]] of [...due.list(state, height)]) {
    due.delete(state, at, miner, kind, number);
    settleDue(ctx, power, miner, kind, number);
  }
}

/** Draws the challenge of the window that opens a lookback from now. */
function drawWindow(ctx: BlockContext, current: SectorsParams): void {
  const opens = ctx.height + BigInt(current.lookbackBlocks);
  const window = windowAt(current, opens);
  if (window.opens !== opens) return;
  const deadline = BigInt(window.deadline);
  challenges.set(ctx.state, [deadline], { opens, seed: draw(ctx, u64be(deadline)) });
}

function settleDue(
  ctx: BlockContext,
  power: MinerPower,
  miner: Uint8Array,
  kind: bigint,
  number: bigint,
): void {
  const { state } = ctx;
  if (kind === DUE.settled) settleSector(ctx, power, miner, number);
  else if (kind === DUE.expiry) {
    if (sectors.get(state, miner, number)?.ended === 0n)
      endSector(ctx, power, miner, number, END.expired);
  } else {
    // Proven in time, it is none any more.
    const announced = preCommits.get(state, miner, number);
    if (!announced) return;
    if (kind === DUE.unproven) expirePreCommit(ctx, miner, number, announced.deposit);
    else {
      const challenge = draw(ctx, concat(miner, u64be(number)));
      preCommits.set(state, [miner, number], { ...announced, challenge });
      ctx.emit(sealChallenged, { miner, number, challenge });
    }
  }
}

/** Never proven: the deposit is burned, and the number stays used. */
function expirePreCommit(
  ctx: BlockContext,
  miner: Uint8Array,
  number: bigint,
  burned: bigint,
): void {
  preCommits.delete(ctx.state, miner, number);
  burnDeposit(ctx.state, miner, burned);
  const record = miners.need(ctx.state, miner);
  miners.set(ctx.state, [miner], { ...record, live: record.live - 1 });
  ctx.emit(preCommitExpired, { miner, number, burned });
}

function closeDeadline(
  ctx: BlockContext,
  power: MinerPower,
  current: SectorsParams,
  deadline: number,
  opens: bigint,
): void {
  for (const [[, miner, index], partition] of [...partitions.list(ctx.state, BigInt(deadline))])
    closePartition(
      ctx,
      power,
      current,
      { deadline, miner, partition: Number(index) },
      partition,
      opens,
    );
}

/**
 * A partition that was not proven: all that it was asked for is faulty. Proven or not: what was faulty
 * when the last window closed and is so still pays for the period, and ends after too many.
 */
function closePartition(
  ctx: BlockContext,
  power: MinerPower,
  current: SectorsParams,
  place: Place,
  before: Partition,
  opens: bigint,
): void {
  const proven = before.opens === opens;
  const isFaulty = (member: Member) => !(proven && isAsked(member));
  const faulty = before.members.filter(isFaulty);
  if (faulty.length === 0) return;
  changeMembers(ctx, power, place, before, {}, (member) =>
    isFaulty(member) ? { ...member, state: MEMBER.faulty, faults: member.faults + 1 } : member,
  );
  for (const { number, faults } of faulty) {
    if (faults >= 1) takeFaultFee(ctx, current, place.miner, number);
    if (faults >= current.maxFaultPeriods) endSector(ctx, power, place.miner, number, END.faulty);
  }
}

function takeFaultFee(
  ctx: BlockContext,
  current: SectorsParams,
  miner: Uint8Array,
  number: bigint,
): void {
  const { pledged } = sectors.need(ctx.state, miner, number);
  const fee = burnFee(ctx.state, miner, number, faultFee(current, pledged), 'sectors.fault');
  ctx.emit(faultFeeTaken, { miner, number, fee });
}
