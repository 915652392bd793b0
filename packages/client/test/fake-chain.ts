/** A chain in memory that knows just enough of the market for a client to live on it. */
import {
  accountQuery,
  DEFAULT_PARAMS,
  paramsQuery,
  SEAT,
  send,
  sessionQuery,
  validatorsQuery,
} from '@palisade/chain/schema';
import {
  catalogue,
  compareBytes,
  fromHex,
  isRefusal,
  type Json,
  nodeSigner,
  type Opened,
  open,
  signingDomain,
  toHex,
  verifyOpened,
} from '@palisade/core';
import {
  AGREEMENT_STATE,
  type Agreement,
  agreementStarted,
  cancel,
  complete,
  escrowFor,
  JOB_STATE,
  type Job,
  jobConfirmed,
  jobQuery,
  jobsOfQuery,
  mayTakeQuery,
  renew,
  reportOmission,
  request,
  returnBond,
  type StandingView,
  standingQuery,
  start,
} from '@palisade/market/schema';

export type FakeJob = { job: Job; agreements: Map<string, Agreement> };
type Event = { height: string; index: number; timeMs: string; name: string; data: Json };
type Refused = { code: string; message: string; retry: string; data?: Record<string, string> };
type Value = Record<string, never>;

const commands = catalogue([
  send,
  request,
  start,
  complete,
  cancel,
  renew,
  returnBond,
  reportOmission,
]);
/** A partner that nothing is known of, but its bond. */
const NEWCOMER: StandingView = {
  score: 444,
  alpha: 4_440_000n,
  beta: 5_560_000n,
  receipts: 0,
  failuresInRow: 0,
  contained: 0,
  fees: 0n,
  firstSession: 5n,
  bond: 4n * 10n ** 18n,
  bondSession: 5n,
  agreements: 0,
  inFlight: 0n,
  inFlightLimit: 4n * 10n ** 18n,
  challengeFinding: 0,
  challengeSession: 0n,
};
export const BLOCK_MS = 25;

export class FakeChain {
  readonly domain = signingDomain(new Uint8Array(32).fill(9));
  readonly params = { ...DEFAULT_PARAMS, sessionMs: 60_000n };
  readonly validators = [1, 2, 3, 4].map((i) => nodeSigner(new Uint8Array(32).fill(i)));
  readonly jobs = new Map<string, FakeJob>();
  readonly events: Event[] = [];
  readonly nonces = new Map<string, bigint>();
  /** How the standing of whoever is asked for differs from a newcomer's. */
  standing: Partial<StandingView> = {};
  mayTake = { code: '', message: '', next: '', wantedBond: 0n };
  /** Name of a command that no block takes; what its sender sent after it comes in none either. */
  omits = '';
  /** Omissions that were reported. */
  readonly omissions: { transaction: Uint8Array; acknowledgement: Uint8Array }[] = [];
  readonly #pending = new Map<string, Opened>();
  readonly #places = new Map<
    string,
    { height: bigint; index: number; code: number; error?: Refused }
  >();
  readonly #listeners = new Set<(event: Event) => void>();
  readonly #timer = setInterval(() => this.produce(), BLOCK_MS);
  height = 1n;
  session = 5n;

  stop(): void {
    clearInterval(this.#timer);
  }

  open(envelope: Uint8Array): Opened | Refused {
    const opened = open(envelope, commands, this.domain);
    if (isRefusal(opened)) return { ...opened, data: {} };
    const wrong = verifyOpened(opened);
    return wrong ? { ...wrong, data: {} } : opened;
  }

  /** Takes a transaction, as a mempool would. */
  take(opened: Opened): Refused | undefined {
    const id = toHex(opened.id);
    if (this.#pending.has(id) || this.#places.has(id)) return undefined;
    const expected = this.nextNonce(opened, true);
    const { nonce } = opened.value as { nonce: bigint };
    if (nonce !== expected)
      return {
        code: nonce < expected ? 'accounts/nonce-used' : 'accounts/nonce-gap',
        message: `The nonce is ${nonce}, not ${expected}.`,
        retry: nonce < expected ? 'never' : 'later',
        data: { expected: `${expected}` },
      };
    this.#pending.set(id, opened);
    return undefined;
  }

  nextNonce({ sender, declaration }: Opened, withPending: boolean): bigint {
    const lane = laneOf(sender, declaration.lane);
    let next = this.nonces.get(lane) ?? 0n;
    if (withPending)
      for (const other of this.#pending.values())
        if (laneOf(other.sender, other.declaration.lane) === lane) next++;
    return next;
  }

  produce(): void {
    this.height++;
    let index = 0;
    const held = new Set<string>();
    for (const [id, opened] of this.#pending) {
      const lane = laneOf(opened.sender, opened.declaration.lane);
      if (opened.declaration.name === this.omits) held.add(lane);
      if (held.has(lane)) continue;
      this.nonces.set(lane, (this.nonces.get(lane) ?? 0n) + 1n);
      const error = this.#apply(opened);
      const place = { height: this.height, index: index++, code: error ? 1 : 0 };
      this.#places.set(id, error ? { ...place, error } : place);
      this.#pending.delete(id);
    }
  }

  transaction(id: string): Json {
    const place = this.#places.get(id);
    if (!place) return { id, status: 'pending' };
    const { height, index, code, error } = place;
    return {
      id,
      status: 'included',
      height: `${height}`,
      index,
      code,
      events: [],
      ...(error ? { error: error as unknown as Json } : {}),
    };
  }

  emit(name: string, data: Json): void {
    const height = `${this.height}`;
    const index = this.events.filter((event) => event.height === height).length;
    const event = { height, index, timeMs: '1000', name, data };
    this.events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  listen(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  query(name: string, fields: Record<string, string>): Json | undefined {
    if (name === 'accounts.params') return paramsQuery.result.toJson(this.params);
    if (name === 'sessions.session') {
      const none = { startHeight: 1n, startMs: 0n, endHeight: 0n, randomnessHeight: 0n };
      const randomness = new Uint8Array(32);
      return sessionQuery.result.toJson({ number: this.session, randomness, ...none });
    }
    if (name === 'validators.list') return this.#validatorList();
    if (name === 'accounts.account') return this.#account(fields.address!);
    if (name === 'market.standing')
      return standingQuery.result.toJson({ ...NEWCOMER, ...this.standing });
    if (name === 'market.may-take') return mayTakeQuery.result.toJson(this.mayTake);
    if (name === 'market.job') return this.#jobView(fields.id!);
    if (name === 'market.jobs-of') return this.#jobsOf(fields.client!, fields.after!);
    return undefined;
  }

  #validatorList(): Json {
    return validatorsQuery.result.toJson({
      session: this.session,
      validators: this.validators.map(({ id }, i) => ({
        nodeKey: id,
        attended: 0n,
        validator: {
          account: new Uint8Array(20),
          name: `v${i}`,
          weight: 10n,
          seat: SEAT.active,
          known: 0,
        },
      })),
    });
  }

  #account(address: string): Json {
    const nonces = [...this.nonces]
      .filter(([lane]) => lane.startsWith(`${address}/`))
      .map(([lane, next]) => ({ lane: lane.split('/')[1]!, next }));
    return accountQuery.result.toJson({ nonces, balances: [], holds: [] });
  }

  #jobView(id: string): Json | undefined {
    const found = this.jobs.get(id);
    return found && jobQuery.result.toJson(viewOf(id, found));
  }

  #jobsOf(client: string, after: string): Json {
    const jobs = [...this.jobs]
      .filter(([id, { job }]) => toHex(job.client) === client && id > after)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, 100)
      .map(([id, { job }]) => ({ id: fromHex(id), job }));
    return jobsOfQuery.result.toJson({ jobs });
  }

