/** Random deeds of honest and lying clients and partners, done to a chain and told to the oracle. */

import { toHex } from '@palisade/core';
import type { ExecTxResult } from '@palisade/formats';
import {
  agreements,
  cancel,
  complete,
  partnerComplete,
  postBond,
  renew,
  returnBond,
  UTILITY,
} from '@palisade/market';
import { PAL } from '../../chain/test/chain-kit.ts';
import { LIES } from './lies.ts';
import {
  CLIENTS,
  type ClientName,
  type Market,
  PARTNERS,
  type PartnerName,
  TEST_PARAMS,
} from './market-kit.ts';
import { Oracle } from './oracle.ts';
import { RandomArchive } from './random-archive.ts';
import { RandomDuties } from './random-duties.ts';

/** As much of storage as of what is used interactively. */
const UTILITIES = [UTILITY.storage, UTILITY.computation, UTILITY.storage, UTILITY.access] as const;

type Kind = 'storage' | 'interactive';

/** What is said of an agreement that is not there, to see it refused. */
const NEW_AGREEMENT = {
  sequence: 1,
  usageSequence: 0,
  units: 0n,
  vouched: 0n,
  equivocated: 0,
  rate: 1n,
  sessions: 1,
};

/** Numbers out of which a deed picks what it needs. */
export type Dice = readonly [number, number, number, number];

/** Fees are followed apart: they are no business of the market. */
export class RandomMarket {
  readonly market: Market;
  readonly oracle = new Oracle(TEST_PARAMS.missesToLose);
  readonly fees = new Map<string, bigint>();
  readonly ids: Uint8Array[] = [];
  /** Times of the blocks that hold the jobs, ms. */
  readonly fileTimes = new Map<string, bigint>();
  readonly duties: RandomDuties;
  readonly archive: RandomArchive;
  /** Bonds by partner: what is held, and the session of the first of it. */
  readonly bonds = new Map<PartnerName, readonly [amount: bigint, since: number]>();
  /** How often what was done, for a look at whether the test reaches what it should. */
  readonly seen = new Map<string, number>();

  constructor(market: Market) {
    this.market = market;
    this.duties = new RandomDuties(this);
    this.archive = new RandomArchive(this);
  }

  private client(die: number): ClientName {
    return CLIENTS[die % CLIENTS.length]!;
  }
  private partner(die: number): PartnerName {
    return PARTNERS[die % PARTNERS.length]!;
  }
  private anyJob(die: number): Uint8Array | undefined {
    return this.ids[die % Math.max(1, this.ids.length)];
  }
  /** Mostly a pair with an agreement that has not ended, of one kind when that is given; sometimes any. */
  private pair(
    which: number,
    who: number,
    kind?: Kind,
  ): readonly [Uint8Array, PartnerName] | undefined {
    const running: (readonly [Uint8Array, PartnerName])[] = [];
    for (const id of this.ids) {
      const { diaries, isInteractive } = this.terms(id);
      if (kind && isInteractive !== (kind === 'interactive')) continue;
      for (const [name] of diaries)
        if (/running|disputed/.test(this.oracle.verdict(toHex(id), name)!.state))
          running.push([id, name as PartnerName]);
    }
    if (running.length > 0 && who % 8 !== 0) return running[which % running.length];
    const job = this.anyJob(which);
    return job && [job, this.partner(who >> 3)];
  }
  private get session(): number {
    return Number(this.market.chain.session.number);
  }
  clientOf(job: Uint8Array): ClientName {
    return this.oracle.jobs.get(toHex(job))!.client as ClientName;
  }
  terms(job: Uint8Array) {
    return this.oracle.jobs.get(toHex(job))!;
  }

  note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  /** Runs a transaction; true when it was accepted. A refused one has changed nothing but fee and nonce. */
  async did(what: string, payer: string, tx: Uint8Array): Promise<boolean> {
    const { chain } = this.market;
    const before = chain.purses();
    const { results } = await chain.decide(await chain.proposeAsIs([tx]));
    const { code, codespace } = results[0] as ExecTxResult;
    this.note(`${what} ${code === 0 ? 'accepted' : codespace}`);
    if (code !== 2) this.fees.set(payer, (this.fees.get(payer) ?? 0n) + chain.feeOf(tx));
    if (code === 1) await chain.expectNoTrace(before, tx, true);
    return code === 0;
  }

