/**
 * Judging transactions for the mempool: each is tried on what the committed state and those before
 * it leave, as if they were the next block. Reports are tried without the others: what one is about,
 * and no block takes, may wait right here.
 */
import { isRefusal, type Opened } from '@palisade/core';
import type { ExecTxResult } from '@palisade/formats';
import type { ModuleTable } from '../module/module-table.ts';
import { Overlay } from '../state/overlay.ts';
import { CODE, Execution, executeTx, refused } from './execution.ts';
import type { TxOpener } from './opener.ts';
import type { Tip } from './tip.ts';

/** The lane of commands that report what was left out of blocks. */
export const REPORT_LANE = 'reports';

export class MempoolTrial {
  private readonly tip: Tip;
  private readonly table: ModuleTable;
  private readonly opener: TxOpener;
  /** What the transactions so far have left, without reports and of reports alone; made anew after each block. */
  private trials: { others?: Overlay; reports?: Overlay } = {};

  constructor(tip: Tip, table: ModuleTable, opener: TxOpener) {
    this.tip = tip;
    this.table = table;
    this.opener = opener;
  }

  async check(tx: Uint8Array): Promise<ExecTxResult> {
    const [opened] = await this.opener.open([tx]);
    if (isRefusal(opened)) return refused(CODE.malformed, undefined, opened);
    const { height, timeMs } = this.tip.begun;
    const trial = this.trialOf(opened as Opened);
    const own = new Overlay(trial);
    const execution = new Execution(own, height + 1n, timeMs);
    const result = executeTx(execution, this.table.handlers, opened as Opened);
    if (result.code === CODE.ok) own.mergeInto(trial);
    return result;
  }

  /** A block was committed: its transactions have left the mempool, the others are tried again. */
  startOver(): void {
    this.trials = {};
  }

  private trialOf({ declaration }: Opened): Overlay {
    const kind = declaration.lane === REPORT_LANE ? 'reports' : 'others';
    this.trials[kind] ??= new Overlay(this.tip.state);
    return this.trials[kind];
  }
}