  #apply({ declaration: { name }, value, id, sender }: Opened): Refused | undefined {
    const command = value as Value;
    if (name === reportOmission.name) this.omissions.push(command as never);
    if (name === request.name) this.#addJob(id, sender, command as never);
    if (name === start.name) return this.#start(command as never, sender);
    const found = this.jobs.get(toHex((value as { job?: Uint8Array }).job ?? id));
    if (!found) return undefined;
    if (name === cancel.name)
      Object.assign(found.job, { state: JOB_STATE.cancelled, reason: 'cancelled by the client' });
    if (name === renew.name) {
      const { sessions } = value as { sessions: number };
      found.job.sessions += sessions;
      found.job.escrow += escrowFor({ ...found.job, sessions });
    }
    if (name === complete.name) {
      const { partner, lastSession } = value as { partner: Uint8Array; lastSession: bigint };
      if (lastSession !== this.session)
        return { code: 'market/bad-last-session', message: 'another session', retry: 'never' };
      const agreement = found.agreements.get(toHex(partner))!;
      Object.assign(agreement, { final: 1, lastSession });
    }
    return undefined;
  }

  #addJob(id: Uint8Array, client: Uint8Array, value: Job): void {
    const escrow = escrowFor(value);
    const job: Job = {
      ...value,
      client,
      height: this.height,
      session: this.session,
      state: JOB_STATE.confirmed,
      active: 0,
      escrow,
      committed: 0n,
      paid: 0n,
      refunded: 0n,
      endHeight: 0n,
      reason: '',
    };
    this.jobs.set(toHex(id), { job, agreements: new Map() });
    this.emit(jobConfirmed.name, jobConfirmed.schema.toJson({ ...job, job: id }));
  }

  #start(
    value: { job: Uint8Array; sequence: number; rate: bigint; sessions: number },
    partner: Uint8Array,
  ): Refused | undefined {
    const found = this.jobs.get(toHex(value.job))!;
    const old = found.agreements.get(toHex(partner));
    if (!old && found.agreements.size >= found.job.partners)
      return { code: 'market/job-full', message: 'full', retry: 'never' };
    const firstSession = old?.firstSession ?? this.session;
    const lastSession = firstSession + BigInt(value.sessions) - 1n;
    found.agreements.set(toHex(partner), {
      sequence: value.sequence,
      rate: value.rate,
      sessions: value.sessions,
      firstSession,
      lastSession,
      startHeight: this.height,
      state: AGREEMENT_STATE.active,
      answered: 0,
      missed: 0,
      missedInRow: 0,
      final: 0,
      usageSequence: 0,
      units: 0n,
      vouched: 0n,
      equivocated: 0,
      paid: 0n,
      endHeight: 0n,
    });
    found.job.state = JOB_STATE.started;
    found.job.active = found.agreements.size;
    const { job, rate } = value;
    const data = agreementStarted.schema.toJson({ job, partner, rate, firstSession, lastSession });
    this.emit(agreementStarted.name, data);
    return undefined;
  }
}

function laneOf(sender: Uint8Array, lane: string): string {
  return `${toHex(sender)}/${sender.length === 32 ? 'node' : lane}`;
}

function viewOf(id: string, { job, agreements }: FakeJob) {
  const lines = [...agreements].map(([key, agreement]) => ({ partner: fromHex(key), agreement }));
  lines.sort((a, b) => compareBytes(a.partner, b.partner));
  return { id: fromHex(id), job, agreements: lines };
}