  async request([who, copies, term, rate]: Dice): Promise<void> {
    const client = this.client(who);
    const fields = {
      utility: UTILITIES[copies % UTILITIES.length]!,
      partners: 1 + ((copies >> 2) % 3),
      sessions: 1 + (term % 5),
      maxRate: BigInt(rate % 1000),
    };
    const tx = await this.market.requestTx(client, fields);
    if (!(await this.did('request', client, tx))) return;
    const id = await this.market.chain.idOf(tx);
    this.ids.push(id);
    this.fileTimes.set(toHex(id), this.market.chain.timeMs);
    this.oracle.requested(toHex(id), {
      client,
      isInteractive: fields.utility !== UTILITY.storage,
      copies: fields.partners,
      maxRate: fields.maxRate,
      session: this.session,
      term: fields.sessions,
    });
  }

  async start([which, who, sequence, rate]: Dice): Promise<void> {
    const job = this.anyJob(which);
    if (!job) return;
    const { maxRate, term } = this.terms(job);
    const partner = this.partner(who);
    const voucher = {
      sequence: sequence % 4,
      rate: maxRate - BigInt(rate % 7 === 0 && maxRate > 0n ? 1 : 0),
      sessions: rate % 3 === 0 ? Math.max(1, term - 1) : term,
    };
    const tx = await this.market.startTx(this.clientOf(job), partner, job, voucher);
    const { chain } = this.market;
    // The clock that counts is that of the block which holds it, a second later.
    const left = chain.session.startMs + 60_000n - (chain.timeMs + 1000n);
    const next = chain.timeMs + 1000n >= chain.session.startMs + 60_000n;
    if (!(await this.did('start', `${partner}-owner`, tx))) return;
    const inTime = !next && left >= TEST_PARAMS.leastAuditMs;
    const first = this.session + (inTime || next ? 0 : 1);
    this.oracle.started(
      toHex(job),
      partner,
      voucher.sequence,
      voucher.rate,
      voucher.sessions,
      first,
    );
  }

  async answer([which, who]: Dice): Promise<void> {
    const pair = this.pair(which, who, 'storage');
    if (!pair) return;
    const [job, partner] = pair;
    const tx = await this.market.answerTx(partner, job);
    const { session } = this;
    if (await this.did('answer', `${partner}-owner`, tx))
      this.oracle.answered(toHex(job), partner, session);
  }

  /** The partner files what the client vouched for, in order or not, honestly signed. */
  async file([which, who, sequence, share]: Dice): Promise<void> {
    const pair = this.pair(which, who, 'interactive');
    if (!pair) return;
    const [job, partner] = pair;
    const { usageSequence, units, rate, sessions } = this.filed(job, partner);
    const amount = (BigInt(sessions) * rate * BigInt(share % 120)) / 100n;
    const usage = {
      sequence: usageSequence + (sequence % 3),
      units: units + BigInt(share % 3),
      amount,
    };
    const tx = await this.market.fileTx(this.clientOf(job), partner, job, usage);
    if (!(await this.did('file', `${partner}-owner`, tx))) return;
    this.oracle.vouched(toHex(job), partner, amount);
    if (this.filed(job, partner).equivocated === usage.sequence) this.note('equivocation');
  }

  /** What the chain has of an agreement, or would have of a new one. */
  private filed(job: Uint8Array, partner: PartnerName) {
    return this.market.agreementIfAny(job, partner) ?? NEW_AGREEMENT;
  }

  async renew([which, sessions]: Dice): Promise<void> {
    const job = this.anyJob(which);
    if (!job) return;
    const client = this.clientOf(job);
    const added = 1 + (sessions % 3);
    const tx = await this.market.chain.sign(this.market.client(client), renew, {
      job,
      sessions: added,
    });
    if (await this.did('renew', client, tx)) this.oracle.renewed(toHex(job), added);
  }

  async cancel([which]: Dice): Promise<void> {
    const job = this.anyJob(which);
    if (!job) return;
    const client = this.clientOf(job);
    const tx = await this.market.chain.sign(this.market.client(client), cancel, { job });
    if (await this.did('cancel', client, tx)) this.oracle.cancelled(toHex(job), this.session);
  }

