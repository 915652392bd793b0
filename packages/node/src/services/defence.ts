/**
 * A validator's answer to complaints (P2V-2.G1): it looks for what the partner has signed, its thanks
 * for the notice first, and files it. The chain judges each word, so the first that it takes is the one.
 */
import { equalBytes, toBinaryString } from '@palisade/core';
import type { CommittedBlock } from '@palisade/engine';
import { COMPLAINT_STATE, complaintFiled, complaints, rebut } from '@palisade/market';
import { fileCommand } from './file-command.ts';
import type { Notifier } from './notifier.ts';
import type { Pool } from './pool.ts';
import type { Validator } from './validator.ts';

/** Bytes of a rebuttal at most: the partner's word in it has up to 2048. */
const REBUTTAL_BYTES = 2560;

type Case = { readonly job: Uint8Array; readonly partner: Uint8Array };

export class Defence {
  private readonly pool: Pool;
  private readonly self: Validator;
  private readonly notifier: Notifier;
  /** Cases to which there is no answer here: looked at once, until they are decided. */
  private readonly lost = new Set<string>();
  /** Whether a case may be open that was not answered yet; at the start nobody knows. */
  private isAccused = true;

  constructor(pool: Pool, self: Validator, notifier: Notifier) {
    this.pool = pool;
    this.self = self;
    this.notifier = notifier;
  }

  /** Looks whether a block accuses this validator, and answers what is still open. */
  async look({ results }: CommittedBlock): Promise<void> {
    const events = results.txResults.flatMap((result) => result.events);
    if (events.some(({ type }) => type === complaintFiled.name)) this.isAccused = true;
    if (!this.isAccused) return;
    const open = this.openCases();
    if (open.length === 0) this.lost.clear();
    const unanswered = open.filter((each) => !this.lost.has(nameOf(each)));
    // What was answered is open until its block; then this finds nothing, and rests.
    this.isAccused = unanswered.length > 0;
    for (const each of unanswered) await this.answer(each);
  }

  /** Open complaints about this validator; there are as many as partners paid for. */
  private openCases(): readonly Case[] {
    const cases: Case[] = [];
    for (const [[, job, validator, partner], { state }] of complaints.list(
      this.pool.application.committed,
    ))
      if (state === COMPLAINT_STATE.open && equalBytes(validator, this.self.nodeKey))
        cases.push({ job, partner });
    return cases;
  }

  private async answer({ job, partner }: Case): Promise<void> {
    const { board, metrics } = this.pool;
    const told = this.notifier.evidenceOf(job, partner);
    const words = [...(told ? [told] : []), ...board.wordsOf(partner)];
    for (const word of words) {
      const rebuttal = { job, partner, word };
      const outcome = await fileCommand(this.pool, this.self, rebut, rebuttal, REBUTTAL_BYTES);
      if (outcome === 'refused') continue;
      if (outcome === 'filed') metrics.count('complaints_total', { outcome: 'rebutted' });
      return;
    }
    this.lost.add(nameOf({ job, partner }));
    metrics.count('complaints_total', { outcome: 'unanswered' });
  }
}

function nameOf({ job, partner }: Case): string {
  return toBinaryString(job) + toBinaryString(partner);
}
