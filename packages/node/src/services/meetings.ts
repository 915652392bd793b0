/**
 * What became of matches (P2V-4.G1): both sides report whether they were in touch. When only one says
 * so, nobody can tell who is at fault, so a passive validator tries the partner's endpoint, and what
 * it finds is counted beside. Counts are local and judge nobody; they show where to look.
 */
import { toBinaryString } from '@palisade/core';
import { NOTICE_MS } from '@palisade/market';
import type { MatchWords } from './pool.ts';

/** Matches whose reports are waited for; older ones are settled by what is known. */
const MAX_OPEN = 10_000;
/** Pairs of client and partner whose failures are counted; the ones with the fewest go first. */
const MAX_PAIRS = 1000;
/** A report that comes later than this after the first is not waited for, ms. */
const PATIENCE_MS = 5 * NOTICE_MS;
/** A match of which nobody says anything is forgotten, ms: a client may queue its uploads. */
const FORGET_MS = 3_600_000;

export type Side = 'client' | 'partner';
export type Report = { readonly ok: boolean; readonly sequence: bigint };
export type Counts = {
  /** Both were in touch, or one says so and the other nothing. */
  met: number;
  /** Both say that they were not. */
  failed: number;
  /** One was not in touch, by its own word alone. */
  oneSided: number;
  /** A side used an endpoint record that the partner has replaced. */
  stale: number;
};
export type Finding = 'reachable' | 'unreachable';

type Meeting = {
  readonly words: MatchWords;
  /** Name of the validator that brought them together. */
  readonly by: string;
  readonly atMs: number;
  readonly reports: Map<Side, Report>;
  firstMs: number | undefined;
};
type Pair = { readonly client: Uint8Array; readonly partner: Uint8Array; oneSided: number };

export type MeetingsOptions = {
  readonly nowMs: () => number;
  /** Sequence of the partner's READY that holds now. */
  readonly sequenceOf: (partner: Uint8Array) => bigint | undefined;
  /** Lets a passive validator try the partner's endpoint; undefined when there is none. */
  readonly probe: (partner: Uint8Array) => Promise<Finding> | undefined;
  /** Told of every outcome. */
  readonly onOutcome: (by: string, outcome: keyof Counts) => void;
  readonly onFinding: (finding: Finding) => void;
};

export class Meetings {
  private readonly options: MeetingsOptions;
  private readonly open = new Map<string, Meeting>();
  private readonly pairs = new Map<string, Pair>();
  private readonly counts = new Map<string, Counts>();
  readonly findings = { reachable: 0, unreachable: 0 };

  constructor(options: MeetingsOptions) {
    this.options = options;
  }

  /** A validator has brought two together. */
  begin(words: MatchWords, by: string): void {
    const key = keyOf(words);
    this.open.delete(key);
    for (const [oldest, meeting] of this.open) {
      if (this.open.size < MAX_OPEN) break;
      this.settle(oldest, meeting);
    }
    const atMs = this.options.nowMs();
    this.open.set(key, { words, by, atMs, reports: new Map(), firstMs: undefined });
  }

  find(job: Uint8Array, partner: Uint8Array): MatchWords | undefined {
    return this.open.get(keyOf({ job, partner }))?.words;
  }

  /** Takes one side's report, the first of each; what both said is settled at once. */
  report(job: Uint8Array, partner: Uint8Array, side: Side, report: Report): void {
    const key = keyOf({ job, partner });
    const meeting = this.open.get(key);
    if (!meeting || meeting.reports.has(side)) return;
    meeting.reports.set(side, report);
    meeting.firstMs ??= this.options.nowMs();
    if (meeting.reports.size === 2) this.settle(key, meeting);
  }

  /** Settles what was waited for long enough; called with every block. */
  sweep(): void {
    const nowMs = this.options.nowMs();
    for (const [key, meeting] of this.open) {
      const { firstMs, atMs } = meeting;
      if (firstMs !== undefined && nowMs - firstMs > PATIENCE_MS) this.settle(key, meeting);
      else if (nowMs - atMs > FORGET_MS) this.open.delete(key);
    }
  }

  private settle(key: string, { words, by, reports }: Meeting): void {
    this.open.delete(key);
    const said = [...reports.values()];
    if (said.length === 0) return;
    const failures = said.filter(({ ok }) => !ok).length;
    const outcome = failures === 0 ? 'met' : failures === 2 ? 'failed' : 'oneSided';
    this.count(by, outcome);
    const now = this.options.sequenceOf(words.partner);
    if (failures > 0 && now !== undefined && said.some(({ sequence }) => sequence < now))
      this.count(by, 'stale');
    if (outcome === 'oneSided') this.lookInto(words);
  }

  private lookInto({ client, partner }: MatchWords): void {
    const key = toBinaryString(client) + toBinaryString(partner);
    const pair = this.pairs.get(key) ?? { client, partner, oneSided: 0 };
    pair.oneSided++;
    if (!this.pairs.has(key) && this.pairs.size >= MAX_PAIRS) {
      const [least] = [...this.pairs].sort(([, a], [, b]) => a.oneSided - b.oneSided);
      if (least) this.pairs.delete(least[0]);
    }
    this.pairs.set(key, pair);
    void this.options.probe(partner)?.then((finding) => {
      this.findings[finding]++;
      this.options.onFinding(finding);
    });
  }

  private count(by: string, outcome: keyof Counts): void {
    const counts = this.countsOf(by);
    counts[outcome]++;
    this.counts.set(by, counts);
    this.options.onOutcome(by, outcome);
  }

  /** Outcomes of the matches that one validator made. */
  countsOf(by: string): Counts {
    return this.counts.get(by) ?? { met: 0, failed: 0, oneSided: 0, stale: 0 };
  }

  /** Pairs with one-sided failures, the most first. */
  worstPairs(most: number): readonly Readonly<Pair>[] {
    return [...this.pairs.values()].sort((a, b) => b.oneSided - a.oneSided).slice(0, most);
  }
}

function keyOf({ job, partner }: Pick<MatchWords, 'job' | 'partner'>): string {
  return toBinaryString(job) + toBinaryString(partner);
}
