/**
 * One validator: its key, its promises, its words in votes. It confirms jobs, acknowledges
 * transactions, notifies partners, and brings client and partner together.
 */
import {
  activeValidators,
  committed,
  currentSession,
  dueDisclosures,
  MAX_MISSED,
  NO_EXTENSION,
  SEAT,
  secretNumber,
  sessions,
  validators,
  voteExtension,
} from '@palisade/chain';
import {
  type Declaration,
  encode,
  equalBytes,
  isRefusal,
  nodeSigner,
  type Opened,
  type Refusal,
  refuse,
  signEnvelope,
  toBinaryString,
  toHex,
} from '@palisade/core';
import { sha256 } from '@palisade/core/crypto';
import type { ExtendVoteRequest, ExtendVoteResponse } from '@palisade/formats';
import {
  accept,
  acknowledgement,
  confirmation,
  jobs,
  match,
  notice,
  offer,
  ready,
  request,
} from '@palisade/market';
import { wantsPartners } from './partner-board.ts';
import { type MatchWords, openFromPartner, openMessage, type Pool } from './pool.ts';

/** Streams of notices at one validator: its share of 10 000 partners. */
const MAX_SUBSCRIBERS = 4000;
/** A subscription's signature must be this fresh, ms: else a recorded one would work for ever. */
export const SUBSCRIBE_FRESH_MS = 60_000;
/** Jobs that a partner is told of when it subscribes: those still open, newest first. */
const MAX_OPEN_NOTICES = 256;

type Subscriber = {
  readonly partner: Uint8Array;
  readonly send: (kind: 'notice' | 'match', message: Uint8Array) => void;
};

export class ValidatorService {
  readonly nodeKey: Uint8Array;
  readonly name: string;
  private readonly secret: Uint8Array;
  private readonly pool: Pool;
  private readonly signer;
  private readonly subscribers = new Set<Subscriber>();
  /** Jobs confirmed by this validator, by id, with the block that it named. */
  private readonly promised = new Map<string, bigint>();

  constructor(pool: Pool, name: string, secret: Uint8Array) {
    this.pool = pool;
    this.name = name;
    this.secret = secret;
    this.signer = nodeSigner(secret);
    this.nodeKey = this.signer.id;
  }

  get seat(): number {
    return validators.get(this.pool.application.committed, this.nodeKey)?.seat ?? SEAT.passive;
  }

  private sign<T>(declaration: Declaration<T>, value: T): Promise<Uint8Array> {
    return signEnvelope(declaration, value, this.pool.application.domain, this.signer);
  }

  /** POOL_ACK, RECEIPT_ACK: takes a transaction, durably, and says so. */
  async submit(
    tx: Uint8Array,
  ): Promise<{ readonly id: Uint8Array; readonly acknowledgement: Uint8Array } | Refusal> {
    const [opened] = await this.pool.application.opener.open([tx]);
    if (!opened || isRefusal(opened))
      return opened ?? refuse('envelope/malformed', 'Nothing was sent.');
    if (opened.declaration.name === request.name)
      return refuse('market/request-as-transaction', 'A job request goes to /v1/jobs, not here.');
    const place = this.pool.index.placeOf(opened.id);
    if (!place) {
      const submission = await this.pool.engine.submit(tx);
      if (!submission.accepted) return submission.refusal;
    }
    const height = this.height();
    return {
      id: opened.id,
      acknowledgement: await this.sign(acknowledgement, { transaction: opened.id, height }),
    };
  }

  /** JOB_CONFIRM (C2V-2): places a request in an open job file and promises its block. */
  async confirm(
    envelope: Uint8Array,
  ): Promise<{ readonly job: Uint8Array; readonly confirmation: Uint8Array } | Refusal> {
    if (this.seat !== SEAT.active) return this.notActive();
    const [opened] = await this.pool.application.opener.open([envelope]);
    if (!opened || isRefusal(opened))
      return opened ?? refuse('envelope/malformed', 'Nothing was sent.');
    if (opened.declaration.name !== request.name)
      return refuse(
        'market/other-message',
        `${request.name} is wanted here, not ${opened.declaration.name}.`,
      );
    const placed = await this.place(opened, envelope);
    if (isRefusal(placed)) return placed;
    this.promised.set(toBinaryString(opened.id), placed.height);
    return { job: opened.id, confirmation: await this.confirmationOf(opened.id, placed) };
  }

