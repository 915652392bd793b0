/** Jobs that want partners, with the clients' signed requests that partners are shown. */
import type { PalisadeApplication } from '@palisade/chain';
import { isRefusal, toBinaryString } from '@palisade/core';
import type { CommittedBlock, Engine } from '@palisade/engine';
import { jobs, request } from '@palisade/market';
import type { EventIndex } from '../events/event-index.ts';
import { wantsPartners } from './partner-board.ts';

export type OpenJob = { readonly job: Uint8Array; readonly envelope: Uint8Array };

/** Open jobs kept in memory at most, 1 KiB each; older ones are told again when clients ask. */
const MAX_OPEN = 10_000;

export class OpenJobs {
  private readonly open = new Map<string, OpenJob>();
  private readonly application: PalisadeApplication;
  private readonly engine: Engine;
  private readonly index: EventIndex;

  constructor(application: PalisadeApplication, engine: Engine, index: EventIndex) {
    this.application = application;
    this.engine = engine;
    this.index = index;
  }

  /** Finds the open jobs of the committed state; once, at start. */
  async load(): Promise<void> {
    for (const [[job]] of jobs.list(this.application.committed)) {
      if (!wantsPartners(this.application.committed, job)) continue;
      const envelope = await this.envelopeOf(job);
      if (envelope) this.keep({ job, envelope });
    }
  }

  /** Takes the new jobs of a block, and answers with them. */
  async add(block: CommittedBlock): Promise<readonly OpenJob[]> {
    const { txs } = block.block;
    const opened = await this.application.opener.open(txs);
    const fresh = opened.flatMap((tx, i) =>
      !isRefusal(tx) &&
      tx.declaration.name === request.name &&
      block.results.txResults[i]?.code === 0
        ? [{ job: tx.id, envelope: txs[i]! }]
        : [],
    );
    for (const job of fresh) this.keep(job);
    return fresh;
  }

  private keep(job: OpenJob): void {
    const oldest = this.open.keys().next().value;
    if (this.open.size >= MAX_OPEN && oldest !== undefined) this.open.delete(oldest);
    this.open.set(toBinaryString(job.job), job);
  }

  /** Jobs that still want partners, oldest first. */
  list(): readonly OpenJob[] {
    for (const [key, { job }] of this.open)
      if (!wantsPartners(this.application.committed, job)) this.open.delete(key);
    return [...this.open.values()];
  }

  /** A job's signed request, from the block that confirmed it. */
  async envelopeOf(job: Uint8Array): Promise<Uint8Array | undefined> {
    const known = this.open.get(toBinaryString(job));
    if (known) return known.envelope;
    const place = this.index.placeOf(job);
    const block = place && (await this.engine.block(place.height));
    return block?.block.txs[place!.index];
  }
}
