/** Partners of the archive, for tests: they fetch payout files, start on them and prove them. */
import { createProver, describeContent, GROUP_BYTES, GROUP_LEAVES, toHex } from '@palisade/core';
import {
  AGREEMENT_STATE,
  agreements,
  answerAudit,
  archiveCallsQuery,
  challenge,
  DEFAULT_ARCHIVE_PARAMS,
  jobs,
  lastOfTerm,
  payoutFileBytes,
  payouts,
  start,
} from '@palisade/market';
import { archives } from '../src/archive/records.ts';
import { type Market, PARTNERS, type PartnerName, TEST_PARAMS } from './market-kit.ts';

/** All of the fees of the stories, and a price that they can pay. */
export const ARCHIVING = {
  ...DEFAULT_ARCHIVE_PARAMS,
  copies: 2,
  termSessions: 5,
  price: 1000n,
  sharePpm: 1_000_000,
};

export class Keepers {
  readonly market: Market;
  /** Files that were fetched while validators had them, by session. */
  readonly files = new Map<bigint, Uint8Array>();

  constructor(market: Market) {
    this.market = market;
  }

  /** The job that keeps the file of a session. */
  job(session: bigint): Uint8Array {
    return archives.need(this.market.chain.state, session).job;
  }

  isOpen(session: bigint): boolean {
    return archives.has(this.market.chain.state, session);
  }

  /** Files that a partner is drawn to keep. */
  calls(partner: PartnerName) {
    const { id } = this.market.partner(partner);
    return this.market.ask(archiveCallsQuery, { partner: id })!.calls;
  }

  called(session: bigint): readonly PartnerName[] {
    return PARTNERS.filter((name) => this.calls(name).some((call) => call.session === session));
  }

  /** The bytes of a file, from whoever has them. */
  file(session: bigint): Uint8Array {
    const { state } = this.market.chain;
    const known = this.files.get(session);
    if (known) return known;
    const bytes = new Uint8Array(Buffer.concat([...payoutFileBytes(state, session, 10)]));
    this.files.set(session, bytes);
    return bytes;
  }

  /** Takes the file of a session that has just ended, if there is anything in it. */
  fetch(session: bigint): void {
    if (payouts.need(this.market.chain.state, session).rows > 0) this.file(session);
  }

  /** What a partner files to keep a file to the end of its term, or to go on with it. */
  startFields(partner: PartnerName, session: bigint) {
    const { state, session: running } = this.market.chain;
    const id = this.job(session);
    const job = jobs.need(state, id);
    const mine = agreements.get(state, id, this.market.partner(partner).id);
    const first = mine ? mine.firstSession : running.number + 1n;
    return {
      job: id,
      sequence: (mine?.sequence ?? 0) + 1,
      rate: job.maxRate,
      // Whoever comes after the end of the term asks for a session, and hears that it is over.
      sessions: Math.max(1, Number(lastOfTerm(job) - first) + 1),
      clientSignature: new Uint8Array(65),
    };
  }

  async startTx(partner: PartnerName, session: bigint): Promise<Uint8Array> {
    const { chain } = this.market;
    return chain.sign(this.market.partner(partner), start, this.startFields(partner, session));
  }

  async start(partner: PartnerName, session: bigint): Promise<void> {
    this.file(session);
    const { chain } = this.market;
    await chain.run(this.market.partner(partner), start, this.startFields(partner, session));
  }

  answerFields(partner: PartnerName, session: bigint, bytes = this.file(session)) {
    const { randomness, number } = this.market.chain.session;
    const job = this.job(session);
    const prover = createProver(describeContent([bytes]));
    const signer = this.market.partner(partner);
    const size = BigInt(bytes.length);
    const samples = TEST_PARAMS.auditSamples;
    const proofs = challenge(randomness, job, signer.id, size, samples).map((leaf) => {
      const group = Math.floor(leaf / GROUP_LEAVES);
      const part = bytes.subarray(group * GROUP_BYTES, (group + 1) * GROUP_BYTES);
      const [proof] = prover(group, part, [leaf])!;
      return { leafIndex: BigInt(leaf), leaf: proof!.leaf, path: [...proof!.path] };
    });
    return { job, session: number, proofs };
  }

  async answerTx(partner: PartnerName, session: bigint): Promise<Uint8Array> {
    const fields = this.answerFields(partner, session);
    return this.market.chain.sign(this.market.partner(partner), answerAudit, fields);
  }

  async answer(partner: PartnerName, session: bigint): Promise<void> {
    const fields = this.answerFields(partner, session);
    await this.market.chain.run(this.market.partner(partner), answerAudit, fields);
  }

  /** Partners that keep a file now. */
  keeping(session: bigint): readonly PartnerName[] {
    const { state } = this.market.chain;
    const id = this.job(session);
    return PARTNERS.filter((name) => {
      const mine = agreements.get(state, id, this.market.partner(name).id);
      return mine?.state === AGREEMENT_STATE.active;
    });
  }

  /** Hex ids of partners, as events have them. */
  ids(names: readonly PartnerName[]): readonly string[] {
    return names.map((name) => toHex(this.market.partner(name).id));
  }
}
