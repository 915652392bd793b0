/**
 * Reports the root chain under the keys of hosted validators (payments chapter, "The root chain, as
 * validators agree on it"). The chain itself remembers what is agreed; logs are read again from the
 * deployment at every start, since events are numbered from there.
 */
import { committed } from '@palisade/chain';
import { PalisadeError, toHex } from '@palisade/core';
import type { Logger } from '@palisade/daemon';
import {
  DIALECTS,
  type Dialect,
  nextEvent,
  paymentsState,
  type RootEvent,
  reportRoot,
} from '@palisade/payments';
import { bindings, follow, type RootContracts, type Rpc } from '@palisade/rootchain';
import { fileCommand } from '../services/file-command.ts';
import type { Pool } from '../services/pool.ts';
import type { Validator } from '../services/validator.ts';
import { type FindPayment, RootEvents } from './root-events.ts';

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

export class Reporter {
  private readonly parts: ReporterParts;
  /** Those that are not agreed on yet; the first one has the number `first`. */
  private waiting: RootEvent[] = [];
  private first = 0n;
  /** What each validator reported last: up to which number, and when. */
  private readonly reported = new Map<string, { readonly end: bigint; readonly height: bigint }>();

  constructor(parts: ReporterParts) {
    this.parts = parts;
  }

  /** Reads the root chain until the signal ends it. */
  async read(): Promise<void> {
    const { rpc, contracts, pollMs, signal, log, pool, find } = this.parts;
    const settings = paymentsState.need(pool.application.committed);
    const steps = follow({
      ...{ rpc, contracts, sources: bindings(contracts), pollMs, signal },
      margin: BigInt(settings.depositMargin),
      onTrouble: (err) => log.warn('the root chain has trouble', { err }),
    });
    const events = new RootEvents(DIALECTS[settings.dialect as Dialect['name']], find);
    for await (const step of steps) {
      if (step.kind === 'rewind') throw takenBack();
      for (const event of step.logs.flatMap((one) => events.take(one))) this.waiting.push(event);
      this.forget();
    }
  }

  /** With each block of this chain: reports what is due. */
  async look(): Promise<void> {
    this.forget();
    if (this.waiting.length === 0) return;
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

  private forget(): void {
    const agreed = nextEvent.need(this.parts.pool.application.committed);
    const done = agreed - this.first;
    if (done <= 0n) return;
    const count = done < BigInt(this.waiting.length) ? Number(done) : this.waiting.length;
    this.waiting.splice(0, count);
    this.first += BigInt(count);
  }
}

/** Deeper than the margin: what was agreed on stays so, and people have to look. */
function takenBack(): PalisadeError {
  return new PalisadeError({
    code: 'node/root-chain-taken-back',
    message: 'The root chain took back blocks that had counted as settled.',
    next: 'Compare what was agreed on with what the root chain has now, and start the node again.',
  });
}
