import { describe, expect, it } from 'vitest';
import { ALICE, BOB, CAROL } from '../../../payments/test/wallets.ts';
import { SLA_BLOCKS } from '../../test/exit-oracle.ts';
import { ExitStory } from '../../test/exit-story.ts';

/** Alice pays Bob in a block, and asks for the same money on the root chain. */
function theft() {
  const story = new ExitStory();
  const coin = story.deposit(ALICE, 10n);
  const paid = story.pay([coin], [[BOB, 10n]]);
  story.include(paid);
  return { story, coin, paid };
}

/** Alice's payment to Bob leaves in flight, in no block. */
function inFlight() {
  const story = new ExitStory();
  const coin = story.deposit(ALICE, 10n);
  const paid = story.pay([coin], [[BOB, 10n]]);
  story.startInFlight(paid);
  return { story, coin, paid };
}

describe('a standard exit', () => {
  it('[X2] of an output that is there is nobody’s concern', () => {
    const story = new ExitStory();
    story.startExit(story.deposit(ALICE, 10n));
    story.wait(1_000);
    expect(story.verdict()).toEqual({ events: [], challenges: [] });
  });

  it('[X2, X8] of an output that was spent is invalid at once, and can be challenged until it ends', () => {
    const { story, coin } = theft();
    story.startExit(coin);
    expect(story.names()).toEqual(['invalid_exit']);
    expect(story.verdict().challenges).toMatchObject([{ kind: 'standard-exit', index: 0 }]);
    story.challengeExit(coin);
    expect(story.names()).toEqual([]);
  });

  it('[X7] that a block invalidates within the margin is invalid only; long after, the chain has lied', () => {
    for (const [blocks, late] of [
      [SLA_BLOCKS - 5, false],
      [SLA_BLOCKS + 5, true],
    ] as const) {
      const story = new ExitStory();
      const coin = story.deposit(ALICE, 10n);
      story.startExit(coin);
      story.wait(blocks);
      story.include(story.pay([coin], [[BOB, 10n]]));
      expect(story.names().includes('late_invalidation'), `${blocks}`).toBe(late);
      expect(story.verdict().challenges).toHaveLength(1);
    }
  });

  it('[X2, X15] that was challenged, omitted and started again is judged anew, also from scratch', () => {
    const { story, coin } = theft();
    story.startExit(coin);
    const [first] = story.verdict().challenges;
    story.challengeExit(coin);
    story.omitExit(coin);
    expect(story.names()).toEqual([]);
    story.startExit(coin);
    const [second] = story.verdict().challenges;
    expect(second?.subject).not.toBe(first?.subject);
    expect(second!.visibleAt).toBeGreaterThan(first!.visibleAt);
    expect(story.fromScratch()).toEqual(story.verdict());
  });

  it('[X2] whose output an in-flight exit paid first is passed over by the contract, and raises nothing', () => {
    const story = new ExitStory();
    const coin = story.deposit(ALICE, 10n);
    const paid = story.pay([coin], [[BOB, 10n]]);
    const output = story.include(paid);
    story.startInFlight(paid);
    story.piggyback(paid, 'Output', 0);
    story.withdraw(paid, 'Output', 0);
    story.startExit(output);
    story.startExit(coin);
    story.wait(1_000);
    expect(story.names().filter((name) => name.endsWith('_exit'))).toEqual([]);
    story.omitExit(output);
    story.omitExit(coin);
    expect(story.fromScratch()).toEqual(story.verdict());
  });

  it('[X8] of an input of a transaction that was once shown is challenged by it, long after it was deleted', () => {
    const { story, coin, paid } = inFlight();
    story.deleteInFlight(paid);
    expect(story.payouts.at(-1)).toBeUndefined();
    story.wait(500);
    story.startExit(coin);
    expect(story.verdict().challenges).toMatchObject([
      { kind: 'standard-exit', spend: { input: 0 } },
    ]);
  });

  it('[X15] is not hidden by others: catching up finds all of them, what ends first in front', () => {
    const story = new ExitStory();
    const coins = [1n, 2n, 3n].map((amount) => story.deposit(ALICE, amount));
    story.include(...coins.map((coin) => story.pay([coin], [[BOB, 1n]])));
    for (const coin of [coins[2]!, coins[0]!, coins[1]!]) {
      story.startExit(coin);
      story.wait(SLA_BLOCKS);
    }
    const { events, challenges } = story.fromScratch();
    expect(events.filter(({ event }) => event === 'unchallenged_exit')).toHaveLength(3);
    const positions = challenges.map(({ exit }) => exit.kind === 'standard' && exit.position);
    expect(positions).toEqual([coins[2], coins[0], coins[1]]);
  });
});

