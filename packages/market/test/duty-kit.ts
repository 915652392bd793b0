/** Words between a partner and the validators that answer for it, and what either makes of them. */
import {
  catalogue,
  type Declaration,
  nodeSigner,
  open,
  type Signer,
  signEnvelope,
  type ValueOf,
} from '@palisade/core';
import {
  acknowledgement,
  complain,
  noticeAck,
  ROLE,
  ready,
  readyAck,
  rebut,
  reportOmission,
  responsibleFor,
  type StandingView,
  UTILITY,
} from '@palisade/market';
import type { KitValidator } from '../../chain/test/chain-kit.ts';
import type { ClientName, Market, PartnerName } from './market-kit.ts';

export type Heard = { readonly ready: Uint8Array; readonly acknowledgement: Uint8Array };

export class Duties {
  readonly market: Market;
  #sequence = 0n;

  constructor(market: Market) {
    this.market = market;
  }

  say<T>(signer: Signer, declaration: Declaration<T>, value: T): Promise<Uint8Array> {
    return signEnvelope(declaration, value, this.market.chain.domain, signer);
  }

  machine(validator: KitValidator): Signer {
    return nodeSigner(validator.secret);
  }

  standing({ nodeKey }: KitValidator): StandingView {
    return this.market.standingOf(ROLE.validator, nodeKey);
  }

  /** The validators that answer for a partner now, and the others. */
  answering(partner: PartnerName) {
    return this.answeringIn(this.market.chain.session.number, partner);
  }

  /** As `answering`, in another session. */
  answeringIn(session: bigint, partner: PartnerName) {
    const { chain } = this.market;
    const keys = chain.validators.map(({ nodeKey }) => nodeKey);
    const chosen = responsibleFor(this.market.partner(partner).id, session, keys);
    const answers = ({ nodeKey }: KitValidator) =>
      chosen.some((key) => key.join() === nodeKey.join());
    return {
      responsible: chain.validators.filter(answers),
      others: chain.validators.filter((validator) => !answers(validator)),
    };
  }

  /** A partner's READY for all that the stories ask for. */
  ready(partner: PartnerName, change: Partial<ValueOf<typeof ready>> = {}): Promise<Uint8Array> {
    const atMs = this.market.chain.timeMs;
    return this.say(this.market.partner(partner), ready, {
      sequence: ++this.#sequence,
      atMs,
      expiresMs: atMs + 600_000n,
      url: 'http://127.0.0.1:1',
      utility: UTILITY.storage,
      price: 1n,
      maxSize: 1n << 30n,
      maxSessions: 100,
      freeBytes: 1n << 30n,
      freeSlots: 4,
      direct: 0,
      accepting: 1,
      reason: '',
      ...change,
    });
  }

  /** A validator's word that it heard a READY, now unless it says otherwise. */
  async hears(
    validator: KitValidator,
    partner: PartnerName,
    envelope: Uint8Array,
    change: Partial<ValueOf<typeof readyAck>> = {},
  ): Promise<Heard> {
    const { chain } = this.market;
    const word = await this.say(this.machine(validator), readyAck, {
      ready: this.idOf(envelope),
      partner: this.market.partner(partner).id,
      sequence: this.#sequence,
      session: chain.session.number,
      height: chain.height,
      ...change,
    });
    return { ready: envelope, acknowledgement: word };
  }

  /** Id of a signed READY. */
  idOf(envelope: Uint8Array): Uint8Array {
    const opened = open(envelope, catalogue([ready]), this.market.chain.domain);
    if (!('id' in opened)) throw new Error(opened.message);
    return opened.id;
  }

  /** A partner that a validator knows to be ready. */
  async isReady(partner: PartnerName, validator: KitValidator, change = {}): Promise<Heard> {
    return this.hears(validator, partner, await this.ready(partner, change));
  }

  complaint(job: Uint8Array, { nodeKey }: KitValidator, heard: Heard) {
    return { job, validator: nodeKey, ...heard };
  }

  complains(partner: PartnerName, job: Uint8Array, validator: KitValidator, heard: Heard) {
    const fields = this.complaint(job, validator, heard);
    return this.market.chain.run(this.market.partner(partner), complain, fields);
  }

  /** The partner's word that it was told of a job. */
  told(partner: PartnerName, job: Uint8Array, { nodeKey }: KitValidator): Promise<Uint8Array> {
    const { height } = this.market.job(job);
    const words = { job, validator: nodeKey, height };
    return this.say(this.market.partner(partner), noticeAck, words);
  }

  rebuttal(partner: PartnerName, job: Uint8Array, word: Uint8Array) {
    return { job, partner: this.market.partner(partner).id, word };
  }

  rebuts(validator: KitValidator, partner: PartnerName, job: Uint8Array, word: Uint8Array) {
    const fields = this.rebuttal(partner, job, word);
    return this.market.chain.run(this.machine(validator), rebut, fields);
  }

  /** A transaction with a validator's acknowledgement of it, given now unless it says otherwise. */
  async omission(validator: KitValidator, transaction: Uint8Array, height?: bigint) {
    const { chain } = this.market;
    const words = { transaction: await chain.idOf(transaction), height: height ?? chain.height };
    const word = await this.say(this.machine(validator), acknowledgement, words);
    return { transaction, acknowledgement: word };
  }

  report(client: ClientName, omission: { transaction: Uint8Array; acknowledgement: Uint8Array }) {
    return this.market.chain.run(this.market.client(client), reportOmission, omission);
  }
}
