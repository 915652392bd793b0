/**
 * What partners have signed for this node's validators, kept for the evidence window: a validator
 * that is accused of keeping a job from a partner shows that the partner was told. It is on disk,
 * because a complaint may come sessions later and after a restart.
 */
import { concat, u64be } from '@palisade/core';
import { type Database, open } from 'lmdb';

/**
 * Acknowledgements kept at most, 400 bytes each: 400 MB. A validator that answers for 2 000 of
 * 10 000 partners has 500 jobs for each in that.
 */
const MAX_KEPT = 1_000_000;
/** Removed at a time when there are too many. */
const MAX_DROPPED = 1000;

export type Told = {
  readonly validator: Uint8Array;
  readonly partner: Uint8Array;
  readonly job: Uint8Array;
};

const HEADER = 8;
const END = new Uint8Array(HEADER + 96).fill(0xff);

function keyOf(session: bigint, { validator, partner, job }: Told): Uint8Array {
  return concat(u64be(session), validator, partner, job);
}

export class Evidence {
  private readonly kept: Database<Uint8Array, Uint8Array>;
  private readonly sessions: number;
  private count: number;

  /** @param sessions the evidence window */
  constructor(path: string, sessions: number) {
    this.sessions = sessions;
    this.kept = open<Uint8Array, Uint8Array>({
      path,
      encoding: 'binary',
      keyEncoding: 'binary',
    });
    this.count = this.kept.getCount();
  }

  /** Keeps an acknowledgement of the running session; the first of a job counts. Resolves on disk. */
  async keep(session: bigint, told: Told, envelope: Uint8Array): Promise<void> {
    if (this.find(session, told)) return;
    if (this.count >= MAX_KEPT) await this.drop(END);
    this.count++;
    await this.kept.put(keyOf(session, told), envelope);
  }

  /** The acknowledgement of a job, in whichever session of the window it was given. */
  find(session: bigint, told: Told): Uint8Array | undefined {
    for (let back = 0n; back < BigInt(this.sessions) && back <= session; back++) {
      const found = this.kept.get(keyOf(session - back, told));
      if (found) return new Uint8Array(found);
    }
    return undefined;
  }

  /** Forgets what is older than the window, some at a time. */
  async prune(session: bigint): Promise<void> {
    const first = session - BigInt(this.sessions) + 1n;
    if (first > 0n) await this.drop(u64be(first));
  }

  private async drop(end: Uint8Array): Promise<void> {
    const old = [...this.kept.getKeys({ end, limit: MAX_DROPPED })];
    if (old.length === 0) return;
    this.count -= old.length;
    await this.kept.transaction(() => {
      for (const key of old) this.kept.remove(key);
    });
  }

  async close(): Promise<void> {
    await this.kept.close();
  }
}