describe('an in-flight exit', () => {
  it('[X12] offers its inputs and outputs for the first half of the exit period, while it is in no block', () => {
    const { story, paid } = inFlight();
    expect(story.names()).toEqual(['piggyback_available']);
    story.piggyback(paid, 'Output', 0);
    const [offer] = story.verdict().events;
    const details = offer!.details as Readonly<Record<string, readonly unknown[]>>;
    expect([details.available_inputs!.length, details.available_outputs!.length]).toEqual([1, 0]);
    story.wait(60);
    expect(story.names()).toEqual([]);
  });

  it('[X12] of a deposit that another payment has spent is not canonical', () => {
    const story = new ExitStory();
    const coin = story.deposit(ALICE, 10n);
    story.include(story.pay([coin], [[CAROL, 10n]]));
    const rival = story.pay([coin], [[BOB, 10n]]);
    story.startInFlight(rival);
    expect(story.names()).toContain('non_canonical_ife');
    expect(story.verdict().challenges).toMatchObject([{ kind: 'not-canonical', index: 0 }]);
  });

  it('[X12] that was called non-canonical wrongly is answered for; late when nobody does', () => {
    const { story, coin, paid } = inFlight();
    story.include(paid);
    story.challengeInFlight(paid, story.pay([coin], [[CAROL, 10n]]));
    expect(story.names()).toContain('invalid_ife_challenge');
    expect(story.verdict().challenges).toMatchObject([{ kind: 'respond' }]);
    expect(story.names()).not.toContain('unchallenged_ife_challenge');
    story.wait(SLA_BLOCKS);
    expect(story.names()).toContain('unchallenged_ife_challenge');
  });

  it('[X12] is late from the piggyback on, not from its start: one bond on day two halts nobody', () => {
    const { story, coin, paid } = inFlight();
    story.include(story.pay([coin], [[CAROL, 10n]]));
    story.wait(2 * SLA_BLOCKS);
    story.piggyback(paid, 'Input', 0);
    expect(story.names()).toContain('invalid_piggyback');
    expect(story.names()).not.toContain('unchallenged_piggyback');
    story.wait(SLA_BLOCKS);
    expect(story.names()).toContain('unchallenged_piggyback');
  });

  it('[X12] whose challenged piggyback is placed again has a new one', () => {
    const { story, coin, paid } = inFlight();
    story.include(story.pay([coin], [[CAROL, 10n]]));
    story.piggyback(paid, 'Input', 0);
    const spent = () =>
      story
        .verdict()
        .challenges.filter(({ kind }) => kind === 'input-spent')
        .map((one) => one.subject);
    const [first] = spent();
    story.blockInput(paid, 0);
    expect(spent()).toEqual([]);
    story.wait(SLA_BLOCKS);
    story.piggyback(paid, 'Input', 0);
    expect(spent()).toHaveLength(1);
    expect(spent()[0]).not.toBe(first);
    expect(story.names()).not.toContain('unchallenged_piggyback');
  });

  it('[X4, X6] takes what it paid out of the ledger: the output of a block, else all inputs', () => {
    const { story, coin, paid } = inFlight();
    story.piggyback(paid, 'Output', 0);
    story.withdraw(paid, 'Output', 0);
    expect(story.payouts.at(-1)).toMatchObject({ paid: [], consumed: [coin] });
    const other = inFlight();
    const output = other.story.include(other.paid);
    other.story.withdraw(other.paid, 'Output', 0);
    expect(other.story.payouts.at(-1)).toMatchObject({ paid: [output], consumed: [] });
    other.story.withdraw(other.paid, 'Input', 0);
    expect(other.story.payouts.at(-1)).toMatchObject({ paid: [other.coin], consumed: [] });
  });
});
