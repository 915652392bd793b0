/**
 * Reports the root chain under the keys of hosted validators (payments chapter, "The root chain, as
 * validators agree on it"). The chain remembers what is agreed, and its hash; logs are read again from the
 * deployment at every start, since events are numbered from there, and have to come to that hash.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { committed } from '@palisade/chain';
import { equalBytes, PalisadeError, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  agreed,
  childBlocks,
  DIALECTS,
  type Dialect,
  digestAfter,
  NOTHING_AGREED,
  nextEvent,
  paymentsState,
  type RootEvent,
  reportRoot,
} from '@palisade/payments';
import { follow, type RootContracts, type Rpc } from '@palisade/rootchain';
import { fileCommand } from '../services/file-command.ts';
import type { Pool } from '../services/pool.ts';
import type { Validator } from '../services/validator.ts';
import {
  type ChildChainLog,
  type FindPayment,
  RootEvents,
  reportedSources,
} from './root-events.ts';

export type ReporterParts = {
  readonly pool: Pool;
  readonly validators: readonly Validator[];
  readonly rpc: Rpc;
  readonly contracts: RootContracts;
  readonly find: FindPayment;
  readonly pollMs: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
};

/** Events of one report: what a command takes. */
const MAX_EVENTS = 64n;
/** Bytes of an event in a report, and of what is around them, at most. */
const EVENT_BYTES = 180;
const REPORT_BYTES = 400;
/** Blocks after which a report that led to no agreement is sent again. */
const PATIENCE_BLOCKS = 10n;

/** Events that may wait for agreement before more logs are read: a batch of logs comes on top. */
const MAX_WAITING = 1000;

export class Reporter {
  private readonly parts: ReporterParts;
  /** Those that are not agreed on yet; the first one has the number `first`. */
  private waiting: RootEvent[] = [];
  private first = 0n;
  /** Hash of those before `first`, as the root chain has them. */
  private digest: Uint8Array = NOTHING_AGREED;
  private isAnother = false;
  /** What each validator reported last: up to which number, and when. */
  private readonly reported = new Map<string, { readonly end: bigint; readonly height: bigint }>();

  constructor(parts: ReporterParts) {
    this.parts = parts;
  }

  /**
   * Reads the root chain until the signal ends it; from the beginning again when it took back what had counted as
   * settled, since other events may have other numbers then.
   */
  async read(): Promise<void> {
    while (!this.parts.signal.aborted) {
      this.waiting = [];
      this.first = 0n;
      this.digest = NOTHING_AGREED;
      await this.readOn();
    }
  }

  /** Until blocks are taken back below the margin. */
  private async readOn(): Promise<void> {
    const { rpc, contracts, pollMs, signal, log, pool, find } = this.parts;
    const settings = paymentsState.need(pool.application.committed);
    const steps = follow({
      ...{ rpc, contracts, sources: reportedSources(contracts), pollMs, signal },
      margin: BigInt(settings.depositMargin),
      onTrouble: (err) => log.warn('the root chain has trouble', { err }),
    });
    const events = new RootEvents(DIALECTS[settings.dialect as Dialect['name']], find);
    for await (const step of steps) {
      if (step.kind === 'rewind') {
        log.warn('the root chain took back what had counted as settled: it is read again', {
          to: step.checkpoint.height,
        });
        return;
      }
      for (const one of step.logs) {
        await this.untilKnown(one);
        for (const event of events.take(one)) this.waiting.push(event);
      }
      this.forget();
      while (this.waiting.length > MAX_WAITING) await pause(pollMs, undefined, { signal });
    }
  }

  /**
   * What an in-flight exit means follows from the child blocks that the root chain has; a node that is behind waits
   * until it has them, too.
   */
  private async untilKnown(log: ChildChainLog): Promise<void> {
    if (log.name !== 'BlockSubmitted') return;
    const { pool, pollMs, signal, log: journal } = this.parts;
    const { blknum } = log.args;
    for (let isSaid = false; ; isSaid = true) {
      const block = childBlocks.get(pool.application.committed, blknum);
      if (block && pool.index.height >= block.lastHeight) return;
      if (!isSaid)
        journal.warn('reports wait for a child block that is not known here', { blknum });
      await pause(pollMs, undefined, { signal });
    }
  }

  /** With each block of this chain: reports what is due. */
  async look(): Promise<void> {
    this.forget();
    if (this.waiting.length === 0 || this.isAnother) return;
    const { pool, validators } = this.parts;
    const state = pool.application.committed;
    const { maxAhead } = paymentsState.need(state);
    const height = committed.get(state)?.height ?? 0n;
    const end = [
      this.first + BigInt(this.waiting.length),
      this.first + BigInt(maxAhead),
      this.first + MAX_EVENTS,
    ].reduce((a, b) => (a < b ? a : b));
    for (const self of validators) {
      if (self.redirect()) continue;
      const last = this.reported.get(self.name);
      const isFresh = last !== undefined && height < last.height + PATIENCE_BLOCKS;
      if (isFresh && last.end >= end) continue;
      const from = isFresh && last.end > this.first ? last.end : this.first;
      const events = this.waiting.slice(Number(from - this.first), Number(end - this.first));
      const size = REPORT_BYTES + events.length * EVENT_BYTES;
      const filed = await fileCommand(pool, self, reportRoot, { first: from, events }, size);
      if (filed === 'filed') this.reported.set(self.name, { end, height });
      else if (filed === 'refused')
        this.parts.log.warn('a report on the root chain was refused', {
          validator: toHex(self.nodeKey),
        });
    }
  }

  /** Passes what is agreed on, and makes sure that it is what the root chain has. */
  private forget(): void {
    const state = this.parts.pool.application.committed;
    const next = nextEvent.need(state);
    const done = this.waiting.splice(0, Number(next - this.first));
    if (done.length === 0) return;
    for (const event of done) this.digest = digestAfter(this.digest, event);
    this.first += BigInt(done.length);
    if (this.first < next) return;
    const isAnother = !equalBytes(this.digest, agreed.need(state));
    if (isAnother && !this.isAnother) this.parts.log.error(another.message, { err: another });
    this.isAnother = isAnother;
  }
}

/** Agreement is not taken back: people have to look. */
const another = new PalisadeError({
  code: 'node/another-root-chain',
  message:
    'The root chain has not the deposits and exits that validators agreed on: nothing more is reported.',
  next: 'If --root-chain names the right node, the root chain took back more blocks than the margin. Tell people to leave by exits, which the contracts pay by what they know, and begin a chain anew.',
});
