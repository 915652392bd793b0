/**
 * Watching proofs of storage, the work of passive validators: each proof that a block names is fetched
 * from its miner and checked, seal proofs also where others have given their word for them. One that
 * does not hold is disputed on chain by the entry that shows it. One that is not to be had is looked
 * for once more when half of the time for disputes is over; then the other validators are asked, and
 * with the word of enough of them it is reported.
 */
import { SEAT, validators } from '@palisade/chain';
import { type Declaration, fromHex, isRefusal, type Refusal, refuse } from '@palisade/core';
import { readBounded } from '@palisade/daemon';
import type { CommittedBlock } from '@palisade/engine';
import type { AbciEvent } from '@palisade/formats';
import {
  disputeSeal,
  disputeWindow,
  judges,
  reportWithheld,
  reportWithheldSeal,
  sealQuestion,
  sectorProven,
  VERDICT,
  verdict,
  verdictsToFail,
  windowProven,
  windowQuestion,
} from '@palisade/power';
import { fieldsOf } from '../events/event-index.ts';
import { fileCommand } from './file-command.ts';
import { openMessage, type Pool, refuseStale } from './pool.ts';
import type { FalseEntry } from './proof-desk.ts';
import { isSeal, type NamedProof, standingProof } from './standing-proofs.ts';
import type { Validator } from './validator.ts';

/** Proofs being fetched and checked at a time. */
const AT_ONCE = 2;
/** Questions of other validators that are looked into at a time. */
const QUESTIONS_AT_ONCE = 4;
/** Proofs that wait for it, and disputes that wait to be filed; those beyond are left to others. */
const MAX_WAITING = 1024;
/** A command without its entry and path or its verdicts: its other fields and the envelope. */
const COMMAND_BYTES = 1024;
const VERDICT_BYTES = 512;
/** Another validator tries to fetch a proof three times meanwhile, ms. */
const QUESTION_MS = 40_000;

/** Why a proof is to fail: an entry that does not hold, or the words of validators. */
type Reason = FalseEntry | { readonly verdicts: Uint8Array[] };
type Finding = { readonly named: NamedProof; readonly reason: Reason };
/** A proof that was not to be had, until it is looked for again at a height. */
type Silent = { readonly named: NamedProof; readonly again: bigint };

export class ProofWatch {
  private readonly pool: Pool;
  private readonly self: Validator;
  private readonly waiting: { readonly named: NamedProof; readonly isLast: boolean }[] = [];
  private silent: Silent[] = [];
  private running = 0;
  private questions = 0;
  /** What is to stand on the chain. */
  private findings: Finding[] = [];

  constructor(pool: Pool, self: Validator) {
    this.pool = pool;
    this.self = self;
  }

  /** Takes up the proofs that a block names, and files what was found; it does not wait for miners. */
  async look({ results }: CommittedBlock): Promise<void> {
    if (!this.isOnDuty) return;
    for (const event of results.txResults.flatMap(({ events }) => events)) {
      const named = this.waiting.length < MAX_WAITING ? namedBy(event) : undefined;
      if (named) this.waiting.push({ named, isLast: false });
    }
    const { height } = this.self;
    const due = this.silent.filter(({ again }) => again <= height);
    this.silent = this.silent.filter(({ again }) => again > height);
    for (const { named } of due) this.waiting.push({ named, isLast: true });
    this.next();
    // A validator's commands have one order: behind one that waits, the next would wait, too.
    for (const finding of this.findings) if ((await this.file(finding)) !== 'refused') return;
  }

  /** Passive validators have the time for it; where there is none, everybody has to take it. */
  private get isOnDuty(): boolean {
    if (this.self.seat !== SEAT.active) return this.self.seat === SEAT.passive;
    const all = validators.list(this.pool.application.committed);
    return ![...all].some(([, { seat }]) => seat === SEAT.passive);
  }

  private next(): void {
    while (this.running < AT_ONCE) {
      const task = this.waiting.shift();
      if (!task) return;
      this.running++;
      this.check(task.named, task.isLast)
        // What fails on this side says nothing about the miner.
        .catch(() => this.note(task.named, 'failed'))
        .finally(() => {
          this.running--;
          this.next();
        });
    }
  }

  private note(named: NamedProof, outcome: string): void {
    const kind = isSeal(named) ? 'seal' : 'window';
    this.pool.metrics.count('sector_proofs_total', { kind, outcome });
  }

  private async check(named: NamedProof, isLast: boolean): Promise<void> {
    const looked = await this.pool.proofDesk.look(named);
    this.note(named, typeof looked === 'string' ? looked : 'fails');
    if (typeof looked !== 'string') this.find({ named, reason: looked });
    else if (looked === 'withheld' && isLast) await this.askOthers(named);
    else if (looked === 'withheld' && this.silent.length < MAX_WAITING) {
      const standing = standingProof(this.pool.application.committed, named);
      if (standing) this.silent.push({ named, again: standing.halfway });
    }
  }

