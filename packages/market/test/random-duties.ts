/**
 * Random complaints, rebuttals and reports about the one validator of a random market, true and false,
 * and a naive book of what must come of them.
 */
import { sessions } from '@palisade/chain';
import { toHex } from '@palisade/core';
import { cancel, complain, rebut, reportOmission, UTILITY } from '@palisade/market';
import type { KitValidator } from '../../chain/test/chain-kit.ts';
import { Duties } from './duty-kit.ts';
import { CLIENTS, PARTNERS, type PartnerName, TEST_PARAMS } from './market-kit.ts';
import type { Dice, RandomMarket } from './random-market.ts';

const { complaintDeposit: DEPOSIT, maxOpenComplaints } = TEST_PARAMS.duties;
const T = 2000n;

type Case = {
  readonly job: Uint8Array;
  readonly partner: PartnerName;
  /** Session with whose end it is decided. */
  readonly closes: number;
  readonly fileMs: bigint;
  state: 'open' | 'dismissed' | 'upheld';
};

export class RandomDuties {
  readonly random: RandomMarket;
  readonly kit: Duties;
  readonly cases: Case[] = [];
  private readonly reported = new Map<string, number>();
  private omissions = 0;

  constructor(random: RandomMarket) {
    this.random = random;
    this.kit = new Duties(random.market);
  }

  private get v0(): KitValidator {
    return this.random.market.chain.validators[0]!;
  }
  private get session(): number {
    return Number(this.random.market.chain.session.number);
  }
  private openOf(partner: PartnerName): number {
    return this.cases.filter((each) => each.partner === partner && each.state === 'open').length;
  }
  private caseOf(job: Uint8Array, partner: PartnerName): Case | undefined {
    return this.cases.find((each) => each.partner === partner && toHex(each.job) === toHex(job));
  }

  /** What a partner's account is short of: deposits that are held, and those that it lost. */
  shortOf(partner: PartnerName): bigint {
    const gone = this.cases.filter((each) => each.partner === partner && each.state !== 'upheld');
    return BigInt(gone.length) * DEPOSIT;
  }

  /** Deposits that were lost: they are in the pot with the fees. */
  get lost(): bigint {
    return BigInt(this.cases.filter(({ state }) => state === 'dismissed').length) * DEPOSIT;
  }

  /** Faults of the validator that the chain must know of. */
  get faults(): number {
    return this.cases.filter(({ state }) => state === 'upheld').length + this.omissions;
  }
  get faultsOnChain(): number {
    return this.kit.standing(this.v0).failuresInRow;
  }

  async complain([which, who, ready, late]: Dice): Promise<void> {
    const { random, kit, v0 } = this;
    const { market } = random;
    // Mostly one of the newest: it is too late for the others.
    const job =
      late % 4 === 0 ? random.ids[which % random.ids.length] : random.ids.at(-1 - (which % 3));
    if (!job) return;
    const partner = PARTNERS[who % PARTNERS.length]!;
    const { term, maxRate, session } = random.terms(job);
    const { utility, height } = market.job(job);
    const change = {
      utility: ready % 7 === 0 ? (utility % 3) + 1 : utility,
      maxSessions: term - (ready % 11 === 0 ? 1 : 0),
      price: maxRate + (ready % 13 === 0 && utility !== UTILITY.computation ? 1n : 0n),
      accepting: ready % 17 === 0 ? 0 : 1,
    };
    const misfit = [7, 11, 17].some((each) => ready % each === 0);
    const isDear = ready % 13 === 0 && utility !== UTILITY.computation;
    const heardAt = height - (late % 9 === 0 ? 0n : 1n);
    const envelope = await kit.ready(partner, change);
    const heard = await kit.hears(v0, partner, envelope, { height: heardAt });
    const fileMs = random.fileTimes.get(toHex(job))!;
    const may =
      session + 1 >= this.session &&
      market.chain.timeMs + 1000n >= fileMs + T &&
      !this.caseOf(job, partner) &&
      this.openOf(partner) < maxOpenComplaints &&
      heardAt < height &&
      !misfit &&
      !isDear;
    const fields = kit.complaint(job, v0, heard);
    const tx = await market.chain.sign(market.partner(partner), complain, fields);
    const did = await random.did('complaint', `${partner}-owner`, tx);
    if (did !== may) throw new Error(`a complaint: the chain says ${did}, not ${may}`);
    const closes = session + 2;
    if (did) this.cases.push({ job, partner, closes, fileMs, state: 'open' });
  }

  async rebut([which, what, who]: Dice): Promise<void> {
    const { random, kit, v0 } = this;
    const { market } = random;
    // Those that are forgotten, too, to see it refused.
    const open = this.cases.filter(({ state }) => state === 'open');
    const from = what % 5 === 0 || open.length === 0 ? this.cases : open;
    const found = from[which % from.length];
    if (!found) return;
    const { job, partner, fileMs } = found;
    const words = [
      kit.told(partner, job, v0),
      kit.ready(partner, { accepting: 0, atMs: fileMs + T }),
      kit.ready(partner, { accepting: 0, atMs: fileMs + T + 1n }),
      kit.ready(partner, { atMs: fileMs, price: 0n, utility: market.job(job).utility }),
      kit.told(PARTNERS[(PARTNERS.indexOf(partner) + 1) % PARTNERS.length]!, job, v0),
    ];
    // The first two are answers; they are given more often than the others.
    const place = who % 3 === 0 ? who % words.length : who % 2;
    const word = await words[place]!;
    const may = found.state === 'open' && place < 2;
    const fields = kit.rebuttal(partner, job, word);
    const tx = await market.chain.sign(kit.machine(v0), rebut, fields);
    const did = await random.did('rebuttal', 'v0-owner', tx);
    if (did !== may) throw new Error(`a rebuttal: the chain says ${did}, not ${may}`);
    if (did) found.state = 'dismissed';
  }

  /** A cancellation that the validator acknowledged and that was never sent, shown by somebody. */
  async report([which, blocks, who]: Dice): Promise<void> {
    const { random, kit, v0 } = this;
    const { chain } = random.market;
    const job = random.ids[which % Math.max(1, random.ids.length)];
    if (!job) return;
    const client = random.market.client(random.clientOf(job));
    const tx = await chain.sign(client, cancel, { job });
    const id = toHex(await chain.idOf(tx));
    const back = BigInt(blocks % 7);
    const heard = chain.height > back ? chain.height - back : 0n;
    const before = sessions.get(chain.state, BigInt(Math.max(0, this.session - 1)))!;
    const { over, isDisputed } = random.terms(job);
    const may =
      heard + 2n < chain.height &&
      heard >= before.startHeight &&
      !over &&
      !isDisputed &&
      this.session - (this.reported.get(id) ?? -2) > 1;
    const omission = await kit.omission(v0, tx, heard);
    const name = CLIENTS[who % CLIENTS.length]!;
    const report = await chain.sign(random.market.client(name), reportOmission, omission);
    const did = await random.did('report', name, report);
    if (did !== may) throw new Error(`a report: the chain says ${did}, not ${may}`);
    if (!did) return;
    this.reported.set(id, this.session);
    this.omissions++;
  }

  sessionEnded(session: number): void {
    for (const each of this.cases)
      if (each.closes === session && each.state === 'open') {
        each.state = 'upheld';
        this.random.note('upheld');
      }
  }
}
