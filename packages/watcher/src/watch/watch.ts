/**
 * The watcher itself: follows the root chain, keeps the books, judges every open exit after each block, challenges what
 * is wrong, and says how dangerous it is. Everything it knows follows from facts and blocks on the disk, so it
 * may be killed at any point.
 */
import { type Clock, type KeyValueStore, toHex } from '@palisade/core';
import { type Logger, pause } from '@palisade/daemon';
import { type Dialect, type Judging, placeOf } from '@palisade/payments';
import type { Checkpoint, Sender, Step } from '@palisade/rootchain';
import { EntryBook } from '../accounting/entries.ts';
import { type Funding, fundingOf, type OpenExit, smallBonds } from '../accounting/funding.ts';
import { BlockStore } from '../blocks/block-store.ts';
import type { ChildChain } from '../blocks/child-chain.ts';
import { Transactions } from '../blocks/transactions.ts';
import { Challenger } from '../challenger/challenger.ts';
import { type AlarmName, type Danger, dangerOf } from '../danger/levels.ts';
import { type Mode, spendRefusal } from '../danger/spend-gate.ts';
import { ExitTable } from '../exits/exit-table.ts';
import type { ExitEvent } from '../exits/findings.ts';
import { casesOf, judgeExits, type Verdict } from '../exits/judge.ts';
import { LedgerView } from '../exits/ledger-view.ts';
import type { Margins } from '../lateness.ts';
import { Books } from '../ledger/books.ts';
import { readCheckpoint, removeCheckpoint, writeCheckpoint } from '../ledger/checkpoint.ts';
import { LedgerFollower } from '../ledger/follow-ledger.ts';
import { PayoutStore } from '../ledger/payout-store.ts';
import { FactStore } from '../root/fact-store.ts';
import type { FactOf, RootFact } from '../root/facts.ts';
import type { Head, RootChain, RootSources } from '../root/root-chain.ts';
import { Recency } from './recency.ts';

export type WatchParts = {
  readonly store: KeyValueStore;
  /** File of the ledger's checkpoint. */
  readonly checkpointPath: string;
  readonly root: RootChain;
  readonly childChain: ChildChain;
  readonly dialect: Dialect;
  readonly judging: Judging;
  readonly margins: Margins;
  readonly minExitPeriodSeconds: number;
  /** Root-chain blocks after which a log counts. */
  readonly finalityMargin: number;
  readonly patienceMs: number;
  /** Whether a second node of the root chain has to tell the same logs. */
  readonly isWitnessed: boolean;
  readonly mode: Mode;
  readonly dryRun: boolean;
  /** The challenger's account; none in `watch-only` mode. */
  readonly sender: Sender | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Logger;
};

/** What was found last. */
export type Findings = {
  readonly head: Head | undefined;
  readonly synced: boolean;
  readonly events: readonly ExitEvent[];
  readonly danger: Danger;
  readonly funding: Funding | undefined;
  readonly challenges: Verdict['challenges'];
};

/** Exits are judged at the latest so long after a look began, however slowly blocks come, ms. */
const ADVANCE_MS = 1000;
/** Calls that could not be read are asked for again so often: each is a trace of a transaction. */
const READ_AGAIN_MS = 60_000;
/** Child blocks between two checkpoints of the ledger: judging so many again takes a minute at most. */
const CHECKPOINT_EVERY = 100;

export class Watch {
  readonly parts: WatchParts;
  readonly blocks: BlockStore;
  readonly transactions: Transactions;
  readonly entries: EntryBook;
  readonly view: LedgerView;
  readonly challenger: Challenger | undefined;
  readonly facts: FactStore;
  table: ExitTable;
  books = new Books();
  follower!: LedgerFollower;
  findings: Findings = {
    ...{ head: undefined, synced: false, events: [], danger: dangerOf([]) },
    ...{ funding: undefined, challenges: [] },
  };
  /** Called whenever events changed. */
  onFindings: (findings: Findings) => void = () => {};
  /** Deposits, the oldest first. */
  readonly deposits: FactOf<'DepositCreated'>[] = [];
  /** Child blocks as the root chain has them: root, and when it got it, seconds since 1970. */
  readonly mined = new Map<number, { readonly root: Uint8Array; readonly seconds: number }>();
  private newestMined = 0;
  /** Events of exits whose calls nobody could show so far, and when that was tried again last, ms. */
  private unreadable: FactOf<'Unreadable'>[] = [];
  readAgainMs = 0;
  private readonly payouts: PayoutStore;
  /** Everything up to this root-chain block was read. */
  readHeight = 0;
  private recency = new Recency();
  private sinceCheckpoint = 0;
  private looking: Promise<void> | undefined;