  /** Gathers the words of validators that cannot have the proof either. */
  private async askOthers(named: NamedProof): Promise<void> {
    const atMs = BigInt(this.pool.nowMs());
    const [path, question] = isSeal(named)
      ? ['seal-verdicts', await this.self.sign(sealQuestion, { ...named, atMs })]
      : ['window-verdicts', await this.self.sign(windowQuestion, { ...named, atMs })];
    const asked = this.pool.directory().map(({ url }) => askFor(`${url}/v1/${path}`, question));
    const verdicts = (await Promise.all(asked)).filter((word) => word !== undefined);
    if (verdicts.length < verdictsToFail(this.pool.application.committed))
      return this.note(named, 'doubted');
    this.find({ named, reason: { verdicts } });
  }

  private find(finding: Finding): void {
    if (this.findings.length < MAX_WAITING) this.findings.push(finding);
  }

  /** Another validator cannot have a proof: this one tries, and says so if it cannot either. */
  async answer<N extends NamedProof & { readonly atMs: bigint }>(
    bytes: Uint8Array,
    question: Declaration<N>,
  ): Promise<{ readonly verdict: Uint8Array } | Refusal> {
    const { committed, domain } = this.pool.application;
    const opened = openMessage(bytes, question, domain);
    if (isRefusal(opened)) return opened;
    const isJudge = judges(committed).some((key) => Buffer.compare(key, opened.sender) === 0);
    if (!isJudge)
      return refuse('sectors/not-a-validator', 'Only validators ask for such verdicts.');
    const stale = refuseStale(opened.value.atMs, this.pool.nowMs());
    if (stale) return stale;
    if (this.questions >= QUESTIONS_AT_ONCE)
      return refuse('sectors/too-busy', `${QUESTIONS_AT_ONCE} proofs are being looked for.`, {
        retry: 'later',
      });
    this.questions++;
    try {
      return await this.judge(opened.value);
    } finally {
      this.questions--;
    }
  }

  private async judge(named: NamedProof): Promise<{ readonly verdict: Uint8Array } | Refusal> {
    const looked = await this.pool.proofDesk.look(named);
    const standing = standingProof(this.pool.application.committed, named);
    if (!standing || looked === 'holds' || looked === 'late')
      return refuse('sectors/no-verdict', `This validator has nothing against it: ${looked}.`);
    const word = looked === 'withheld' ? VERDICT.withheld : VERDICT.fails;
    const { subject } = standing;
    return { verdict: await this.self.sign(verdict, { subject, verdict: word }) };
  }

  private async file(finding: Finding): Promise<'filed' | 'later' | 'refused'> {
    const stands = standingProof(this.pool.application.committed, finding.named);
    const outcome = stands ? await this.send(finding) : 'refused';
    if (outcome === 'refused') this.findings = this.findings.filter((other) => other !== finding);
    return outcome;
  }

  private send({ named, reason }: Finding) {
    const { pool, self } = this;
    if ('verdicts' in reason) {
      const size = COMMAND_BYTES + VERDICT_BYTES * reason.verdicts.length;
      return isSeal(named)
        ? fileCommand(pool, self, reportWithheldSeal, { ...named, ...reason }, size)
        : fileCommand(pool, self, reportWithheld, { ...named, ...reason }, size);
    }
    const size = COMMAND_BYTES + reason.bytes.length + 32 * reason.path.length;
    return isSeal(named)
      ? fileCommand(pool, self, disputeSeal, { ...named, ...reason }, size)
      : fileCommand(pool, self, disputeWindow, { ...named, ...reason }, size);
  }
}

/** The proof that an event names; undefined for events of other kinds. */
function namedBy(event: AbciEvent): NamedProof | undefined {
  if (event.type === windowProven.name) {
    const { schema, name } = windowProven;
    const { miner, deadline, partition, proof } = schema.fromJson(
      fieldsOf(event, windowProven),
      name,
    );
    return { miner, deadline, partition, proof };
  }
  if (event.type !== sectorProven.name) return undefined;
  const { schema, name } = sectorProven;
  const { miner, number, proof } = schema.fromJson(fieldsOf(event, sectorProven), name);
  return { miner, number, proof };
}

/** A validator's signed verdict; undefined when it gives none. */
async function askFor(url: string, question: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body: question as Uint8Array<ArrayBuffer>,
      redirect: 'manual',
      signal: AbortSignal.timeout(QUESTION_MS),
    });
    const body = await readBounded(response, 4 * VERDICT_BYTES);
    const { verdict: word } = JSON.parse(Buffer.from(body ?? []).toString()) as {
      verdict?: unknown;
    };
    return response.status === 200 && typeof word === 'string' ? fromHex(word) : undefined;
  } catch {
    return undefined;
  }
}
