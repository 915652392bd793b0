/**
 * Exits judged once more, naively, for tests: every question reads all facts from the first on, nothing is
 * kept. It shares no rule with the watcher. Lines of text, so that they can be compared.
 */
import { toHex } from '@palisade/core';
import type { Position } from '@palisade/payments';
import type { RootFact } from '../src/root/facts.ts';
import { type ExitWorld, MIN_EXIT_PERIOD, type Tx } from './exit-world.ts';

export type OracleNow = { readonly height: number; readonly seconds: number };
export const SLA_BLOCKS = 30;
export const BLOCK_SECONDS = 12;
const SLA_SECONDS = SLA_BLOCKS * BLOCK_SECONDS;
const NOWHERE = 2n ** 256n - 1n;

type Spend = {
  readonly hash: string;
  readonly at: bigint;
  readonly since: number;
  readonly block: number | undefined;
};

export class ExitOracle {
  private readonly world: ExitWorld;
  private readonly facts: readonly RootFact[];
  private readonly now: OracleNow;

  constructor(world: ExitWorld, now: OracleNow) {
    this.world = world;
    this.facts = world.facts;
    this.now = now;
  }

  private blockHeight(blknum: number): number {
    for (const { event, height } of this.facts)
      if (event.name === 'BlockSubmitted' && event.blknum === blknum) return height;
    throw new Error(`block ${blknum} was never submitted`);
  }

  private txOf(raw: Uint8Array): Tx {
    return this.world.txs.find((tx) => toHex(tx.raw) === toHex(raw))!;
  }

  /** Everybody who spends a position: from a block first, then in the order of being shown. */
  private spends(position: Position): Spend[] {
    const shown = new Map<string, number>();
    const show = (hash: string, height: number) => {
      if (!shown.has(hash)) shown.set(hash, height);
    };
    for (const { event, height } of this.facts) {
      if (event.name === 'InFlightExitStarted' && event.inputUtxosPos.includes(position))
        show(toHex(event.txHash), height);
      if (event.name !== 'InFlightExitChallenged') continue;
      const rival = this.txOf(event.challengeTx);
      if (rival.payment.inputs[event.challengeTxInputIndex] === position)
        show(toHex(rival.hash), height);
    }
    const found: Spend[] = [];
    const included = this.world.spentBy.get(position);
    if (included?.place) {
      const hash = toHex(included.hash);
      const block = this.blockHeight(included.place.blknum);
      const at =
        BigInt(included.place.blknum) * 10n ** 9n + BigInt(included.place.txindex) * 10n ** 4n;
      found.push({ hash, at, since: Math.min(block, shown.get(hash) ?? block), block });
      shown.delete(hash);
    }
    for (const [hash, since] of shown) found.push({ hash, at: NOWHERE, since, block: undefined });
    return found;
  }

  private reasons(since: number, end: number | undefined): string[] {
    const why: string[] = [];
    if (this.now.height - since >= SLA_BLOCKS) why.push('unchallenged-too-long');
    if (end !== undefined && end - this.now.seconds < SLA_SECONDS) why.push('finalizes-soon');
    return why;
  }

  private nearlyFinal(end: number | undefined): boolean {
    return end !== undefined && end - this.now.seconds < SLA_SECONDS / 4;
  }

