/** Challenges of partners by the two passive validators that the session's randomness names. */
import { type Signer, signEnvelope, toHex, type ValueOf } from '@palisade/core';
import {
  type Challenge,
  challengeAnswer,
  challengeLeaves,
  challenges,
  FINDING,
  reportChallenge,
} from '@palisade/market';
import type { Block, KitValidator } from '../../chain/test/chain-kit.ts';
import { Duties } from './duty-kit.ts';
import type { Market, PartnerName } from './market-kit.ts';

type Report = Pick<ValueOf<typeof reportChallenge>, 'session' | 'partner' | 'finding'> & {
  readonly ready: Uint8Array;
  readonly answer: Uint8Array;
};

export class Challenges {
  readonly market: Market;
  readonly duties: Duties;

  constructor(market: Market, duties = new Duties(market)) {
    this.market = market;
    this.duties = duties;
  }

  /** Blocks until the session's randomness is known, and with it who is challenged. */
  async drawn(): Promise<void> {
    const { chain } = this.market;
    while (chain.session.randomnessHeight === 0n) await chain.block([]);
  }

  /** The challenge of a partner in the running session. */
  of(partner: PartnerName): Challenge | undefined {
    const { state, session } = this.market.chain;
    return challenges.get(state, session.number, this.market.partner(partner).id);
  }

  /** The two validators that challenge a partner, as the chain names them. */
  pair(partner: PartnerName): readonly [KitValidator, KitValidator] {
    const { first, second } = this.of(partner)!;
    const find = (key: Uint8Array) =>
      this.market.chain.passive.find(({ nodeKey }) => toHex(nodeKey) === toHex(key))!;
    return [find(first), find(second)];
  }

  machine(validator: KitValidator): Signer {
    return this.duties.machine(validator);
  }

  /** What an honest partner answers one that challenges it. */
  async answer(
    partner: PartnerName,
    validator: KitValidator,
    change: Partial<ValueOf<typeof challengeAnswer>> = {},
  ): Promise<Uint8Array> {
    const { chain } = this.market;
    const signer = this.market.partner(partner);
    const words = {
      challenge: new Uint8Array(32).fill(7),
      session: chain.session.number,
      validator: validator.nodeKey,
      accepting: 0,
      freeBytes: 0n,
      freeSlots: 0,
      proofs: this.proofs(partner, validator),
      ...change,
    };
    return signEnvelope(challengeAnswer, words, chain.domain, signer);
  }

  /** The leaves that a validator asks a partner for, of the job that it is asked about. */
  proofs(partner: PartnerName, { nodeKey }: KitValidator) {
    const { session } = this.market.chain;
    const job = this.of(partner)?.job ?? new Uint8Array(32);
    if (job.every((byte) => byte === 0)) return [];
    const { size } = this.market.job(job);
    const key = this.market.partner(partner).id;
    return this.market.proofsOf(challengeLeaves(session.randomness, nodeKey, job, key, size));
  }

  /** The fields of a report about a partner that is ready. */
  async fields(partner: PartnerName, more: Partial<Report> = {}): Promise<Report> {
    return {
      session: this.market.chain.session.number,
      partner: this.market.partner(partner).id,
      finding: FINDING.unreachable,
      ready: more.ready ?? (await this.duties.ready(partner)),
      answer: new Uint8Array(),
      ...more,
    };
  }

  /** A validator reports what it found. */
  async reports(
    validator: KitValidator,
    partner: PartnerName,
    more: Partial<Report> = {},
  ): Promise<Block> {
    const fields = await this.fields(partner, more);
    return this.market.chain.run(this.machine(validator), reportChallenge, fields);
  }

  /** A validator reports a success, with the partner's answer. */
  async passes(validator: KitValidator, partner: PartnerName): Promise<Block> {
    const answer = await this.answer(partner, validator);
    return this.reports(validator, partner, { finding: FINDING.passed, answer });
  }

  async expectRefused(code: string, validator: KitValidator, fields: Report): Promise<void> {
    await this.market.chain.expectRefused(code, this.machine(validator), reportChallenge, fields);
  }
}
