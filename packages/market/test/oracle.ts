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
  | { readonly kind: 'voucher'; readonly amount: bigint }
  | {
      readonly kind: 'receipt';
      readonly at: number;
      readonly last: number;
      readonly amount: bigint;
    }
  | { readonly kind: 'cancel'; readonly at: number }
  /** The session ended; `fair` when there was time to answer in it. */
  | { readonly kind: 'end'; readonly session: number; readonly fair: boolean };

type Diary = Entry[];

export type OracleJob = {
  readonly client: string;
  /** Whether the client vouches for use; storage is audited. */
  readonly isInteractive: boolean;
  readonly copies: number;
  readonly maxRate: bigint;
  readonly session: number;
  term: number;
  readonly diaries: Map<string, Diary>;
  /** Session in which it ended, and how. */
  over:
    | { readonly session: number; readonly how: 'completed' | 'cancelled' | 'resolved' }
    | undefined;
  isDisputed: boolean;
  returned: bigint;
};

/** What a diary comes down to. */
export type Verdict = {
  readonly pay: ReadonlyMap<number, bigint>;
  readonly state: 'running' | 'completed' | 'lost' | 'disputed' | 'resolved';
  readonly last: number;
  /** What may still be earned, with `running` as the session that runs. */
  readonly bound: (running: number) => bigint;
};

/** Reads the diary of computation or access: what was vouched for is paid when a session ends. */
function judgeUsage(diary: Diary): Verdict {
  const pay = new Map<number, bigint>();
  let [rate, first, term, last, owed, paid] = [0n, 0, 0, 0, 0n, 0n];
  let [state, isFinal]: [Verdict['state'], boolean] = ['running', false];
  for (const entry of diary) {
    if (state === 'completed' || state === 'resolved') break;
    if (entry.kind === 'start' || entry.kind === 'newer') {
      [rate, term] = [entry.rate, entry.term];
      if (entry.kind === 'start') first = entry.first;
      last = first + term - 1;
    }
    if (entry.kind === 'voucher' && entry.amount > owed) owed = entry.amount;
    if (entry.kind === 'receipt') [owed, isFinal] = [entry.amount, true];
    if (entry.kind === 'receipt' || entry.kind === 'cancel') last = Math.min(last, entry.at);
    if (entry.kind !== 'end') continue;
    pay.set(entry.session, owed - paid);
    paid = owed;
    if (isFinal) state = 'completed';
    else if (state === 'disputed') state = 'resolved';
    else if (entry.session >= last) state = 'disputed';
  }
  const isOpen = state === 'running' || state === 'disputed';
  const most = isFinal ? owed : BigInt(term) * rate;
  if (owed > most) throw new Error(`${owed} are owed, more than the ceiling of ${most}`);
  return { pay, state, last, bound: () => (isOpen ? most - paid : 0n) };
}

/** Reads a diary of storage from the beginning. */
function judgeStorage(diary: Diary, missesToLose: number): Verdict {
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
  const bound = (running: number) => {
    const sessions = last - Math.max(first, running) + 1;
    return state === 'running' && sessions > 0 ? BigInt(sessions) * rate : 0n;
  };
  return { pay, state, last, bound };
}

function sumOf({ pay }: Verdict): bigint {
  let sum = 0n;
  for (const amount of pay.values()) sum += amount;
  return sum;
}

export class Oracle {
  readonly jobs = new Map<string, OracleJob>();
  private readonly missesToLose: number;

  constructor(missesToLose: number) {
    this.missesToLose = missesToLose;
  }

  requested(
    id: string,
    job: Pick<OracleJob, 'client' | 'isInteractive' | 'copies' | 'maxRate' | 'session' | 'term'>,
  ): void {
    const begun = { diaries: new Map(), over: undefined, isDisputed: false, returned: 0n };
    this.jobs.set(id, { ...job, ...begun });
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

  vouched(id: string, partner: string, amount: bigint): void {
    const { state } = this.verdict(id, partner)!;
    if (state !== 'running' && state !== 'disputed') throw new Error(`a voucher came too late`);
    this.jobs.get(id)!.diaries.get(partner)!.push({ kind: 'voucher', amount });
  }

  receipted(id: string, partner: string, at: number, last: number, amount: bigint): void {
    this.jobs.get(id)!.diaries.get(partner)!.push({ kind: 'receipt', at, last, amount });
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
    const verdicts = this.verdicts(job);
    const states = verdicts.map(({ state }) => state);
    if (states.length === 0) {
      if (session <= job.session) return undefined;
      job.returned = this.locked(job);
      return { session, how: 'cancelled' };
    }
    if (states.includes('running')) return undefined;
    const served = verdicts.filter(
      (verdict) =>
        verdict.state === 'completed' ||
        verdict.state === 'disputed' ||
        (verdict.state === 'resolved' && sumOf(verdict) > 0n),
    ).length;
    const mayGoOn = served < job.copies && session < job.session + job.term;
    if (mayGoOn && !job.isDisputed) return undefined;
    if (states.includes('disputed')) {
      job.isDisputed = true;
      return undefined;
    }
    // Its window has been: nothing is waited for.
    if (job.isDisputed) job.returned = this.locked(job) - this.paid(job);
    if (served === 0) return { session, how: 'cancelled' };
    return { session, how: states.includes('resolved') ? 'resolved' : 'completed' };
  }

  private verdicts(job: OracleJob): Verdict[] {
    return [...job.diaries.values()].map((diary) => this.judge(job, diary));
  }

  private judge(job: OracleJob, diary: Diary): Verdict {
    return job.isInteractive ? judgeUsage(diary) : judgeStorage(diary, this.missesToLose);
  }

  verdict(id: string, partner: string): Verdict | undefined {
    const job = this.jobs.get(id);
    const diary = job?.diaries.get(partner);
    return job && diary && this.judge(job, diary);
  }

  locked({ copies, term, maxRate }: OracleJob): bigint {
    return BigInt(copies) * BigInt(term) * maxRate;
  }

  paid(job: OracleJob): bigint {
    return this.verdicts(job).reduce((sum, verdict) => sum + sumOf(verdict), 0n);
  }

  /** What a job's agreements may still earn. */
  bound(job: OracleJob, running: number): bigint {
    return this.verdicts(job).reduce((sum, verdict) => sum + verdict.bound(running), 0n);
  }

  /** What a partner earned of all jobs in all sessions. */
  earned(partner: string): bigint {
    let sum = 0n;
    for (const id of this.jobs.keys()) {
      const verdict = this.verdict(id, partner);
      if (verdict) sum += sumOf(verdict);
    }
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
