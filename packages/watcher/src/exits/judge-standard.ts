/** Standard exits: whether the output that leaves was spent (X2). */
import { type Position, placeOf } from '@palisade/payments';
import { isNearlyFinal, lateReasons } from '../lateness.ts';
import type { ExitEvent, Finding } from './findings.ts';
import { standardDetails } from './findings.ts';
import type { Judgement } from './judge.ts';
import type { Spend, StandardExit } from './records.ts';

/** The included spend of an output, else the first that was shown on the root chain. */
export function spendOf(
  { view, table }: Judgement,
  position: Position,
  except?: (spend: Spend) => boolean,
): Spend | undefined {
  const spends = allSpends({ view, table }, position);
  return spends.find((spend) => !except?.(spend));
}

/** All spends of an output that are known, the included one first. */
export function allSpends(
  { view, table }: Pick<Judgement, 'view' | 'table'>,
  position: Position,
): readonly Spend[] {
  const included = view.spenderOf(position);
  const shown = table.shownSpends(position);
  if (!included) return shown;
  const visibleAt = table.blockHeights.get(included.place?.blknum ?? 0) ?? table.height;
  return [{ ...included, visibleAt }, ...shown];
}

export function judgeStandard(judgement: Judgement, exit: StandardExit): Finding | undefined {
  const { view, tip, now, margins } = judgement;
  if (tip.standard.get(exit.exitId) === false) return undefined;
  const spend = spendOf(judgement, exit.position);
  if (!spend) {
    // Blocks that were not applied yet may hold it; what is older and missing was never there, or has left.
    const isKnown = placeOf(exit.position).blknum <= view.blknum;
    if (!isKnown || view.has(exit.position)) return undefined;
  }
  const visibleAt = Math.max(exit.startedAt, spend?.visibleAt ?? exit.startedAt);
  const late = lateReasons(margins, now, { visibleAt, finalizesAt: exit.finalizesAt });
  const events: ExitEvent[] = [
    { event: 'invalid_exit', details: standardDetails(exit, spend, []) },
  ];
  if (late.length > 0)
    events.push({ event: 'unchallenged_exit', details: standardDetails(exit, spend, late) });
  if (exit.finalizesAt !== undefined && isNearlyFinal(margins, now, exit.finalizesAt))
    events.push({ event: 'exit_nearly_final', details: standardDetails(exit, spend, late) });
  if (spend?.place && spend.visibleAt - exit.startedAt > margins.slaBlocks)
    events.push({ event: 'late_invalidation', details: standardDetails(exit, spend, []) });
  const challenge = spend && {
    ...{ kind: 'standard-exit' as const, exit, visibleAt, spend, index: 0 },
    subject: `standard-exit/${exit.exitId}/${exit.startedAt}`,
    deadline: exit.finalizesAt,
  };
  return { events, late, challenge };
}
