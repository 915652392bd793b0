/**
 * One validator: its key and everything that it does under it. It confirms jobs, acknowledges
 * transactions, listens to partners and notifies them, and brings client and partner together.
 */
import { isRefusal, type Refusal, refuse } from '@palisade/core';
import { acknowledgement, request } from '@palisade/market';
import { Challenger } from './challenger.ts';
import { Confirmations } from './confirmations.ts';
import { Defence } from './defence.ts';
import { Matchmaker } from './matchmaker.ts';
import { Notifier } from './notifier.ts';
import { PartnerDesk } from './partner-desk.ts';
import type { Pool } from './pool.ts';
import { ProofWatch } from './proof-watch.ts';
import { SealJudge } from './seal-judge.ts';
import { Validator } from './validator.ts';
import { whyRefused } from './why-refused.ts';

export class ValidatorService {
  readonly self: Validator;
  readonly confirmations: Confirmations;
  readonly partners: PartnerDesk;
  readonly notifier: Notifier;
  readonly matchmaker: Matchmaker;
  readonly defence: Defence;
  readonly challenger: Challenger;
  readonly seals: SealJudge;
  readonly proofs: ProofWatch;
  private readonly pool: Pool;

  constructor(pool: Pool, name: string, secret: Uint8Array) {
    this.pool = pool;
    this.self = new Validator(pool, name, secret);
    this.confirmations = new Confirmations(pool, this.self);
    this.notifier = new Notifier(pool, this.self);
    this.partners = new PartnerDesk(pool, this.self, this.notifier);
    this.matchmaker = new Matchmaker(pool, this.self);
    this.defence = new Defence(pool, this.self, this.notifier);
    this.challenger = new Challenger(pool, this.self);
    this.seals = new SealJudge(pool, this.self);
    this.proofs = new ProofWatch(pool, this.self);
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
      if (!submission.accepted) return whyRefused(submission);
    }
    const { height } = this.self;
    return {
      id: opened.id,
      acknowledgement: await this.self.sign(acknowledgement, { transaction: opened.id, height }),
    };
  }
}
