/**
 * Judges every open exit against one state of the child chain (X5): pure, and the same whether facts came one by one
 * or all at once after a long absence (X15).
 */
import { type Dialect, placeOf } from '@palisade/payments';
import type { Margins, RootTime } from '../lateness.ts';
import { type ChainView, NO_TIP, type Tip } from './chain-view.ts';
import type { ExitTable } from './exit-table.ts';
import type { Challenge, ExitEvent, Finding } from './findings.ts';
import { isFirstPhase, judgeInFlight, positionsOf } from './judge-in-flight.ts';
import { judgeStandard } from './judge-standard.ts';
import type { Exit } from './records.ts';

export type Judgement = {
  readonly dialect: Dialect;
  readonly table: ExitTable;
  readonly view: ChainView;
  readonly tip: Tip;
  readonly now: RootTime;
  readonly margins: Margins;
  readonly minExitPeriodSeconds: number;
};

export type Verdict = {
  readonly events: readonly ExitEvent[];
  /** What can be challenged, what ends first in front (X15). */
  readonly challenges: readonly Challenge[];
};

/**
 * The open exits that something may be wrong with, or that can still be joined: by facts and ledger alone, so that the
 * contract's records are asked for few. To judge these comes to the same as to judge all.
 */
export function casesOf(judgement: Omit<Judgement, 'tip'>): readonly Exit[] {
  const { table } = judgement;
  const cases: Exit[] = [];
  table.docket.review((exitId) => {
    const exit = table.openExit(exitId);
    if (!exit) return 'ended';
    if (isRight(judgement, exit)) return positionsOf(judgement, exit);
    cases.push(exit);
    return undefined;
  });
  return cases;
}

/** Whether nothing is wrong with an exit until one of its outputs is spent. */
function isRight(judgement: Omit<Judgement, 'tip'>, exit: Exit): boolean {
  const isSettled =
    exit.kind === 'in-flight'
      ? !isFirstPhase(judgement, exit)
      : // Nobody knows what is in a block that was not applied yet.
        placeOf(exit.position).blknum <= judgement.view.blknum;
  return isSettled && judgeExit({ ...judgement, tip: NO_TIP }, exit).length === 0;
}

function judgeExit(judgement: Judgement, exit: Exit): readonly Finding[] {
  if (exit.kind === 'in-flight') return judgeInFlight(judgement, exit);
  const found = judgeStandard(judgement, exit);
  return found ? [found] : [];
}

export function judgeExits(
  judgement: Judgement,
  exits: Iterable<Exit> = judgement.table.open(),
): Verdict {
  const findings: Finding[] = [];
  for (const exit of exits) findings.push(...judgeExit(judgement, exit));
  const challenges = findings.flatMap(({ challenge }) => challenge ?? []);
  challenges.sort(
    (a, b) =>
      (a.deadline ?? Number.POSITIVE_INFINITY) - (b.deadline ?? Number.POSITIVE_INFINITY) ||
      (a.subject < b.subject ? -1 : 1),
  );
  return { events: findings.flatMap(({ events }) => events), challenges };
}