  /** The earliest end that was queued for an exit since its start. */
  private endOf(exitId: bigint, from: number): number | undefined {
    const ends = this.facts
      .slice(from)
      .flatMap(({ event }) =>
        event.name === 'ExitQueued' && event.exitId === exitId
          ? [Number(event.priority >> 224n)]
          : [],
      );
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  private wasPaid(position: Position, hash: string, oindex: number): boolean {
    return this.facts.some(({ event }, i) => {
      if (event.name === 'ExitFinalized')
        return this.facts
          .slice(0, i)
          .some(
            ({ event: e }) =>
              e.name === 'ExitStarted' && e.exitId === event.exitId && e.utxoPos === position,
          );
      if (
        event.name !== 'InFlightExitInputWithdrawn' &&
        event.name !== 'InFlightExitOutputWithdrawn'
      )
        return false;
      const tx = this.inFlightTx(event.exitId, i);
      if (event.name === 'InFlightExitInputWithdrawn')
        return tx.payment.inputs[event.inputIndex] === position;
      return (
        tx.payment.inputs.includes(position) ||
        (toHex(tx.hash) === hash && event.outputIndex === oindex)
      );
    });
  }

  /** The transaction of an in-flight exit, by a name that only its start does not tell. */
  private inFlightTx(exitId: bigint, before: number): Tx {
    for (const { event } of this.facts.slice(0, before))
      if (event.name === 'InFlightExitStarted' && idOf(event.txHash) === exitId)
        return this.txOf(event.inFlightTx);
    throw new Error(`exit ${exitId} never started`);
  }

  lines(): string[] {
    const lines: string[] = [];
    for (const [i, fact] of this.facts.entries()) {
      const { event } = fact;
      if (event.name === 'ExitStarted') lines.push(...this.standard(i));
      if (event.name === 'InFlightExitStarted') lines.push(...this.inFlight(i));
    }
    return lines.sort();
  }

  private standard(start: number): string[] {
    const { event, height } = this.facts[start]!;
    if (event.name !== 'ExitStarted') return [];
    const { exitId, utxoPos: position } = event;
    const over = this.facts.slice(start + 1).some(({ event: later }) => {
      if (later.name === 'ExitChallenged') return later.utxoPos === position;
      const ends = ['ExitFinalized', 'ExitOmitted', 'ExitStarted'].includes(later.name);
      return ends && 'exitId' in later && later.exitId === exitId;
    });
    const { tx } = this.world.known.get(position)!;
    if (over || this.wasPaid(position, toHex(tx.hash), Number(position % 10_000n))) return [];
    const spends = this.spends(position);
    const gone =
      position / 10n ** 9n <= BigInt(this.world.blknum) && !this.world.unspent.has(position);
    if (spends.length === 0 && !gone) return [];
    const since = Math.max(
      height,
      ...(spends.length > 0 ? [Math.min(...spends.map((s) => s.since))] : []),
    );
    const end = this.endOf(exitId, start);
    const why = this.reasons(since, end);
    const spender = spends[0]?.hash ?? 'null';
    const lines = [`invalid_exit ${position} ${spender}`];
    if (why.length > 0) lines.push(`unchallenged_exit ${position} ${spender} ${why.join('+')}`);
    if (this.nearlyFinal(end)) lines.push(`exit_nearly_final ${position}`);
    if (spends.some(({ block }) => block !== undefined && block - height > SLA_BLOCKS))
      lines.push(`late_invalidation ${position}`);
    if (spends.length > 0)
      lines.push(`challenge standard-exit ${exitId} 0 ${since} ${end} ${spender}`);
    return lines;
  }

  private inFlight(start: number): string[] {
    const { event, height } = this.facts[start]!;
    if (event.name !== 'InFlightExitStarted') return [];
    const hash = toHex(event.txHash);
    const exitId = idOf(event.txHash);
    const later = this.facts.slice(start + 1);
    const ends = ['InFlightExitFinalized', 'InFlightExitDeleted'];
    if (later.some(({ event: e }) => ends.includes(e.name) && 'exitId' in e && e.exitId === exitId))
      return [];
    const tx = this.txOf(event.inFlightTx);
    const end = this.endOf(exitId, start);
    const own =
      tx.place && BigInt(tx.place.blknum) * 10n ** 9n + BigInt(tx.place.txindex) * 10n ** 4n;
    const lines: string[] = [];
    const tell = (name: string, late: string, since: number, more = '') => {
      lines.push(`${name} ${hash}${more}`);
      const why = this.reasons(since, end);
      if (why.length > 0) lines.push(`${late} ${hash}${more} ${why.join('+')}`);
      if (this.nearlyFinal(end)) lines.push(`exit_nearly_final ${hash}`);
    };
    const said = later.flatMap(({ event: e, height: at }) =>
      (e.name === 'InFlightExitChallenged' || e.name === 'InFlightExitChallengeResponded') &&
      toHex(e.txHash) === hash
        ? [{ canonical: e.name !== 'InFlightExitChallenged', oldest: e.challengeTxPosition, at }]
        : [],
    );
    const last = said.at(-1);
    const others = tx.payment.inputs.map((position) =>
      this.spends(position).filter((s) => s.hash !== hash),
    );
    const viable = others.flatMap((spends, index) =>
      spends.flatMap((spend) =>
        (own === undefined || spend.at < own) && (!last || spend.at < last.oldest)
          ? [{ ...spend, index }]
          : [],
      ),
    );
    const phaseEnd = event.seconds + MIN_EXIT_PERIOD / 2;
    const first = this.now.seconds < phaseEnd;
    if (viable.length > 0) {
      const since = Math.max(height, Math.min(...viable.map((s) => s.since)));
      tell('non_canonical_ife', 'unchallenged_non_canonical_ife', since);
      const least = viable.reduce((a, b) => (b.at < a.at ? b : a));
      if (first)
        lines.push(
          `challenge not-canonical ${exitId} ${least.index} ${since} ${phaseEnd} ${least.hash}`,
        );
    }
    if (last && !last.canonical && own !== undefined && own < last.oldest) {
      const since = Math.max(last.at, this.blockHeight(tx.place!.blknum));
      tell('invalid_ife_challenge', 'unchallenged_ife_challenge', since);
      lines.push(`challenge respond ${exitId} 0 ${since} ${end} null`);
    }
    if (others.flat().some(({ block }) => block !== undefined && block - height > SLA_BLOCKS))
      lines.push(`late_invalidation ${hash}`);
    const sides = [
      { side: 'Input', count: tx.payment.inputs.length, kind: 'input-spent' },
      { side: 'Output', count: tx.payment.outputs.length, kind: 'output-spent' },
    ] as const;
    const free: string[] = [];
    for (const { side, count, kind } of sides)
      for (let index = 0; index < count; index++) {
        const state = pigState(later, hash, exitId, side, index);
        if (state === undefined) free.push(`${side}${index}`);
        if (state === undefined || state === 'closed') continue;
        const spends =
          side === 'Input'
            ? others[index]!
            : own === undefined
              ? []
              : this.spends(own + BigInt(index));
        if (spends.length === 0) continue;
        const since = Math.max(state, Math.min(...spends.map((s) => s.since)));
        tell('invalid_piggyback', 'unchallenged_piggyback', since, ` ${side}${index}`);
        lines.push(`challenge ${kind} ${exitId} ${index} ${since} ${end} ${spends[0]!.hash}`);
      }
    if (own === undefined && first && free.length > 0)
      lines.push(`piggyback_available ${hash} ${free.join('+')}`);
    return [...new Set(lines)];
  }
}

/** v2: 168 bits of the hash with the upper one set. */
function idOf(txHash: Uint8Array): bigint {
  return (BigInt(toHex(txHash)) >> 89n) | (1n << 167n);
}

/** The last that was said of a piggyback: since when it stands, that it is closed, or nothing. */
function pigState(
  later: readonly RootFact[],
  hash: string,
  exitId: bigint,
  side: 'Input' | 'Output',
  index: number,
): number | 'closed' | undefined {
  let state: number | 'closed' | undefined;
  for (const { event, height } of later) {
    const field = side === 'Input' ? 'inputIndex' : 'outputIndex';
    if (!(field in event) || (event as unknown as Record<string, number>)[field] !== index)
      continue;
    const mine =
      ('txHash' in event && toHex(event.txHash) === hash) ||
      ('exitId' in event && event.exitId === exitId);
    if (!mine) continue;
    if (event.name === `InFlightExit${side}Piggybacked`) state = height;
    if (event.name === `InFlightExit${side}Blocked`) state = 'closed';
    if (event.name === `InFlightExit${side}Withdrawn`) state = 'closed';
  }
  return state;
}
