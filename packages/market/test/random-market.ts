/** Random deeds of honest and lying clients and partners, done to a chain and told to the oracle. */

import { toHex } from '@palisade/core';
import type { ExecTxResult } from '@palisade/formats';
import { agreements, cancel, complete, jobs, partnerComplete, renew } from '@palisade/market';
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

/** Numbers out of which a deed picks what it needs. */
export type Dice = readonly [number, number, number, number];

/** Fees are followed apart: they are no business of the market. */
export class RandomMarket {
  readonly market: Market;
  readonly oracle = new Oracle(TEST_PARAMS.missesToLose);
  readonly fees = new Map<string, bigint>();
  readonly ids: Uint8Array[] = [];
  /** How often what was done, for a look at whether the test reaches what it should. */
  readonly seen = new Map<string, number>();

  constructor(market: Market) {
    this.market = market;
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
  /** Mostly a pair with a running agreement, sometimes any. */
  private pair(which: number, who: number): readonly [Uint8Array, PartnerName] | undefined {
    const running: (readonly [Uint8Array, PartnerName])[] = [];
    for (const id of this.ids)
      for (const [name] of this.oracle.jobs.get(toHex(id))!.diaries)
        if (this.oracle.verdict(toHex(id), name)?.state === 'running')
          running.push([id, name as PartnerName]);
    if (running.length > 0 && who % 8 !== 0) return running[which % running.length];
    const job = this.anyJob(which);
    return job && [job, this.partner(who >> 3)];
  }
  private get session(): number {
    return Number(this.market.chain.session.number);
  }
  private clientOf(job: Uint8Array): ClientName {
    return this.oracle.jobs.get(toHex(job))!.client as ClientName;
  }
  private terms(job: Uint8Array) {
    return this.oracle.jobs.get(toHex(job))!;
  }

  private note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  /** Runs a transaction; true when it was accepted. A refused one has changed nothing but fee and nonce. */
  private async did(what: string, payer: string, tx: Uint8Array): Promise<boolean> {
    const { chain } = this.market;
    const before = chain.dump();
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
      partners: 1 + (copies % 3),
      sessions: 1 + (term % 5),
      maxRate: BigInt(rate % 1000),
    };
    const tx = await this.market.requestTx(client, fields);
    if (!(await this.did('request', client, tx))) return;
    const id = await this.market.chain.idOf(tx);
    this.ids.push(id);
    this.oracle.requested(toHex(id), {
      client,
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
    const pair = this.pair(which, who);
    if (!pair) return;
    const [job, partner] = pair;
    const tx = await this.market.answerTx(partner, job);
    const { session } = this;
    if (await this.did('answer', `${partner}-owner`, tx))
      this.oracle.answered(toHex(job), partner, session);
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
    const { sequence } = market.agreementIfAny(job, partner) ?? { sequence: 1 };
    const last = this.session + (ahead % 3);
    const byClient = side % 2 === 0;
    const tx = byClient
      ? await market.chain.sign(
          market.client(client),
          complete,
          await market.partnerSigned(partner, job, BigInt(last), sequence),
        )
      : await market.chain.sign(
          market.partner(partner),
          partnerComplete,
          await market.clientSigned(client, partner, job, BigInt(last), sequence),
        );
    const payer = byClient ? client : `${partner}-owner`;
    if (await this.did('receipt', payer, tx))
      this.oracle.receipted(toHex(job), partner, this.session, last);
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
    this.note(quiet ? 'session' : 'session cut short');
    if (stall % 5 !== 1) while (chain.session.randomnessHeight === 0n) await chain.block();
  }

  /** Whether the deed would run into the next session: it is over first, then. */
  get atTheEnd(): boolean {
    const { chain } = this.market;
    return chain.timeMs + 1000n >= chain.session.startMs + 60_000n;
  }

  /** Chain and oracle agree on every job, every agreement, every unit. */
  compare(genesis: bigint, funds: { readonly client: bigint; readonly partner: bigint }): void {
    const { market, oracle } = this;
    const same = (what: string, chain: unknown, expected: unknown) => {
      if (chain !== expected)
        throw new Error(`${what}: the chain says ${chain}, the oracle ${expected}`);
    };
    let escrow = 0n;
    for (const name of CLIENTS) {
      const locked = oracle.escrowOf(name);
      escrow += locked;
      const paid = [...oracle.jobs.values()].filter(({ client }) => client === name);
      const spent = paid.reduce((sum, job) => sum + oracle.paid(job), 0n);
      const left = funds.client - (this.fees.get(name) ?? 0n) - locked - spent;
      same(`free funds of ${name}`, market.chain.free(market.client(name)), left);
    }
    same('escrow', market.escrow, escrow);
    for (const name of PARTNERS) {
      const left = funds.partner - (this.fees.get(`${name}-owner`) ?? 0n) + oracle.earned(name);
      same(`free funds of ${name}`, market.chain.free(market.owner(name)), left);
    }
    for (const id of this.ids) this.compareJob(id, same);
    same('all that was issued', market.chain.totalFunds() + market.chain.burned(), genesis);
  }

  private compareJob(id: Uint8Array, same: (what: string, a: unknown, b: unknown) => void): void {
    const { market, oracle } = this;
    const key = toHex(id);
    const expected = oracle.jobs.get(key)!;
    const job = jobs.need(market.chain.state, id);
    const running = expected.diaries.size > 0 ? 'started' : 'confirmed';
    const states = ['', 'confirmed', 'started', 'completed', 'cancelled'];
    same(`state of ${key}`, states[job.state], expected.over?.how ?? running);
    same(`paid of ${key}`, job.paid, oracle.paid(expected));
    same(`refunded of ${key}`, job.refunded, expected.returned);
    let running_ = 0;
    for (const name of expected.diaries.keys()) {
      const verdict = oracle.verdict(key, name)!;
      const agreement = market.agreement(id, name as PartnerName);
      same(
        `agreement ${key} ${name}`,
        ['', 'running', 'completed', 'lost'][agreement.state],
        verdict.state,
      );
      same(`last session ${key} ${name}`, Number(agreement.lastSession), verdict.last);
      if (verdict.state === 'running') running_++;
    }
    same(`running of ${key}`, job.active, running_);
  }
}