  constructor(parts: WatchParts) {
    this.parts = parts;
    const { store, dialect, log } = parts;
    this.blocks = new BlockStore(store);
    this.transactions = new Transactions(this.blocks, dialect);
    this.entries = new EntryBook(store);
    this.payouts = new PayoutStore(store);
    this.facts = new FactStore(store);
    this.table = new ExitTable(dialect);
    this.view = new LedgerView(() => this.books, this.blocks, this.transactions, dialect);
    this.challenger = this.openChallenger(log);
  }

  private openChallenger(log: Logger): Challenger | undefined {
    const { sender } = this.parts;
    if (!sender) return undefined;
    return new Challenger({
      ...this.parts,
      sender,
      transactions: this.transactions,
      entries: this.entries,
      onSent: () => void this.look(),
      log: log.child({ module: 'challenger' }),
    });
  }

  /** Takes up what is on the disk. */
  async open(): Promise<void> {
    const books = await readCheckpoint(this.parts.checkpointPath);
    this.rebuild(books);
    this.parts.log.info('opened', {
      facts: this.follower.waiting,
      outputs: this.books.ledger.size,
      block: this.books.blknum,
    });
  }

  private rebuild(books: Books | undefined): void {
    const { childChain, store, judging, clock, patienceMs, dialect, log } = this.parts;
    const last = this.facts.checkpoints().at(-1);
    this.readHeight = Number(last?.height ?? 0n);
    this.recency = new Recency();
    // A checkpoint of the ledger from beyond the facts is of a root chain that was taken back.
    this.books = books && books.applied.height <= this.readHeight ? books : new Books();
    this.table = new ExitTable(dialect);
    const { docket } = this.table;
    this.books.onSpent = (position) => docket.touch(position);
    this.deposits.length = 0;
    this.mined.clear();
    this.transactions.clear();
    this.view.clear();
    this.follower = new LedgerFollower({
      ...{ books: this.books, blocks: this.blocks, store, childChain, judging, clock, patienceMs },
      payoutOf: (fact) => this.table.payoutOf(fact, (hash) => this.blocks.placeOfTx(hash)),
      onInvalidPayout: (payout) => {
        log.error('an invalid exit was paid', { exit: payout.exitId });
        void this.payouts.add(payout);
      },
      onBlock: () => {
        this.sinceCheckpoint++;
      },
      log,
    });
    this.unreadable = [];
    this.take([...this.facts.all()]);
  }

  private take(facts: readonly RootFact[]): void {
    for (const fact of facts) {
      this.table.apply(fact);
      if (fact.event.name === 'DepositCreated') {
        this.deposits.push(fact as FactOf<'DepositCreated'>);
        this.transactions.noteDeposit(fact as FactOf<'DepositCreated'>);
      }
      if (fact.event.name === 'BlockSubmitted') {
        const { blknum, root, seconds } = fact.event;
        this.mined.set(blknum, { root, seconds });
        this.newestMined = blknum;
      }
      if (fact.event.name === 'Unreadable') this.unreadable.push(fact as FactOf<'Unreadable'>);
    }
    this.follower.push(facts);
  }

  /** The newest child block that the root chain has. */
  lastMined(): { readonly blknum: number; readonly seconds: number } | undefined {
    const mined = this.mined.get(this.newestMined);
    return mined && { blknum: this.newestMined, seconds: mined.seconds };
  }

  /** Takes the next step of the root chain's follower. */
  async step(step: Step<RootSources>): Promise<void> {
    if (step.kind === 'rewind') {
      await this.rewind(step.checkpoint);
    } else {
      const facts = await this.parts.root.facts(step);
      await this.facts.add(facts, step.checkpoint);
      this.readHeight = Number(step.checkpoint.height);
      this.take(facts);
      // Between two steps, as a rewind: nobody else adds facts meanwhile.
      await this.readAgain();
    }
    await this.look();
  }

