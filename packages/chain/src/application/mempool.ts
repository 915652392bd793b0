/**
 * Judging transactions for the mempool: each is tried on what the committed state and those before
 * it leave, as if they were the next block.
 */
import { isRefusal, type Opened } from '@palisade/core';
import type { ExecTxResult } from '@palisade/formats';
import type { ModuleTable } from '../module/module-table.ts';
import { Overlay } from '../state/overlay.ts';
import { CODE, Execution, executeTx, refused } from './execution.ts';
import type { TxOpener } from './opener.ts';
import type { Tip } from './tip.ts';

export class MempoolTrial {
  private readonly tip: Tip;
  private readonly table: ModuleTable;
  private readonly opener: TxOpener;
  /** What the transactions so far have left; made anew after each block. */
  private trial: Overlay | undefined;

  constructor(tip: Tip, table: ModuleTable, opener: TxOpener) {
    this.tip = tip;
    this.table = table;
    this.opener = opener;
  }

  async check(tx: Uint8Array): Promise<ExecTxResult> {
    const [opened] = await this.opener.open([tx]);
    if (isRefusal(opened)) return refused(CODE.malformed, undefined, opened);
    const { height, timeMs } = this.tip.begun;
    this.trial ??= new Overlay(this.tip.state);
    const own = new Overlay(this.trial);
    const execution = new Execution(own, height + 1n, timeMs);
    const result = executeTx(execution, this.table.handlers, opened as Opened);
    if (result.code === CODE.ok) own.mergeInto(this.trial);
    return result;
  }

  /** A block was committed: its transactions have left the mempool, the others are tried again. */
  startOver(): void {
    this.trial = undefined;
  }
}
