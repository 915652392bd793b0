import { describe, expect, it } from 'vitest';
import { runHostile } from './suite.ts';

/** Another seed tries out other cases; what it finds, it finds again. */
const seed = process.env.SEED ?? 'palisade';
const CASES = 20_000;

describe('a node among enemies', () => {
  it(`[C2V-2, P2V-1, P1, ENG] refuses ${CASES} hostile requests clearly, keeps its state, and serves on`, async () => {
    console.log(`hostile cases from SEED=${seed}`);
    const report = await runHostile({ seed, cases: CASES });
    expect(report.faults).toEqual([]);
    expect(report.cases).toBe(CASES);
    expect(report.pastOuter / report.envelopes).toBeGreaterThan(0.5);
    expect(report.answers.size).toBeGreaterThan(40);
  }, 600_000);
});
