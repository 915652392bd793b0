/**
 * Storing: request, confirmations, block, offers, match, vouchers, uploads, starts. Every step can
 * be taken up again with the state that the step before left.
 */
import { contentIdOfOutline, equalBytes, PalisadeError, toHex } from '@palisade/core';
import { AGREEMENT_STATE, isOpen, type JobView, UTILITY } from '@palisade/market/schema';
import { follow } from '../base/environment.ts';
import { clientError } from '../base/errors.ts';
import type { PartnerRecord } from '../base/partners.ts';
import { type JobContext, needJob, running } from './context.ts';
import { acceptOffer, type Offer, offers } from './offers.ts';
import type { ChosenPartner, PutState } from './put-state.ts';
import { reportContact } from './report.ts';
import { type Confirmed, collectConfirmations, requestJob } from './request.ts';
import { describeSpool, type Spool } from './spool.ts';
import { engage } from './upload.ts';

export type PutProgress =
  | { readonly step: 'confirmed'; readonly job: Uint8Array; readonly by: Confirmed }
  | { readonly step: 'in-block'; readonly job: Uint8Array; readonly height: bigint }
  | { readonly step: 'matched'; readonly partner: Uint8Array; readonly rate: bigint }
  | {
      readonly step: 'uploading';
      readonly partner: Uint8Array;
      readonly sent: number;
      readonly size: number;
    }
  | { readonly step: 'started'; readonly partner: Uint8Array }
  | {
      readonly step: 'partner-failed';
      readonly partner: Uint8Array;
      readonly error: PalisadeError;
    };

export type PutWish = {
  readonly spool: Spool;
  readonly contentId: Uint8Array;
  /** What partners do with it; to keep it, unless told. */
  readonly utility?: number;
  /** Whether a partner will do, by its own record; every one does unless told. */
  readonly suits?: (record: PartnerRecord) => boolean;
  /** Partners that are not wanted. */
  readonly without?: readonly Uint8Array[];
  /** Group roots of the content, 32 bytes for each MiB; found by reading the spool when left out. */
  readonly roots?: Uint8Array;
  readonly replicas: number;
  /** Term, as a quote says. */
  readonly sessions: number;
  /** Most per partner and session, base units, as a quote says. */
  readonly maxRate: bigint;
  /** Least score of the partners, 0 to 1000; any, unless given. */
  readonly minScore?: number;
  /** Where an earlier run ended. */
  readonly state?: PutState;
  /** Writes the state down; the next step waits for it. */
  readonly onState?: (state: PutState) => Promise<void> | void;
  readonly onProgress?: (progress: PutProgress) => void;
  /** How long to wait for offers, ms. */
  readonly patienceMs?: number;
  /** Partners that the validators reach more slowly are passed over, ms. */
  readonly maxRttMs?: number;
  readonly signal?: AbortSignal;
};

export type PutResult = {
  readonly job: Uint8Array;
  readonly contentId: Uint8Array;
  readonly height: bigint;
  readonly partners: readonly ChosenPartner[];
  /** What the chain says of the job now. */
  readonly view: JobView;
};

/** A minute: partners answer within seconds, and a job that nobody starts is cancelled by the chain. */
const DEFAULT_PATIENCE_MS = 60_000;
/** Uploads at a time: each holds a piece of 2 MiB and the copy that its request makes, and an uplink gains nothing from more. */
const MAX_PARALLEL = 4;
/** Offers asked for beyond those needed: spares for partners that fail. C2V-5 allows 32. */
const SPARE_OFFERS = 5;
const MAX_OFFERS = 32;
/** Times that a partner is tried again: with growing pauses, a few seconds in all. */
const MAX_CHANCES = 3;

/**
 * Stores a spooled content with `replicas` partners and resolves when all of them have started.
 * @throws PalisadeError `client/too-few-partners` when offers run out: the state can be resumed;
 * `client/source-changed` when a resumed spool is not the content of its state; the chain's refusal
 */
export async function put(context: JobContext, wish: PutWish): Promise<PutResult> {
  const run = new PutRun(context, wish);
  try {
    await run.check();
    await run.confirm();
    await run.intoBlock();
    return await run.fill();
  } finally {
    run.end();
  }
}

class PutRun {
  readonly #context: JobContext;
  readonly #wish: PutWish;
  /** Of what goes on at once; ends with the wish's signal, and with the first that fails for good. */
  readonly #life: ReturnType<typeof follow>;
  #state: PutState;
  #roots: Uint8Array | undefined;
  /** Partners that will not be asked (again). */
  readonly #seen = new Set<string>();
  /** Failures by partner. */
  readonly #failures = new Map<string, number>();

