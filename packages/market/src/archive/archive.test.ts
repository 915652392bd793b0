import { Overlay } from '@palisade/chain';
import { revokeNodeKey } from '@palisade/chain/schema';
import { concat, equalBytes, toHex } from '@palisade/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Block, eventsOf } from '../../../chain/test/chain-kit.ts';
import { ARCHIVING, Keepers } from '../../test/archive-kit.ts';
import { type Market, type PartnerName, startMarket, UNLIMITED } from '../../test/market-kit.ts';
import {
  AGREEMENT_STATE,
  ARCHIVE,
  type ArchiveParams,
  agreements,
  answerAudit,
  complete,
  isMoved,
  JOB_STATE,
  jobFiles,
  lastOfTerm,
  payoutFileBytes,
  payoutQuery,
  payoutRows,
  payouts,
  readPayoutFile,
  start,
} from '../index.ts';
import { dropRows, ROWS_PER_BLOCK } from './drop.ts';
import { archiveWaiting, rowsToDrop } from './records.ts';

const ZERO = new Uint8Array(32);
const ALL: readonly PartnerName[] = ['p0', 'p1', 'p2', 'p3'];

/** Who does less than everything in a session. */
type Less = Partial<Record<'idle' | 'unwilling', readonly PartnerName[]>>;

/** Partners that work for a client, session by session, and keep what they are drawn for. */
class Story {
  readonly market: Market;
  readonly keepers: Keepers;
  private job!: Uint8Array;

  constructor(market: Market) {
    this.market = market;
    this.keepers = new Keepers(market);
  }

  static async begin(
    archive: Partial<ArchiveParams> = {},
    working: readonly PartnerName[] = ['p0', 'p1'],
  ): Promise<Story> {
    const market = await startMarket({ market: { archive: { ...ARCHIVING, ...archive } } });
    const story = new Story(market);
    await market.chain.endSession();
    story.job = await market.request('alice', { partners: working.length, sessions: 20 });
    for (const partner of working) await market.start('alice', partner, story.job);
    return story;
  }

  get state() {
    return this.market.chain.state;
  }

  /** A session: those who are `idle` do nothing at all, those who are `unwilling` take nothing new. */
  async session(less?: Less): Promise<Block> {
    await this.work(less);
    return this.market.chain.endSession();
  }

  /** What is done in a session. */
  async work({ idle = [], unwilling = [] }: Less = {}): Promise<void> {
    const { market, keepers } = this;
    for (const name of ALL.filter((one) => !idle.includes(one))) {
      if (market.agreementIfAny(this.job, name)?.state === AGREEMENT_STATE.active)
        await market.answer(name, this.job);
      for (const { session } of unwilling.includes(name) ? [] : keepers.calls(name))
        if (!keepers.keeping(session).includes(name)) await keepers.start(name, session);
      for (const session of keepers.files.keys())
        if (keepers.isOpen(session) && keepers.keeping(session).includes(name))
          await keepers.answer(name, session);
    }
  }

  async sessions(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.session();
  }

  page(session: bigint) {
    return this.market.ask(payoutQuery, { session, after: ZERO })!;
  }

  archiveJob(session: bigint) {
    return this.market.job(this.keepers.job(session));
  }

  agreement(session: bigint, partner: PartnerName) {
    const { id } = this.market.partner(partner);
    return agreements.need(this.state, this.keepers.job(session), id);
  }
}