  private async place(opened: Opened, envelope: Uint8Array) {
    const { application, jobFiles } = this.pool;
    const onChain = jobs.get(application.committed, opened.id);
    if (onChain) return { height: onChain.height, jobsInFile: 0 };
    if (!jobFiles.find(opened.id)) {
      const check = await application.checkTx({ tx: envelope, type: 'new' });
      if (check.code !== 0) return refuse(check.codespace, check.log, { retry: 'later' });
    }
    return jobFiles.place(opened, envelope);
  }

  private async confirmationOf(
    job: Uint8Array,
    { height, jobsInFile }: { readonly height: bigint; readonly jobsInFile: number },
  ): Promise<Uint8Array> {
    const state = this.pool.application.committed;
    const set = await this.pool.engine.validators(this.height());
    return this.sign(confirmation, {
      job,
      height,
      jobsInFile,
      session: currentSession.get(state) ?? 0n,
      validatorSetHash: set?.hash ?? new Uint8Array(32),
      validators: this.workingList(),
    });
  }

  /** Active validators with their endpoints. */
  private workingList(): { nodeKey: Uint8Array; url: string }[] {
    const active = activeValidators(this.pool.application.committed);
    return this.pool
      .directory()
      .filter(({ nodeKey }) => active.some((validator) => equalBytes(validator.nodeKey, nodeKey)))
      .map(({ nodeKey, url }) => ({ nodeKey, url }));
  }

  private notActive(): Refusal {
    return refuse('market/not-active', `${this.name} is a passive validator in this session.`, {
      retry: 'now',
      next: 'Ask one of the active validators.',
      data: { validators: this.workingList().map(({ url }) => url) },
    });
  }

  /** READY (P2V-1): puts a partner on the board. */
  async announce(bytes: Uint8Array): Promise<{ readonly acknowledgement: Uint8Array } | Refusal> {
    const opened = openFromPartner(bytes, ready, this.pool.application);
    if (isRefusal(opened)) return opened;
    const refusal = this.pool.board.announce(opened, bytes, this.pool.nowMs());
    if (refusal) return refusal;
    const height = this.height();
    return {
      acknowledgement: await this.sign(acknowledgement, { transaction: opened.id, height }),
    };
  }

  /** OFFER (P2V-3): a partner wants a job. */
  offer(bytes: Uint8Array): Refusal | undefined {
    const opened = openFromPartner(bytes, offer, this.pool.application);
    if (isRefusal(opened)) return opened;
    const { job, rate, ready: record, validUntilMs } = opened.value;
    const own = openMessage(record, ready, this.pool.application.domain);
    if (isRefusal(own)) return own;
    if (!equalBytes(own.sender, opened.sender))
      return refuse('market/foreign-ready', 'The offer carries the READY of another partner.');
    if (validUntilMs <= BigInt(this.pool.nowMs()))
      return refuse('market/offer-expired', 'This offer is not valid any more: check your clock.');
    if (!wantsPartners(this.pool.application.committed, job))
      return refuse('market/job-not-open', `Job ${toHex(job)} wants no more partners.`);
    const { maxRate } = jobs.need(this.pool.application.committed, job);
    if (rate > maxRate)
      return refuse(
        'market/rate-too-high',
        `The job pays at most ${maxRate} per session, not ${rate}.`,
      );
    return this.pool.board.offer(job, opened.sender, bytes);
  }