  constructor(context: JobContext, wish: PutWish) {
    const { contentId, replicas, sessions, maxRate, spool } = wish;
    this.#context = context;
    this.#wish = wish;
    this.#life = follow(wish.signal);
    this.#state = wish.state ?? {
      client: context.account.signer.id,
      contentId,
      size: spool.size,
      replicas,
      sessions,
      maxRate,
      request: undefined,
      height: undefined,
      chosen: [],
    };
  }

  end(): void {
    this.#life.release();
  }

  /** A resumed put must be by the same account and of the very same bytes. */
  async check(): Promise<void> {
    const { state, spool, roots } = this.#wish;
    const { contentId: wanted } = this.#state;
    // What was sealed a moment ago is known; what lay on a disk meanwhile is read again.
    const described =
      roots && !state
        ? { roots, contentId: contentIdOfOutline(spool.size, roots) }
        : await describeSpool(spool);
    const { contentId: found } = described;
    if (!found || !equalBytes(found, wanted)) throw changed(wanted, found);
    this.#roots = described.roots;
    if (!state) return;
    if (!equalBytes(state.client, this.#context.account.signer.id))
      throw clientError('client/not-yours', 'This put was begun by another account.', {
        next: `Use the key of ${toHex(state.client)}.`,
      });
  }

  async confirm(): Promise<void> {
    const { request, height } = this.#state;
    if (height !== undefined) return;
    if (request && (await this.#resend(request))) return;
    const note = (made: NonNullable<PutState['request']>) => this.#save({ request: made });
    const { utility = UTILITY.storage } = this.#wish;
    const { contentId: subject, replicas: partners, sessions, maxRate } = this.#state;
    const size = BigInt(this.#state.size);
    const wish = { utility, subject, size, partners, sessions, maxRate };
    await requestJob(this.#context, wish, note, (by) =>
      this.#tell({ step: 'confirmed', job: this.#state.request!.job, by }),
    );
  }

  /** Brings an earlier request to the validators again; false when it can never be confirmed. */
  async #resend({ job, envelope }: NonNullable<PutState['request']>): Promise<boolean> {
    if (await this.#context.chain.job(job)) return true;
    try {
      const by = await collectConfirmations(this.#context, job, envelope);
      this.#tell({ step: 'confirmed', job, by });
      return true;
    } catch (error) {
      // Its place was taken by another request meanwhile: it can never be in a block.
      if (!(error instanceof PalisadeError) || error.code !== 'accounts/nonce-used') throw error;
      return (await this.#context.chain.job(job)) !== undefined;
    }
  }

  async intoBlock(): Promise<void> {
    const { job, envelope } = this.#state.request!;
    const { chain } = this.#context;
    const known = await chain.job(job);
    const resend = () => collectConfirmations(this.#context, job, envelope);
    const height = known
      ? known.job.height
      : (await chain.waitFor(job, { resend, signal: this.#wish.signal })).height;
    await this.#save({ height });
    this.#tell({ step: 'in-block', job, height });
  }

  /** Partners at hand first, then offers, until all copies have started. */
  async fill(): Promise<PutResult> {
    const { job } = this.#state.request!;
    const view = await needJob(this.#context, job);
    refuseWhenOver(view);
    for (const { partner } of view.agreements) this.#seen.add(toHex(partner));
    for (const partner of this.#wish.without ?? []) this.#seen.add(toHex(partner));
    const waiting = this.#state.chosen.filter(({ partner }) => !this.#seen.has(toHex(partner)));
    for (const { partner } of waiting) this.#seen.add(toHex(partner));
    const missing = this.#state.replicas - running(view).length;
    if (missing > 0) await this.#fillSlots(missing, waiting);
    return this.#result(await needJob(this.#context, job));
  }

  async #fillSlots(missing: number, waiting: readonly ChosenPartner[]): Promise<void> {
    const { maxRate } = this.#state;
    const source = offers(this.#context, {
      job: this.#state.request!.job,
      size: BigInt(this.#state.size),
      maxRate,
      minScore: this.#wish.minScore ?? 0,
      maxRttMs: this.#wish.maxRttMs,
      suits: this.#wish.suits,
      limit: Math.min(MAX_OFFERS, missing + SPARE_OFFERS),
      patienceMs: this.#wish.patienceMs ?? DEFAULT_PATIENCE_MS,
      seen: this.#seen,
      signal: this.#life.signal,
    });
    const queue = [...waiting];
    const next = async (): Promise<ChosenPartner | Offer | undefined> => {
      const first = queue.shift();
      if (first) return first;
      const offered = await source.next();
      return offered.done ? undefined : offered.value;
    };
    let open = missing;
    let unfilled = 0;
    const work = async () => {
      while (open > 0) {
        open--;
        if (!(await this.#fillOne(next, queue))) unfilled++;
      }
    };
    const works = Array.from({ length: Math.min(missing, MAX_PARALLEL) }, work);
    try {
      await Promise.all(works);
    } finally {
      // Nothing goes on beside the end of a put: when one fails for good, the others are stopped.
      this.#life.abort();
      await Promise.allSettled(works);
      await source.return(undefined);
    }
    if (unfilled > 0) await this.#explainShortage();
  }

  /** Tries partner after partner until one has started; false when there are no more. */
  async #fillOne(
    next: () => Promise<ChosenPartner | Offer | undefined>,
    again: ChosenPartner[],
  ): Promise<boolean> {
    for (;;) {
      const candidate = await next();
      if (!candidate) return false;
      try {
        await this.#engage(candidate);
        return true;
      } catch (error) {
        if (!(error instanceof PalisadeError) || error.code === 'client/aborted') throw error;
        const { partner } = candidate;
        this.#tell({ step: 'partner-failed', partner, error });
        if (saysJobIsOver(error))
          refuseWhenOver(await needJob(this.#context, this.#state.request!.job));
        await this.#giveAnotherChance(partner, error, again);
      }
    }
  }

  async #engage(candidate: ChosenPartner | Offer): Promise<void> {
    const { job } = this.#state.request!;
    const matched = 'via' in candidate && (await acceptOffer(this.#context, job, candidate));
    const { partner, rate, url } = matched || candidate;
    const chosen = { partner, rate, url };
    const onContact = (ok: boolean) => {
      if (matched) void reportContact(this.#context, job, matched, ok);
    };
    this.#tell({ step: 'matched', partner, rate });
    const others = this.#state.chosen.filter((other) => !equalBytes(other.partner, partner));
    await this.#save({ chosen: [...others, chosen] });
    const { spool } = this.#wish;
    const { signal } = this.#life;
    const roots = this.#roots!;
    const onSent = (sent: number) =>
      this.#tell({ step: 'uploading', partner, sent, size: spool.size });
    const { sessions } = this.#state;
    const upload = { job, sessions, spool, roots, onSent, onContact, signal };
    await engage(this.#context, chosen, upload);
    this.#tell({ step: 'started', partner });
  }

  /**
   * After a failure that may pass (the whole network may have been away for a moment) the partner is
   * tried again a few times: with the voucher that it has, or by its next offer.
   */
  async #giveAnotherChance(
    partner: Uint8Array,
    error: PalisadeError,
    again: ChosenPartner[],
  ): Promise<void> {
    const id = toHex(partner);
    const failures = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, failures);
    if (error.retry === 'never' || failures > MAX_CHANCES) return this.#forget(partner);
    const { env, policy } = this.#context.chain.context;
    await env.sleep(policy.pauseMs * 2 ** failures, this.#life.signal);
    const chosen = this.#state.chosen.find((one) => equalBytes(one.partner, partner));
    if (chosen) again.push(chosen);
    else this.#seen.delete(id);
  }

  async #forget(partner: Uint8Array): Promise<void> {
    const chosen = this.#state.chosen.filter((other) => !equalBytes(other.partner, partner));
    await this.#save({ chosen });
  }

  /** A partner that seemed lost may have started after all: the chain has the last word. */
  async #explainShortage(): Promise<void> {
    const view = await needJob(this.#context, this.#state.request!.job);
    const { replicas } = this.#state;
    const found = running(view).length;
    if (found >= replicas) return;
    refuseWhenOver(view);
    throw clientError(
      'client/too-few-partners',
      `${found} of ${replicas} copies are stored; no more offers came.`,
      {
        retry: 'later',
        next: 'Run the same put again: it goes on with this job.',
        data: { job: toHex(view.id), found, wanted: replicas },
      },
    );
  }

  #result(view: JobView): PutResult {
    const urls = new Map(this.#state.chosen.map(({ partner, url }) => [toHex(partner), url]));
    const partners = view.agreements
      .filter(({ agreement }) => agreement.state === AGREEMENT_STATE.active)
      .map(({ partner, agreement }) => ({
        partner,
        rate: agreement.rate,
        url: urls.get(toHex(partner)) ?? '',
      }));
    const { contentId, height } = this.#state;
    return { job: view.id, contentId, height: height!, partners, view };
  }

  #tell(progress: PutProgress): void {
    this.#wish.onProgress?.(progress);
  }

  async #save(change: Partial<PutState>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    await this.#wish.onState?.(this.#state);
  }
}

function changed(wanted: Uint8Array, found: Uint8Array | undefined): PalisadeError {
  const what = found ? toHex(found) : 'something of another size';
  return clientError(
    'client/source-changed',
    `The spool holds ${what}, the put is of ${toHex(wanted)}.`,
    { next: 'Start a new put.' },
  );
}

/** What a partner says of the job; only the chain knows whether it is so. */
function saysJobIsOver({ cause }: PalisadeError): boolean {
  return cause instanceof PalisadeError && cause.code === 'market/job-over';
}

function refuseWhenOver({ id, job }: JobView): void {
  if (isOpen(job)) return;
  throw clientError('client/job-over', `Job ${toHex(id)} is over: ${job.reason}.`, {
    next: 'Start a new put.',
  });
}