  async receipt([which, who, ahead, side]: Dice): Promise<void> {
    const pair = this.pair(which, who);
    if (!pair) return;
    const { market } = this;
    const [job, partner] = pair;
    const client = this.clientOf(job);
    const filed = this.filed(job, partner);
    const isInteractive = this.terms(job).isInteractive;
    const use = isInteractive ? { units: filed.units, amount: filed.vouched + BigInt(ahead) } : {};
    const sequence = isInteractive ? filed.usageSequence : filed.sequence;
    const last = Math.max(0, this.session + (ahead % 3) - (isInteractive ? 2 : 0));
    const byClient = side % 2 === 0;
    const tx = byClient
      ? await market.chain.sign(
          market.client(client),
          complete,
          await market.partnerSigned(partner, job, BigInt(last), sequence, use),
        )
      : await market.chain.sign(
          market.partner(partner),
          partnerComplete,
          await market.clientSigned(client, partner, job, BigInt(last), sequence, use),
        );
    const payer = byClient ? client : `${partner}-owner`;
    if (await this.did('receipt', payer, tx))
      this.oracle.receipted(toHex(job), partner, this.session, last, use.amount ?? 0n);
  }

  /** A partner posts a bond or raises it, or its owner wants it back: money is held, never moved. */
  async bond([who, what, amount]: Dice): Promise<void> {
    const { market } = this;
    const back = what % 2 === 0;
    // Mostly one that has posted a bond, when it is wanted back.
    const posters = [...this.bonds.keys()];
    const name = (back && who % 4 !== 0 && posters[who % posters.length]) || this.partner(who);
    const partner = market.partner(name).id;
    const [posted, since] = this.bonds.get(name) ?? [0n, 0];
    const total = BigInt(amount % 5) * PAL;
    const tx = back
      ? await market.chain.sign(market.owner(name), returnBond, { partner })
      : await market.chain.sign(market.partner(name), postBond, { total });
    const { bondSessions } = TEST_PARAMS.standing;
    const may = back ? posted > 0n && this.session >= since + bondSessions : total > posted;
    const did = await this.did(back ? 'bond back' : 'bond', `${name}-owner`, tx);
    if (did !== may) throw new Error(`a bond of ${posted} since ${since}: ${did}, not ${may}`);
    if (!did) return;
    if (back) this.bonds.delete(name);
    else this.bonds.set(name, [total, posted > 0n ? since : this.session]);
  }

  /** One of the many ways in which somebody may try to cheat: it must be refused whatever the state. */
  async cheat([kind, which, who, die]: Dice): Promise<void> {
    const pair = this.pair(which, who);
    if (!pair) return;
    const [job, partner] = pair;
    const { maxRate, term } = this.terms(job);
    const client = this.clientOf(job);
    const { market, session } = this;
    const lie = LIES[kind % LIES.length]!;
    const told = await lie({ market, job, partner, client, maxRate, term, session, die });
    if (await this.did(`lie: ${lie.name}`, told.payer, told.tx))
      throw new Error(`a lie was accepted: ${lie.name}`);
  }

  /** Time goes by inside the session, at most to its end. */
  async wait([seconds]: Dice): Promise<void> {
    const { chain } = this.market;
    const left = chain.session.startMs + 59_000n - chain.timeMs;
    const ms = BigInt(seconds % 30) * 1000n;
    const afterMs = ms < left ? ms : left;
    if (afterMs > 0n) await chain.block([], { afterMs });
  }

  /** The session ends; with `stall`, right away, as if the chain had stood still. */
  async endSession([stall]: Dice): Promise<void> {
    const { chain } = this.market;
    const quiet = stall % 4 !== 0;
    if (quiet) await chain.quietBlocks(2);
    const { number, startMs, randomnessHeight } = chain.session;
    const last = chain.height;
    const starts = new Map<string, bigint>();
    for (const [[job, partner], { startHeight }] of agreements.list(chain.state))
      starts.set(`${toHex(job)} ${toHex(partner)}`, startHeight);
    const end = startMs + 60_000n;
    await chain.block([], { afterMs: end > chain.timeMs ? end - chain.timeMs : 1n });
    this.oracle.sessionEnded(Number(number), (job, partner) => {
      const started = starts.get(
        `${job} ${toHex(this.market.partner(partner as PartnerName).id)}`,
      )!;
      return randomnessHeight > 0n && last - randomnessHeight >= 2n && last - started >= 2n;
    });
    this.duties.sessionEnded(Number(number));
    this.archive.sessionEnded(Number(number));
    this.note(quiet ? 'session' : 'session cut short');
    for (const [id, { diaries }] of this.oracle.jobs)
      for (const name of diaries.keys()) this.note(this.oracle.verdict(id, name)!.state);
    if (stall % 5 !== 1) while (chain.session.randomnessHeight === 0n) await chain.block();
  }

  /** Whether the deed would run into the next session: it is over first, then. */
  get atTheEnd(): boolean {
    const { chain } = this.market;
    return chain.timeMs + 1000n >= chain.session.startMs + 60_000n;
  }
}