  /** MATCH (P2V-4): the client takes up an offer; both sides get the same word. */
  async match(bytes: Uint8Array): Promise<{ readonly match: Uint8Array } | Refusal> {
    const { application, board } = this.pool;
    const opened = openMessage(bytes, accept, application.domain);
    if (isRefusal(opened)) return opened;
    const { job, partner, rate } = opened.value;
    const record = jobs.get(application.committed, job);
    if (!record || !equalBytes(record.client, opened.sender))
      return refuse('market/not-the-client', `Job ${toHex(job)} is not one of yours.`);
    const offered = board.offerOf(job, partner);
    const offerOpened = offered && openMessage(offered, offer, application.domain);
    if (!offerOpened || isRefusal(offerOpened) || offerOpened.value.rate !== rate)
      return refuse('market/no-such-offer', 'This partner has made no such offer for the job.', {
        retry: 'later',
        next: 'Read the offers again.',
      });
    const words = {
      job,
      client: opened.sender,
      partner,
      rate,
      ready: board.find(partner, this.pool.nowMs())?.envelope ?? offerOpened.value.ready,
    };
    await this.pool.tellMatch(words);
    return { match: await this.sign(match, words) };
  }

  /** Opens a partner's stream; open jobs are told at once. Answers how to end it. */
  async subscribe(partner: Uint8Array, send: Subscriber['send']): Promise<(() => void) | Refusal> {
    if (this.subscribers.size >= MAX_SUBSCRIBERS)
      return refuse(
        'market/too-many-subscribers',
        `${this.name} serves ${MAX_SUBSCRIBERS} partners already.`,
        {
          retry: 'later',
          next: 'Subscribe at another validator.',
        },
      );
    const subscriber = { partner, send };
    this.subscribers.add(subscriber);
    for (const { job, envelope } of this.pool.openJobs().slice(-MAX_OPEN_NOTICES))
      send('notice', await this.noticeOf(job, envelope));
    return () => this.subscribers.delete(subscriber);
  }

  /** NOTIFY (P2V-2): tells every subscribed partner of a job. */
  async notify(job: Uint8Array, envelope: Uint8Array): Promise<void> {
    if (this.subscribers.size === 0) return;
    const message = await this.noticeOf(job, envelope);
    for (const { send } of this.subscribers) send('notice', message);
  }

  private noticeOf(job: Uint8Array, envelope: Uint8Array): Promise<Uint8Array> {
    const height = jobs.get(this.pool.application.committed, job)?.height ?? 0n;
    return this.sign(notice, { job, height, request: envelope });
  }

  /** Tells a partner that listens here of its match, in this validator's own words. */
  async tellMatch(words: MatchWords): Promise<void> {
    const listening = [...this.subscribers].filter(({ partner }) =>
      equalBytes(partner, words.partner),
    );
    if (listening.length === 0) return;
    const message = await this.sign(match, words);
    for (const { send } of listening) send('match', message);
  }

  /** What this validator says with its vote: disclosures, and jobs that it promised and misses. */
  async extendVote({ txs }: ExtendVoteRequest): Promise<ExtendVoteResponse> {
    const { application } = this.pool;
    const state = application.committed;
    const session = sessions.need(state, currentSession.need(state));
    const due = dueDisclosures(state, session, this.nodeKey);
    const genesisHash = application.domain.genesisHash;
    const number = (of: bigint) => secretNumber(this.secret, genesisHash, of);
    const extension = encode(voteExtension, {
      ...NO_EXTENSION,
      commitment: due.commitTo === undefined ? [] : [sha256(number(due.commitTo))],
      reveal: due.reveal === undefined ? [] : [number(due.reveal)],
      missed: await this.missedIn(txs),
    });
    return { voteExtension: extension };
  }

  private async missedIn(txs: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const { application, jobFiles } = this.pool;
    const opened = await application.opener.open(txs.slice(1));
    const included = new Set(
      opened.flatMap((tx) => (isRefusal(tx) ? [] : [toBinaryString(tx.id)])),
    );
    const missing = jobFiles.missing(this.height() + 1n, included);
    return missing
      .filter((id) => this.promised.has(toBinaryString(id)))
      .sort((a, b) => (toBinaryString(a) < toBinaryString(b) ? -1 : 1))
      .slice(0, MAX_MISSED);
  }

  /** Forgets promises that are kept. */
  forgetPromises(ids: readonly Uint8Array[]): void {
    for (const id of ids) this.promised.delete(toBinaryString(id));
  }

  private height(): bigint {
    return committed.get(this.pool.application.committed)?.height ?? 0n;
  }
}