describe('a payout file whose retention is over', () => {
  let story: Story;
  let bytes: Uint8Array;
  let moved: Block;
  beforeAll(async () => {
    story = await Story.begin();
    await story.session();
    bytes = concat(...payoutFileBytes(story.state, 1n, 10));
    await story.session();
    moved = await story.session();
  });

  it('[V2V-5] is kept by partners that the chain drew, who have proven it; validators let go of its rows', () => {
    expect(eventsOf(moved, 'market.archive-moved')).toMatchObject([{ session: '1' }]);
    expect([...payoutRows.list(story.state, 1n)]).toEqual([]);
    expect([...payoutRows.list(story.state, 2n)]).toHaveLength(2);
    expect([1n, 2n].map((session) => isMoved(story.state, session))).toEqual([true, false]);
    expect(story.keepers.keeping(1n)).toEqual(['p0', 'p1']);
    expect(story.agreement(1n, 'p0')).toMatchObject({ answered: 1, paid: ARCHIVING.price });
    const job = story.archiveJob(1n);
    const record = payouts.need(story.state, 1n);
    expect(toHex(job.subject)).toBe(toHex(record.content));
    expect(job.size).toBe(BigInt(bytes.length));
  });

  it('[V2V-5] is found again by the session: its record stays, and names the job of those who have it', () => {
    const page = story.page(1n);
    expect(page.rows).toEqual([]);
    expect(toHex(page.archive)).toBe(toHex(story.keepers.job(1n)));
    expect(readPayoutFile(bytes, page.summary)).toHaveLength(2);
    expect(story.page(3n)).toMatchObject({ archive: ZERO });
    expect(story.page(3n).rows).toHaveLength(2);
  });

  it('[V2V-5] costs what was set aside of fees: no client is asked, nothing is minted', () => {
    const { market } = story;
    const job = story.archiveJob(1n);
    expect(equalBytes(job.client, ARCHIVE)).toBe(true);
    expect(job.paid).toBe(2n * ARCHIVING.price);
    expect(job.escrow + job.paid).toBe(2n * 5n * ARCHIVING.price);
    expect(market.chain.free(ARCHIVE)).toBeGreaterThan(0n);
  });

  it('[V2V-5] gives no rows to other payout files, stands in no job file and in nobody’s standing', () => {
    const ours = toHex(story.keepers.job(1n));
    for (const [, row] of payoutRows.list(story.state)) expect(toHex(row.job)).not.toBe(ours);
    expect(story.archiveJob(1n).height).toBe(0n);
    expect(jobFiles.need(story.state, 0n).jobs).toBe(0);
    // Three sessions of the client's job, and no more.
    expect(story.market.standing('p0').receipts).toBe(3);
  });
});

describe('a session in which nothing was due', () => {
  it('[V2V-5] has nothing to move', async () => {
    const market = await startMarket({ market: { archive: ARCHIVING } });
    for (let i = 0; i < 4; i++) await market.chain.endSession();
    expect([...archiveWaiting.list(market.chain.state)]).toEqual([]);
    expect(payouts.need(market.chain.state, 0n).rows).toBe(0);
  });
});

describe('an archive without money', () => {
  it('[V2V-5] leaves the rows where they are and says so, and goes on once fees have come', async () => {
    const story = await Story.begin({ price: 10n ** 18n / 20n });
    await story.session();
    const poor = await story.session();
    expect(eventsOf(poor, 'market.archive-unfunded')).toMatchObject([{ session: '1' }]);
    expect(story.page(1n).rows).toHaveLength(2);
    expect(story.market.chain.free(ARCHIVE)).toBeGreaterThan(0n);
    for (let i = 0; i < 12 && !story.keepers.isOpen(1n); i++) await story.session();
    expect(story.keepers.isOpen(1n)).toBe(true);
  });

  it('[V2V-5] takes no share of fees when it has none, and no more than its reserve', async () => {
    const none = await Story.begin({ sharePpm: 0 });
    await none.sessions(3);
    expect(none.market.chain.free(ARCHIVE)).toBe(0n);
    expect(none.page(1n).rows).toHaveLength(2);
    const little = await Story.begin({ reserve: 5000n });
    await little.sessions(3);
    expect(little.market.chain.free(ARCHIVE)).toBe(5000n);
  });
});

