/**
 * Watching window proofs, the work of passive validators: each proof that a block names is fetched
 * from its miner and checked. One that does not hold is disputed on chain by the entry that shows it.
 * One that is not to be had is looked for once more when half of the time for disputes is over; then
 * the other validators are asked, and with the word of enough of them it is reported.
 */
import { SEAT, validators } from '@palisade/chain';
import { fromHex, isRefusal, type Refusal, refuse } from '@palisade/core';
import type { CommittedBlock } from '@palisade/engine';
import {
  disputeWindow,
  judges,
  reportWithheld,
  sectorsParameters,
  VERDICT,
  verdict,
  verdictsToFail,
  windowProven,
  windowQuestion,
  windowSubject,
} from '@palisade/power';
import { fieldsOf } from '../events/event-index.ts';
import { fileCommand } from './file-command.ts';
import {
  type FalseEntry,
  lookAtProof,
  type NamedProof,
  standingPartition,
} from './look-at-proof.ts';
import { openMessage, type Pool, refuseStale } from './pool.ts';
import { readBounded } from './read-bounded.ts';
import type { Addresses } from './seal-judge.ts';
import type { Validator } from './validator.ts';

/** Proofs being fetched and checked at a time. */
const AT_ONCE = 2;
/** Questions of other validators that are looked into at a time. */
const QUESTIONS_AT_ONCE = 4;
/** Proofs that wait for it; those of a block beyond are left to others. */
const MAX_WAITING = 1024;
/** A dispute: an entry, its path and the envelope. */
const DISPUTE_BYTES = 3200;
/** A report without its verdicts, and each of these. */
const REPORT_BYTES = 1024;
const VERDICT_BYTES = 512;
/** Another validator tries to fetch a proof three times meanwhile, ms. */
const QUESTION_MS = 40_000;

type Finding =
  | (NamedProof & FalseEntry)
  | (NamedProof & { readonly verdicts: readonly Uint8Array[] });
/** A proof that was not to be had, until it is looked for again at a height. */
type Silent = { readonly named: NamedProof; readonly again: bigint };

export class ProofWatch {
  private readonly pool: Pool;
  private readonly self: Validator;
  private readonly addresses: Addresses;
  private readonly waiting: { readonly named: NamedProof; readonly isLast: boolean }[] = [];
  private silent: Silent[] = [];
  private running = 0;
  private questions = 0;
  /** What is to stand on the chain. */
  private findings: Finding[] = [];

  constructor(pool: Pool, self: Validator, addresses: Addresses) {
    this.pool = pool;
    this.self = self;
    this.addresses = addresses;
  }

  /** Takes up the proofs that a block names, and files what was found; it does not wait for miners. */
  async look({ results }: CommittedBlock): Promise<void> {
    if (!this.isOnDuty) return;
    for (const event of results.txResults.flatMap(({ events }) => events)) {
      if (event.type !== windowProven.name || this.waiting.length >= MAX_WAITING) continue;
      const { name, schema } = windowProven;
      const named = schema.fromJson(fieldsOf(event, windowProven), name);
      this.waiting.push({ named, isLast: false });
    }
    const { height } = this.self;
    const due = this.silent.filter(({ again }) => again <= height);
    this.silent = this.silent.filter(({ again }) => again > height);
    for (const { named } of due) this.waiting.push({ named, isLast: true });
    this.next();
    for (const finding of this.findings) await this.file(finding);
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
        .catch(() => this.note('failed'))
        .finally(() => {
          this.running--;
          this.next();
        });
    }
  }

  private note(outcome: string): void {
    this.pool.metrics.count('sector_proofs_total', { kind: 'window', outcome });
  }

  private async check(named: NamedProof, isLast: boolean): Promise<void> {
    const looked = await lookAtProof(this.pool, this.addresses, named);
    this.note(typeof looked === 'string' ? looked : 'fails');
    if (typeof looked !== 'string') this.findings.push({ ...named, ...looked });
    else if (looked === 'withheld' && isLast) await this.askOthers(named);
    else if (looked === 'withheld' && this.silent.length < MAX_WAITING) {
      const { committed } = this.pool.application;
      const { windowBlocks, disputeBlocks } = sectorsParameters.need(committed);
      const opens = standingPartition(committed, named)?.opens ?? 0n;
      this.silent.push({ named, again: opens + BigInt(windowBlocks + (disputeBlocks >> 1)) });
    }
  }

  /** Gathers the words of validators that cannot have the proof either. */
  private async askOthers({ miner, deadline, partition, proof }: NamedProof): Promise<void> {
    const named = { miner, deadline, partition, proof };
    const question = await this.self.sign(windowQuestion, {
      ...named,
      atMs: BigInt(this.pool.nowMs()),
    });
    const asked = this.pool
      .directory()
      .map(({ url }) => askFor(`${url}/v1/window-verdicts`, question));
    const verdicts = (await Promise.all(asked)).filter((word) => word !== undefined);
    if (verdicts.length < verdictsToFail(this.pool.application.committed))
      return this.note('doubted');
    this.findings.push({ ...named, verdicts });
  }

  /** Another validator cannot have a proof: this one tries, and says so if it cannot either. */
  async answer(bytes: Uint8Array): Promise<{ readonly verdict: Uint8Array } | Refusal> {
    const { committed, domain } = this.pool.application;
    const opened = openMessage(bytes, windowQuestion, domain);
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
    const looked = await lookAtProof(this.pool, this.addresses, named);
    const record = standingPartition(this.pool.application.committed, named);
    if (!record || looked === 'holds' || looked === 'late' || looked === 'no-address')
      return refuse('sectors/no-verdict', `This validator has nothing against it: ${looked}.`);
    const subject = windowSubject(named.miner, { ...named, opens: record.opens }, named.proof);
    const word = looked === 'withheld' ? VERDICT.withheld : VERDICT.fails;
    return { verdict: await this.self.sign(verdict, { subject, verdict: word }) };
  }

  private async file(finding: Finding): Promise<void> {
    const { proof, ...fields } = finding;
    const stands = standingPartition(this.pool.application.committed, { ...finding, proof });
    const outcome = stands ? await this.send(fields) : 'refused';
    if (outcome === 'refused') this.findings = this.findings.filter((other) => other !== finding);
  }

  private send(
    finding: Omit<NamedProof, 'proof'> & Partial<FalseEntry> & { verdicts?: readonly Uint8Array[] },
  ) {
    const { miner, deadline, partition, verdicts, entry, bytes, path } = finding;
    const place = { miner, deadline, partition };
    if (verdicts) {
      const size = REPORT_BYTES + VERDICT_BYTES * verdicts.length;
      const report = { ...place, verdicts: [...verdicts] };
      return fileCommand(this.pool, this.self, reportWithheld, report, size);
    }
    const shown = { ...place, entry: entry!, bytes: bytes!, path: path! };
    return fileCommand(this.pool, this.self, disputeWindow, shown, DISPUTE_BYTES);
  }
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
