/**
 * Random deeds of partners that are drawn to keep payout files, and a naive account of the money: what
 * came in is the archive's share of fees and lost deposits, what went out is the rate of every answered audit.
 */
import { jobs } from '@palisade/market';
import { archives } from '../src/archive/records.ts';
import { ARCHIVING, Keepers } from './archive-kit.ts';
import { PARTNERS, type PartnerName } from './market-kit.ts';
import type { Dice, RandomMarket } from './random-market.ts';

/** Half of the fees: what validators share out and what is burned stays in the test, too. */
export const RANDOM_ARCHIVE = { ...ARCHIVING, copies: 1, termSessions: 4, sharePpm: 500_000 };
const PPM = 1_000_000n;

export class RandomArchive {
  readonly #random: RandomMarket;
  readonly #keepers: Keepers;
  /** What accepted answers of the running session earn when it ends. */
  #due: (readonly [PartnerName, bigint])[] = [];
  readonly #earned = new Map<PartnerName, bigint>();
  #gathered = 0n;
  #feesBefore = 0n;

  constructor(random: RandomMarket) {
    this.#random = random;
    this.#keepers = new Keepers(random.market);
  }

  earned(partner: PartnerName): bigint {
    return this.#earned.get(partner) ?? 0n;
  }

  /** What must be in the archive's account and in the escrow of its jobs together. */
  get left(): bigint {
    let spent = 0n;
    for (const amount of this.#earned.values()) spent += amount;
    return this.#gathered - spent;
  }

  /** Each partner does what it is drawn for and what it has taken on, mostly; and one takes what is not its own. */
  async act([which, who, ...dice]: Dice): Promise<void> {
    const { chain } = this.#random.market;
    const open = [...archives.list(chain.state)].map(([[session]]) => session);
    for (const [i, partner] of PARTNERS.entries())
      for (const session of open.slice(-2))
        if ((dice[i % 2]! >> i) % 4 > 0 && !this.#random.atTheEnd)
          await this.#serve(partner, session);
    const session = open[which % Math.max(1, open.length)];
    if (session !== undefined && !this.#random.atTheEnd)
      await this.#start(PARTNERS[who % PARTNERS.length]!, session);
  }

  async #serve(partner: PartnerName, session: bigint): Promise<void> {
    if (this.#keepers.keeping(session).includes(partner)) await this.#answer(partner, session);
    else if (this.#keepers.called(session).includes(partner)) await this.#start(partner, session);
  }

  async #start(partner: PartnerName, session: bigint): Promise<void> {
    const keepers = this.#keepers;
    const kept = keepers.keeping(session).includes(partner);
    const tx = await keepers.startTx(partner, session);
    const did = await this.#random.did('archive start', `${partner}-owner`, tx);
    // The block itself may hold the draw: it comes before the transactions.
    if (did && !kept && !keepers.called(session).includes(partner))
      throw new Error('one that was not drawn has started');
  }

  async #answer(partner: PartnerName, session: bigint): Promise<void> {
    const { maxRate } = jobs.need(this.#random.market.chain.state, this.#keepers.job(session));
    const tx = await this.#keepers.answerTx(partner, session);
    if (await this.#random.did('archive answer', `${partner}-owner`, tx))
      this.#due.push([partner, maxRate]);
  }

  /** The pot is empty after each session: what is in it now are the fees since the last. */
  sessionEnded(session: number): void {
    let fees = this.#random.duties.lost;
    for (const amount of this.#random.fees.values()) fees += amount;
    this.#gathered += ((fees - this.#feesBefore) * BigInt(RANDOM_ARCHIVE.sharePpm)) / PPM;
    this.#feesBefore = fees;
    for (const [partner, rate] of this.#due) this.#earned.set(partner, this.earned(partner) + rate);
    this.#due = [];
    this.#keepers.fetch(BigInt(session));
    for (const [, { moved }] of archives.list(this.#random.market.chain.state))
      if (moved === 1) this.#random.note('moved');
  }
}