describe('a partner of the archive', () => {
  it('[V2V-5] cannot start unless it was drawn, on other terms, or beyond the term', async () => {
    const story = await Story.begin({ copies: 1 }, ['p0', 'p1', 'p2']);
    await story.sessions(2);
    await story.session({ unwilling: ALL });
    const { market, keepers } = story;
    const [called] = keepers.called(1n);
    const other = ALL.find((name) => name !== called)!;
    const honest = keepers.startFields(called!, 1n);
    const signer = market.partner(called!);
    const refused = (code: string, fields: typeof honest, who = signer) =>
      market.chain.expectRefused(code, who, start, fields);
    await refused('market/not-called', honest, market.partner(other));
    await refused('market/bad-term', { ...honest, sessions: honest.sessions + 2 });
    await refused('market/rate-too-high', { ...honest, rate: honest.rate + 1n });
    await market.chain.run(signer, start, honest);
    await refused('market/voucher-not-newer', honest);
    await refused('market/bad-term', { ...honest, sequence: 2, sessions: honest.sessions + 2 });
    await market.chain.run(signer, start, {
      ...honest,
      sequence: 2,
      sessions: honest.sessions + 1,
    });
  });

  it('[V2V-5] that lies cannot pass another file off as it: not to the chain, not to a reader', async () => {
    const story = await Story.begin();
    await story.sessions(2);
    const { market, keepers } = story;
    await keepers.start('p0', 1n);
    const other = keepers.file(1n).with(5, keepers.file(1n)[5]! ^ 1);
    const lie = keepers.answerFields('p0', 1n, other);
    await market.chain.expectRefused('market/proof-wrong', market.partner('p0'), answerAudit, lie);
    expect(() => readPayoutFile(other, story.page(1n).summary)).toThrow(/not the payout file/);
  });

  it('[V2V-5] that has started and proven nothing does not make validators let go', async () => {
    const story = await Story.begin();
    await story.sessions(2);
    await story.keepers.start('p0', 1n);
    await story.keepers.start('p1', 1n);
    await story.keepers.answer('p0', 1n);
    await story.market.chain.endSession();
    expect(story.page(1n).rows).toHaveLength(2);
    await story.session();
    expect(story.page(1n).rows).toEqual([]);
  });

  it('[V2V-5] that never takes what it was drawn for is passed over in the next draw', async () => {
    const story = await Story.begin({ copies: 1 }, ['p0', 'p1', 'p2']);
    await story.sessions(2);
    const [first] = story.keepers.called(1n);
    await story.session({ unwilling: ALL });
    const [second] = story.keepers.called(1n);
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
    await story.market.chain.expectRefused(
      'market/not-called',
      story.market.partner(first!),
      start,
      story.keepers.startFields(first!, 1n),
    );
  });

  it('[V2V-5] that is lost is replaced by another, who proves the same file', async () => {
    const story = await Story.begin({ termSessions: 12 }, ['p0', 'p1', 'p2']);
    await story.sessions(3);
    const [lost] = story.keepers.keeping(1n);
    expect(story.page(1n).rows).toEqual([]);
    for (let i = 0; i < 3; i++) await story.session({ idle: [lost!] });
    expect(story.agreement(1n, lost!).state).toBe(AGREEMENT_STATE.lost);
    await story.session({ idle: [lost!] });
    const keeping = story.keepers.keeping(1n);
    expect(keeping).toHaveLength(2);
    expect(keeping).not.toContain(lost);
    for (const name of keeping) expect(story.agreement(1n, name).answered).toBeGreaterThan(0);
  });

  it('[V2V-5] that is lost before it proved anything holds nobody up for good', async () => {
    const story = await Story.begin({ termSessions: 12 }, ['p0', 'p1', 'p2']);
    await story.sessions(2);
    const [idle] = story.keepers.called(1n) as [PartnerName];
    await story.keepers.start(idle, 1n);
    while (story.agreement(1n, idle).state === AGREEMENT_STATE.active) {
      expect(isMoved(story.state, 1n)).toBe(false);
      await story.session({ idle: [idle] });
    }
    expect(story.agreement(1n, idle)).toMatchObject({ state: AGREEMENT_STATE.lost, answered: 0 });
    for (let i = 0; i < 3; i++) await story.session({ idle: [idle] });
    expect(isMoved(story.state, 1n)).toBe(true);
  });

  it('[V2V-5] is none whose machine was revoked, though it answered its audits', async () => {
    const story = await Story.begin({ copies: 3 }, ['p0', 'p1', 'p2']);
    await story.session();
    await story.work();
    const { market, keepers } = story;
    await market.chain.run(market.owner('p0'), revokeNodeKey, { nodeKey: market.partner('p0').id });
    await market.chain.endSession();
    expect(keepers.called(1n)).toEqual(['p1', 'p2']);
  });

  it('[V2V-5] is not drawn in the last session of a term, which it could no more start', async () => {
    const story = await Story.begin({ copies: 1 }, ['p0', 'p1', 'p2']);
    await story.sessions(2);
    const last = lastOfTerm(story.archiveJob(1n));
    for (; story.market.chain.session.number < last; await story.session({ unwilling: ALL }))
      expect(story.keepers.called(1n)).toHaveLength(1);
    expect(story.keepers.called(1n)).toEqual([]);
  });

  it('[V2V-5] is none that may take no new work by its standing', async () => {
    const standing = { ...UNLIMITED, probationReceipts: 100, probationValue: 10n ** 18n };
    const market = await startMarket({ market: { archive: ARCHIVING, standing } });
    await market.chain.endSession();
    const job = await market.request('alice', { partners: 2, sessions: 10, maxRate: 1n });
    await market.start('alice', 'p0', job, { rate: 1n });
    await market.start('alice', 'p1', job, { rate: 1n });
    await market.session(job, 'p0', 'p1');
    await market.session(job, 'p0', 'p1');
    // Both are on probation and work already: they may take no second agreement.
    expect(new Keepers(market).called(1n)).toEqual([]);
    expect(market.ask(payoutQuery, { session: 1n, after: ZERO })!.rows).toHaveLength(2);
  });
});

