import { fromHex, toHex } from '@palisade/core';
import { hashOf, v2 } from '@palisade/payments';
import { describe, expect, it } from 'vitest';
import { secondsAt } from '../../test/child-chain.ts';
import { BLOCK_SECONDS, ExitOracle, SLA_BLOCKS } from '../../test/exit-oracle.ts';
import { ExitWorld, MIN_EXIT_PERIOD } from '../../test/exit-world.ts';
import { NO_TIP, type Tip } from './chain-view.ts';
import { ExitTable } from './exit-table.ts';
import type { Challenge, ExitEvent } from './findings.ts';
import { casesOf, type Judgement, judgeExits, type Verdict } from './judge.ts';

const RUNS = Number(process.env.PALISADE_EXIT_RUNS ?? 60);
const DEEDS = 120;

function judgement(world: ExitWorld, table: ExitTable, tip: Tip = NO_TIP): Judgement {
  return {
    ...{ dialect: v2, table, view: world.view, tip },
    now: { height: world.height, seconds: secondsAt(world.height) },
    margins: { slaBlocks: SLA_BLOCKS, blockTimeMs: 1000 * BLOCK_SECONDS },
    minExitPeriodSeconds: MIN_EXIT_PERIOD,
  };
}

function judge(world: ExitWorld, table: ExitTable, tip?: Tip): Verdict {
  return judgeExits(judgement(world, table, tip));
}

/** A verdict in the oracle's words. */
function lines({ events, challenges }: Verdict): string[] {
  return [...new Set([...events.map(eventLine), ...challenges.map(challengeLine)])].sort();
}

function eventLine({ event, details }: ExitEvent): string {
  const { utxo_pos, spending_txhash, txbytes, reasons } = details as Record<string, unknown>;
  const subject = utxo_pos ?? toHex(hashOf(fromHex(txbytes as string)));
  if (event === 'exit_nearly_final' || event === 'late_invalidation') return `${event} ${subject}`;
  const parts: unknown[] = [event, subject];
  if (utxo_pos !== undefined) parts.push(spending_txhash);
  parts.push(...indexes(details));
  if (reasons) parts.push((reasons as string[]).join('+'));
  return parts.join(' ');
}

/** Inputs and outputs that an event names. */
function indexes(details: Readonly<Record<string, unknown>>): string[] {
  const of = (side: string, list: unknown) =>
    ((list ?? []) as (number | { index: number })[]).map(
      (one) => `${side}${typeof one === 'number' ? one : one.index}`,
    );
  const named = [
    ...of('Input', details.inputs ?? details.available_inputs),
    ...of('Output', details.outputs ?? details.available_outputs),
  ];
  return named.length > 0 ? [named.join('+')] : [];
}

function challengeLine({ kind, exit, index, visibleAt, deadline, spend }: Challenge): string {
  const shown = spend ? toHex(spend.txHash) : 'null';
  return `challenge ${kind} ${exit.exitId} ${index} ${visibleAt} ${deadline} ${shown}`;
}

function tableOf(world: ExitWorld): ExitTable {
  const table = new ExitTable(v2);
  for (const fact of world.facts) table.apply(fact);
  return table;
}

/** Events in an order of their own: they come in that of the exits that were looked at. */
function sorted({ events, challenges }: Verdict): Verdict {
  const name = (event: ExitEvent) => eventLine(event);
  return { events: [...events].sort((a, b) => (name(a) < name(b) ? -1 : 1)), challenges };
}

describe('exits of all kinds at random', () => {
  it('[X2, X6, X7, X12] are judged as by somebody who reads everything again for each question', () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < RUNS; seed++) {
      const world = new ExitWorld(seed);
      for (let i = 0; i < DEEDS; i++) world.deed();
      const found = lines(judge(world, tableOf(world)));
      const now = { height: world.height, seconds: secondsAt(world.height) };
      const wanted = new ExitOracle(world, now).lines();
      if (found.join('\n') !== [...new Set(wanted)].join('\n'))
        expect(found, `seed ${seed}`).toEqual(wanted);
      for (const line of found) {
        const name = line
          .split(' ')
          .slice(0, line.startsWith('challenge') ? 2 : 1)
          .join(' ');
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
    }
    // The test reaches what it is about.
    for (const name of NAMES) expect(seen.get(name) ?? 0, name).toBeGreaterThan(2);
    if (process.env.PALISADE_EXIT_RUNS) console.log(Object.fromEntries(seen));
  }, 3_600_000);

  it('[X5, X15] come to the same verdict for who judged all the time, only what was touched, and who catches up', () => {
    let right = 0;
    for (let seed = 1_000; seed < 1_000 + RUNS / 6; seed++) {
      const world = new ExitWorld(seed);
      const present = new ExitTable(v2);
      world.onSpent = (position) => present.docket.touch(position);
      let applied = 0;
      for (let i = 0; i < DEEDS; i++) {
        world.deed();
        for (; applied < world.facts.length; applied++) present.apply(world.facts[applied]!);
        const now = judgement(world, present);
        const cases = casesOf(now);
        right += [...present.open()].length - cases.length;
        if (i % 10 === 0) expect(sorted(judgeExits(now, cases))).toEqual(sorted(judgeExits(now)));
      }
      const late = judge(world, tableOf(world));
      expect(judge(world, present)).toEqual(late);
      const ends = late.challenges.map(({ deadline }) => deadline ?? Number.POSITIVE_INFINITY);
      expect(ends).toEqual([...ends].sort((a, b) => a - b));
    }
    // Most need no look.
    expect(right).toBeGreaterThan(RUNS);
  });

  it('[X3] are passed over in silence when the newest block of the root chain has them no more', () => {
    for (let seed = 2_000; seed < 2_010; seed++) {
      const world = new ExitWorld(seed);
      for (let i = 0; i < DEEDS; i++) world.deed();
      const table = tableOf(world);
      const gone = { exists: false, canonical: true, oldestCompetitor: 0n, map: 0n };
      const open = [...table.open()];
      const tip: Tip = {
        standard: new Map(open.map(({ exitId }) => [exitId, false])),
        inFlight: new Map(open.map(({ exitId }) => [exitId, gone])),
      };
      expect(judge(world, table, tip)).toEqual({ events: [], challenges: [] });
    }
  });
});

const NAMES = [
  ...['invalid_exit', 'unchallenged_exit', 'exit_nearly_final', 'late_invalidation'],
  ...['non_canonical_ife', 'unchallenged_non_canonical_ife'],
  ...['invalid_ife_challenge', 'unchallenged_ife_challenge'],
  ...['invalid_piggyback', 'unchallenged_piggyback', 'piggyback_available'],
  ...['standard-exit', 'not-canonical', 'respond', 'input-spent', 'output-spent'].map(
    (kind) => `challenge ${kind}`,
  ),
];