  /** Forgets what followed from blocks that the root chain took back; the facts last, so that who dies here begins it again. */
  private async rewind(checkpoint: Checkpoint): Promise<void> {
    const { store, judging, log } = this.parts;
    log.warn('the root chain took back blocks', { to: checkpoint.height });
    const height = Number(checkpoint.height);
    // Of books that are void none are written until they are made anew.
    this.sinceCheckpoint = 0;
    await this.follower.stop();
    for (const [blknum, submittedAt] of this.table.blockHeights)
      if (submittedAt > height) await store.commit([...this.blocks.unindexOf(blknum, judging)]);
    await removeCheckpoint(this.parts.checkpointPath);
    await this.payouts.rewind(height);
    await this.entries.rewind(height);
    await this.facts.rewind(checkpoint);
    this.rebuild(this.books);
  }

  /** Judges, challenges and tells, by all that is known now. A call while one runs waits for it. */
  look(): Promise<void> {
    this.looking ??= this.lookOnce()
      .catch((err) => {
        if (!this.parts.signal.aborted) this.parts.log.error('could not judge', { err });
      })
      .finally(() => {
        this.looking = undefined;
      });
    return this.looking;
  }

  private async lookOnce(): Promise<void> {
    const { root, sender, clock, dialect, margins } = this.parts;
    const { minExitPeriodSeconds, finalityMargin } = this.parts;
    await Promise.race([this.follower.advance(), pause(ADVANCE_MS, this.parts.signal)]);
    const { standstill } = this.follower;
    const refused = standstill?.kind === 'invalid_block' ? standstill : undefined;
    if (this.view.setRefused(refused)) this.table.docket.addAll();
    const askedMs = clock.nowMs();
    const head = await root.head();
    const balance = (await sender?.balance()) ?? 0n;
    const { recency, judgedHeight } = this;
    const followed = this.facts.checkpoints().at(-1);
    const isOnChain = followed === undefined || (await root.has(followed));
    await this.noteSilentEnds(head);
    const { view, table } = this;
    const present = { dialect, table, view, now: head, margins, minExitPeriodSeconds };
    // The ledger may move on meanwhile: what becomes a case then is looked at the next time.
    const cases = casesOf(present);
    const tip = await root.tip(cases);
    const verdict = judgeExits({ ...present, tip }, cases);
    // Not before: what could not be judged is not known.
    recency.saw(head.height - finalityMargin, askedMs);
    recency.judged(judgedHeight);
    // Of a chain that is gone nothing is; the follower goes back as soon as it is sure of it.
    if (!isOnChain) recency.forget();
    this.tell(head, verdict, balance);
    const { synced } = this.findings;
    await this.challenger?.settle(head.height);
    this.challenger?.look({ head, synced, balance, challenges: verdict.challenges });
    await this.keepCheckpoint();
  }

  /**
   * In-flight exits that end without an event are gone from the contract's records: looked at as deep as facts are read,
   * so that a root chain that is taken back takes this back with the facts.
   */
  private async noteSilentEnds(head: Head): Promise<void> {
    const { root, dialect } = this.parts;
    if (dialect.events.tellsInFlightEnd) return;
    const { table } = this;
    const due = [...table.open()].filter(
      (exit) => exit.kind === 'in-flight' && (exit.finalizesAt ?? head.seconds) < head.seconds,
    );
    for (const { exitId } of await root.endedAt(due, this.readHeight)) table.endSilently(exitId);
  }

  /** Asks again for calls that could not be read: another node may trace. All follows anew from what is learnt. */
  private async readAgain(): Promise<void> {
    const { root, clock, log } = this.parts;
    const now = clock.nowMs();
    if (this.unreadable.length === 0 || now - this.readAgainMs < READ_AGAIN_MS) return;
    this.readAgainMs = now;
    const facts = await Promise.all(this.unreadable.map((fact) => root.readAgain(fact)));
    const read = facts.filter(({ event }) => event.name !== 'Unreadable');
    if (read.length === 0) return;
    log.info('exits that could not be read are read', { exits: read.length });
    await this.facts.replace(read);
    await this.follower.stop();
    // What was paid out meanwhile was not known as such.
    this.rebuild(undefined);
  }

  /** Up to here everything was read, and every block judged or found wanting (X14). */
  private get judgedHeight(): number {
    return Math.min(this.readHeight, this.follower.judgedHeight);
  }

