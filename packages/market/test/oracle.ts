/**
 * The market once more, naively, for tests: it keeps a diary of the commands that the chain
 * accepted and, at each end of a session, reads the whole diary again to tell who is paid, which
 * jobs end and what goes back to whom. It shares no code with the market and knows nothing of
 * queues, commitments or indices.
 */

type Entry =
  | {
      readonly kind: 'start';
      readonly seq: number;
      readonly rate: bigint;
      readonly term: number;
      readonly first: number;
    }
  | { readonly kind: 'newer'; readonly rate: bigint; readonly term: number }
  | { readonly kind: 'answer'; readonly session: number }
  | { readonly kind: 'receipt'; readonly at: number; readonly last: number }
  | { readonly kind: 'cancel'; readonly at: number }
  /** The session ended; `fair` when there was time to answer in it. */
  | { readonly kind: 'end'; readonly session: number; readonly fair: boolean };

type Diary = Entry[];

export type OracleJob = {
  readonly client: string;
  readonly copies: number;
  readonly maxRate: bigint;
  readonly session: number;
  term: number;
  readonly diaries: Map<string, Diary>;
  /** Session in which it ended, and how. */
  over: { readonly session: number; readonly how: 'completed' | 'cancelled' } | undefined;
  returned: bigint;
};

/** What a diary comes down to. */
export type Verdict = {
  readonly pay: ReadonlyMap<number, bigint>;
  readonly state: 'running' | 'completed' | 'lost';
  readonly last: number;
};

/** Reads a diary from the beginning. */
export function judge(diary: Diary, missesToLose: number): Verdict {
  const pay = new Map<number, bigint>();
  const answered = new Set<number>();
  let [rate, first, last, misses] = [0n, 0, 0, 0];
  let state: Verdict['state'] = 'running';
  for (const entry of diary) {
    if (state !== 'running') break;
    if (entry.kind === 'start')
      [rate, first, last] = [entry.rate, entry.first, entry.first + entry.term - 1];
    if (entry.kind === 'newer') [rate, last] = [entry.rate, first + entry.term - 1];
    if (entry.kind === 'answer') answered.add(entry.session);
    if (entry.kind === 'receipt') last = Math.min(last, entry.last);
    if (entry.kind === 'cancel') last = Math.min(last, entry.at);
    if (last < first) state = 'completed';
    if (entry.kind !== 'end' || entry.session < first) continue;
    if (answered.has(entry.session)) {
      pay.set(entry.session, rate);
      misses = 0;
    } else if (entry.fair) misses++;
    if (misses >= missesToLose) state = 'lost';
    else if (entry.session >= last) state = 'completed';
  }
  return { pay, state, last };
}

export class Oracle {
  readonly jobs = new Map<string, OracleJob>();
  private readonly missesToLose: number;

  constructor(missesToLose: number) {
    this.missesToLose = missesToLose;
  }

  requested(
    id: string,
    job: Pick<OracleJob, 'client' | 'copies' | 'maxRate' | 'session' | 'term'>,
  ): void {
    this.jobs.set(id, { ...job, diaries: new Map(), over: undefined, returned: 0n });
  }

  started(
    id: string,
    partner: string,
    seq: number,
    rate: bigint,
    term: number,
    first: number,
  ): void {
    const { diaries } = this.jobs.get(id)!;
    const diary = diaries.get(partner);
    if (diary) diary.push({ kind: 'newer', rate, term });
    else diaries.set(partner, [{ kind: 'start', seq, rate, term, first }]);
  }

  answered(id: string, partner: string, session: number): void {
    this.jobs.get(id)!.diaries.get(partner)!.push({ kind: 'answer', session });
  }

  receipted(id: string, partner: string, at: number, last: number): void {
    this.jobs.get(id)!.diaries.get(partner)!.push({ kind: 'receipt', at, last });
  }

  renewed(id: string, sessions: number): void {
    this.jobs.get(id)!.term += sessions;
  }

  cancelled(id: string, at: number): void {
    const job = this.jobs.get(id)!;
    for (const diary of job.diaries.values()) diary.push({ kind: 'cancel', at });
    job.over = { session: at, how: 'cancelled' };
    if (job.diaries.size === 0) job.returned = this.locked(job);
  }

  /** The session is over; `fair(partner's start)` tells whether an answer was possible. */
  sessionEnded(session: number, fair: (job: string, partner: string) => boolean): void {
    for (const [id, job] of this.jobs) {
      for (const [partner, diary] of job.diaries)
        diary.push({ kind: 'end', session, fair: fair(id, partner) });
      if (!job.over) job.over = this.ending(job, session);
      else if (job.over.session < session && job.returned === 0n)
        job.returned = this.locked(job) - this.paid(job);
    }
  }

  private ending(job: OracleJob, session: number): OracleJob['over'] {
    const states = this.states(job);
    if (states.length === 0) {
      if (session <= job.session) return undefined;
      job.returned = this.locked(job);
      return { session, how: 'cancelled' };
    }
    if (states.includes('running')) return undefined;
    const completed = states.filter((state) => state === 'completed').length;
    if (completed < job.copies && session < job.session + job.term) return undefined;
    return { session, how: completed > 0 ? 'completed' : 'cancelled' };
  }

  private states(job: OracleJob): Verdict['state'][] {
    return [...job.diaries.values()].map((diary) => judge(diary, this.missesToLose).state);
  }

  verdict(id: string, partner: string): Verdict | undefined {
    const diary = this.jobs.get(id)?.diaries.get(partner);
    return diary && judge(diary, this.missesToLose);
  }

  locked({ copies, term, maxRate }: OracleJob): bigint {
    return BigInt(copies) * BigInt(term) * maxRate;
  }

  paid(job: OracleJob): bigint {
    let sum = 0n;
    for (const diary of job.diaries.values())
      for (const amount of judge(diary, this.missesToLose).pay.values()) sum += amount;
    return sum;
  }

  /** What a partner earned of all jobs in all sessions. */
  earned(partner: string): bigint {
    let sum = 0n;
    for (const id of this.jobs.keys())
      for (const amount of this.verdict(id, partner)?.pay.values() ?? []) sum += amount;
    return sum;
  }

  /** What a client has in escrow. */
  escrowOf(client: string): bigint {
    let sum = 0n;
    for (const job of this.jobs.values())
      if (job.client === client) sum += this.locked(job) - this.paid(job) - job.returned;
    return sum;
  }
}
