/** Standard exits: whether the output that leaves was spent (X2). */
import { equalBytes } from '@palisade/core';
import { type Position, placeOf } from '@palisade/payments';
import { isNearlyFinal, lateReasons } from '../lateness.ts';
import type { ExitTable } from './exit-table.ts';
import type { ExitEvent, Finding } from './findings.ts';
import { standardDetails } from './findings.ts';
import type { Judgement } from './judge.ts';
import type { Spend, StandardExit } from './records.ts';

/** All spends of an output that are known, the included one first. */
export function allSpends(
  { view, table }: Pick<Judgement, 'view' | 'table'>,
  position: Position,
): readonly Spend[] {
  const included = view.spenderOf(position);
  const shown = table.shownSpends(position);
  if (!included) return shown;
  // Shown before it was in a block: since then everybody could know.
  const same = (spend: Spend) => equalBytes(spend.txHash, included.txHash);
  const inBlock = blockHeight(table, included.place?.blknum);
  const visibleAt = Math.min(inBlock, shown.find(same)?.visibleAt ?? inBlock);
  return [{ ...included, visibleAt }, ...shown.filter((spend) => !same(spend))];
}

/** Root-chain height of a block; that of the last fact where it is not known. */
export function blockHeight(table: ExitTable, blknum = 0): number {
  return table.blockHeights.get(blknum) ?? table.height;
}

/** Height since which the earliest of some spends could be known; no sooner than `start`. */
export function visibleSince(start: number, spends: readonly Spend[]): number {
  if (spends.length === 0) return start;
  return Math.max(start, Math.min(...spends.map(({ visibleAt }) => visibleAt)));
}

export function judgeStandard(judgement: Judgement, exit: StandardExit): Finding | undefined {
  const { view, tip, now, margins, table } = judgement;
  const spends = allSpends(judgement, exit.position);
  const [spend] = spends;
  if (!spend) {
    // Blocks that were not applied yet may hold it; what is older and missing was never there, or has left.
    const isKnown = placeOf(exit.position).blknum <= view.blknum;
    if (!isKnown || view.has(exit.position)) return undefined;
  }
  // Asked last: of the exits that are open, few come so far.
  if (tip.standard.get(exit.exitId) === false || table.wasPaid(exit)) return undefined;
  const visibleAt = visibleSince(exit.startedAt, spends);
  const late = lateReasons(margins, now, { visibleAt, finalizesAt: exit.finalizesAt });
  const events: ExitEvent[] = [
    { event: 'invalid_exit', details: standardDetails(exit, spend, []) },
  ];
  if (late.length > 0)
    events.push({ event: 'unchallenged_exit', details: standardDetails(exit, spend, late) });
  if (exit.finalizesAt !== undefined && isNearlyFinal(margins, now, exit.finalizesAt))
    events.push({ event: 'exit_nearly_final', details: standardDetails(exit, spend, late) });
  const inBlock = spend?.place && blockHeight(table, spend.place.blknum);
  if (inBlock !== undefined && inBlock - exit.startedAt > margins.slaBlocks)
    events.push({ event: 'late_invalidation', details: standardDetails(exit, spend, []) });
  const challenge = spend && {
    ...{ kind: 'standard-exit' as const, exit, visibleAt, spend, index: 0 },
    subject: `standard-exit/${exit.exitId}/${exit.startedAt}`,
    deadline: exit.finalizesAt,
  };
  return { events, late, challenge };
}