  private tell(head: Head, verdict: Verdict, balance: bigint): void {
    const funding = this.fundingAt(head, balance);
    const events = [...this.chainEvents(), ...verdict.events];
    if (funding?.state === 'underfunded')
      events.push({
        event: 'challenger_underfunded',
        details: { address: this.challenger?.address, ...funding },
      });
    const danger = dangerOf(events.map(({ event }) => event));
    if (danger.level !== this.findings.danger.level)
      this.parts.log.warn('danger', { danger: danger.level, reasons: danger.reasons });
    const { challenges } = verdict;
    this.findings = { head, synced: this.isFresh(), events, danger, funding, challenges };
    this.onFindings(this.findings);
  }

  private fundingAt({ baseFee }: Head, balance: bigint): Funding | undefined {
    if (!this.challenger) return undefined;
    const open: OpenExit[] = [];
    for (const exit of this.table.open())
      if (exit.kind === 'standard') open.push({ kind: 'standard' });
      else {
        const { piggybackedInputs, piggybackedOutputs } = exit;
        open.push({
          kind: 'in-flight',
          piggybacks: piggybackedInputs.size + piggybackedOutputs.size,
        });
      }
    return fundingOf(balance, open, baseFee);
  }

  /** Bonds that repay too little at the present price (X13). */
  smallBonds(): readonly string[] {
    const { bonds } = this.parts.dialect;
    const price = this.findings.head?.baseFee ?? 0n;
    return smallBonds({ standard: bonds.standard.size, piggyback: bonds.piggyback.size }, price);
  }

  /** Events about blocks and payouts, beside those about exits. */
  private chainEvents(): ExitEvent[] {
    const { standstill } = this.follower;
    const events = this.payouts.all().map((payout): ExitEvent => this.payoutEvent(payout));
    for (const { event, height, txHash } of this.unreadable) {
      const details = { eth_height: height, root_chain_txhash: toHex(txHash), of: event.of };
      events.push({ event: 'unreadable_exit', details });
    }
    if (standstill?.kind === 'invalid_block') {
      const { blknum, hash, error } = standstill.block;
      const details = { blockhash: toHex(hash), blknum, error_type: error };
      events.push({ event: 'invalid_block', details });
    }
    if (standstill?.kind === 'missing_block' && standstill.withheld) {
      const { blknum, hash } = standstill;
      events.push({ event: 'block_withholding', details: { hash: toHex(hash), blknum } });
    }
    return events;
  }

  private payoutEvent(payout: ReturnType<PayoutStore['all']>[number]): ExitEvent {
    const exit = this.table.standard.get(payout.exitId);
    const inFlight = this.table.inFlight.get(payout.exitId);
    return {
      event: 'invalid_finalization',
      details: {
        exit_id: payout.exitId,
        utxo_pos: payout.positions[0],
        blknum: placeOf(payout.positions[0] ?? 0n).blknum,
        in_flight_txhash: inFlight ? toHex(inFlight.txHash) : null,
        owner: exit ? toHex(exit.owner) : null,
        currency: exit ? toHex(exit.token) : null,
        amount: exit?.amount ?? null,
        // What left without having been there is what the vault lacks for the others.
        vault_shortfall: exit?.amount ?? null,
        root_chain_txhash: toHex(payout.txHash),
      },
    };
  }

  /** Why nothing may be spent now (X10); undefined when it may. */
  refusal() {
    const { findings, parts } = this;
    const alarms = findings.events.map(({ event }): AlarmName => event);
    return spendRefusal({ mode: parts.mode, synced: this.isFresh(), alarms });
  }

  /** Root-chain blocks, first and last, whose logs one node alone told so far; undefined when there are none. */
  unwitnessed(): { readonly from: number; readonly to: number } | undefined {
    const last = this.facts.checkpoints().at(-1);
    if (!this.parts.isWitnessed || !last || last.witnessed.height === last.height) return undefined;
    return { from: Number(last.witnessed.height) + 1, to: Number(last.height) };
  }

  /** Whether everything that counted a moment ago was read and judged. */
  isFresh(): boolean {
    return this.recency.isFresh(this.parts.clock.nowMs());
  }

  private async keepCheckpoint(): Promise<void> {
    if (this.sinceCheckpoint >= CHECKPOINT_EVERY) await this.writeCheckpoint();
  }

  /** Writes the ledger, so that the next start begins here. */
  async writeCheckpoint(): Promise<void> {
    this.sinceCheckpoint = 0;
    await this.follower.hold(() => writeCheckpoint(this.parts.checkpointPath, this.books));
  }

  /** Waits for what is being looked at. */
  async settle(): Promise<void> {
    await this.looking;
  }
}
