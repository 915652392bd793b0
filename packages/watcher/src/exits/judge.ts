/**
 * Judges every open exit against one state of the child chain (X5): pure, and the same whether facts came one by one
 * or all at once after a long absence (X15).
 */
import type { Dialect } from '@palisade/payments';
import type { Margins, RootTime } from '../lateness.ts';
import type { ChainView, Tip } from './chain-view.ts';
import type { ExitTable } from './exit-table.ts';
import type { Challenge, ExitEvent, Finding } from './findings.ts';
import { judgeInFlight } from './judge-in-flight.ts';
import { judgeStandard } from './judge-standard.ts';

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

export function judgeExits(judgement: Judgement): Verdict {
  const findings: Finding[] = [];
  for (const exit of judgement.table.open()) {
    if (exit.kind === 'in-flight') findings.push(...judgeInFlight(judgement, exit));
    else {
      const found = judgeStandard(judgement, exit);
      if (found) findings.push(found);
    }
  }
  const challenges = findings.flatMap(({ challenge }) => challenge ?? []);
  challenges.sort(
    (a, b) =>
      (a.deadline ?? Number.POSITIVE_INFINITY) - (b.deadline ?? Number.POSITIVE_INFINITY) ||
      (a.subject < b.subject ? -1 : 1),
  );
  return { events: findings.flatMap(({ events }) => events), challenges };
}