describe('the term of a kept file', () => {
  it('[V2V-5] is renewed before its end while there is money, and goes on with those who follow', async () => {
    const story = await Story.begin();
    await story.sessions(3);
    const { lastSession } = story.agreement(1n, 'p0');
    const before = story.archiveJob(1n);
    while (story.market.chain.session.number < lastSession) await story.session();
    expect(story.archiveJob(1n).sessions).toBe(before.sessions + ARCHIVING.termSessions);
    for (const name of ['p0', 'p1'] as const) await story.keepers.start(name, 1n);
    expect(story.agreement(1n, 'p0').lastSession).toBe(lastSession + 6n);
    await story.sessions(4);
    expect(story.keepers.keeping(1n)).toEqual(['p0', 'p1']);
    expect(story.agreement(1n, 'p0')).toMatchObject({ missed: 0 });
  });

  it('[V2V-5] gives what nobody earned back to the archive when it is renewed', async () => {
    const story = await Story.begin({ sharePpm: 200_000 });
    await story.sessions(3);
    await story.session({ idle: ['p0', 'p1'] });
    await story.session();
    const job = story.archiveJob(1n);
    expect(job.sessions).toBe(2 * ARCHIVING.termSessions);
    // Two answers, two misses, two answers, two that are ahead, and the next term.
    expect(job.refunded).toBe(2n * ARCHIVING.price);
  });

  it('[V2V-5] ends with its partners where nobody goes on: the job is over, its escrow returns', async () => {
    const story = await Story.begin();
    await story.sessions(3);
    const { lastSession } = story.agreement(1n, 'p0');
    while (story.market.chain.session.number <= lastSession) await story.session();
    const job = story.archiveJob(1n);
    expect(job).toMatchObject({ state: JOB_STATE.completed, active: 0 });
    await story.session();
    expect(story.archiveJob(1n).escrow).toBe(0n);
    expect(story.page(1n).rows).toEqual([]);
  });

  it('[V2V-5] that nobody takes ends, and the file waits anew with its rows here', async () => {
    const story = await Story.begin();
    await story.sessions(2);
    const first = story.keepers.job(1n);
    for (let i = 0; i < 6; i++) await story.session({ unwilling: ALL });
    expect(story.market.job(first)).toMatchObject({ state: JOB_STATE.cancelled, escrow: 0n });
    expect(story.page(1n).rows).toHaveLength(2);
    expect(toHex(story.keepers.job(1n))).not.toBe(toHex(first));
  });

  it('has no client that could end it: nobody signs a receipt for the archive', async () => {
    const story = await Story.begin();
    await story.sessions(3);
    const { market, keepers } = story;
    const session = market.chain.session.number;
    const signed = await market.partnerSigned('p0', keepers.job(1n), session);
    await market.chain.expectRefused(
      'market/not-the-client',
      market.client('alice'),
      complete,
      signed,
    );
  });
});

describe('the rows of a large file', () => {
  it('[V2V-5] go a bounded number in each block, the oldest file first', async () => {
    const story = await Story.begin();
    await story.session();
    const [, row] = [...payoutRows.list(story.state, 1n)][0]!;
    const state = new Overlay(story.state);
    const job = (i: number) => new Uint8Array(32).with(0, i >> 8).with(1, i & 255);
    for (let i = 0; i < ROWS_PER_BLOCK + 5; i++)
      payoutRows.set(state, [900n, job(i), row.partner], row);
    payoutRows.set(state, [901n, job(0), row.partner], row);
    for (const session of [900n, 901n]) rowsToDrop.set(state, [session], 0);
    const counts = [1, 2, 3, 4].map(() => {
      dropRows({ state } as never);
      return [900n, 901n].map((session) => [...payoutRows.list(state, session)].length);
    });
    expect(counts).toEqual([
      [5, 1],
      [0, 1],
      [0, 0],
      [0, 0],
    ]);
    expect([...payoutRows.list(state, 1n)]).toHaveLength(2);
    expect([...rowsToDrop.list(state)]).toEqual([]);
  });
});
