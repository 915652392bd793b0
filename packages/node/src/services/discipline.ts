/**
 * SHUT_UP (P2V-6): a partner that keeps to no pause is not listened to for a while, twice as long
 * each time. The first fault of a kind in a period is passed over, because a partner that crashed
 * does not know what it said last.
 */
import { type Refusal, refuse, toBinaryString } from '@palisade/core';

/** Faults after which this many base times have passed are forgotten. */
const PERIOD = 20;
/** Nobody is silenced for longer, s: by then another partner has its jobs. */
const MAX_SECONDS = 600;
/** Partners remembered at most, as many as the board has; the longest quiet go first. */
const MAX_REMEMBERED = 10_000;

export type Fault = 'capacity' | 'polling';
type Record = {
  readonly faults: Map<Fault, { count: number; lastMs: number }>;
  silentUntilMs: number;
};

export class Discipline {
  private readonly records = new Map<string, Record>();
  private readonly baseMs: number;
  /** How often somebody was silenced. */
  silenced = 0;

  /** @param baseMs the first silence, ms: the cool-down */
  constructor(baseMs: number) {
    this.baseMs = baseMs;
  }

  /** Why a partner is not listened to; undefined while it is. */
  refusal(partner: Uint8Array, nowMs: number): Refusal | undefined {
    const leftMs = (this.records.get(toBinaryString(partner))?.silentUntilMs ?? nowMs) - nowMs;
    return leftMs > 0 ? shutUp(leftMs) : undefined;
  }

  /** Takes note of a fault; answers with the silence that it brings, none for the first. */
  fault(partner: Uint8Array, kind: Fault, nowMs: number): Refusal | undefined {
    const record = this.recordOf(partner);
    const before = record.faults.get(kind);
    const isOld = !before || nowMs - before.lastMs > PERIOD * this.baseMs;
    const count = isOld ? 1 : before.count + 1;
    record.faults.set(kind, { count, lastMs: nowMs });
    if (count === 1) return undefined;
    const ms = Math.min(MAX_SECONDS * 1000, this.baseMs * 2 ** Math.min(count - 2, 16));
    record.silentUntilMs = nowMs + ms;
    this.silenced++;
    return shutUp(ms);
  }

  private recordOf(partner: Uint8Array): Record {
    const key = toBinaryString(partner);
    const record = this.records.get(key) ?? { faults: new Map(), silentUntilMs: 0 };
    this.records.delete(key);
    for (const oldest of this.records.keys()) {
      if (this.records.size < MAX_REMEMBERED) break;
      this.records.delete(oldest);
    }
    this.records.set(key, record);
    return record;
  }
}

function shutUp(ms: number): Refusal {
  const seconds = Math.ceil(ms / 1000);
  return refuse('market/shut-up', `You spoke too often: nothing is heard for ${seconds} s.`, {
    retry: 'later',
    data: { seconds },
    next: 'Keep the cool-down between changes of capacity, and do not poll.',
  });
}
