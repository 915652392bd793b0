import { describe, expect, it } from 'vitest';
import { createMetrics, declareMetrics, type Metrics, noMetrics } from './metrics.ts';

const table = declareMetrics({
  blocks_total: { kind: 'counter', help: 'Blocks committed.' },
  rounds_total: { kind: 'counter', help: 'Rounds.', labels: ['outcome'] },
  height: { kind: 'gauge', help: 'Height.' },
  commit_seconds: { kind: 'histogram', help: 'Time to commit.', buckets: [0.1, 1] },
});

const valuesOf = async (metrics: { text(): Promise<string> }) =>
  (await metrics.text()).split('\n').filter((line) => line && !line.startsWith('#'));

describe('metrics', () => {
  it('are told in the text form of Prometheus, with prefix and unit', async () => {
    const metrics = createMetrics(table, { process: false, labels: { node: 'a' } });
    metrics.count('blocks_total');
    metrics.count('blocks_total', {}, 2);
    metrics.count('rounds_total', { outcome: 'timeout' });
    metrics.set('height', 12);
    metrics.observe('commit_seconds', 0.5);
    expect(await valuesOf(metrics)).toEqual([
      'palisade_blocks_total{node="a"} 3',
      'palisade_rounds_total{outcome="timeout",node="a"} 1',
      'palisade_height{node="a"} 12',
      'palisade_commit_seconds_bucket{le="0.1",node="a"} 0',
      'palisade_commit_seconds_bucket{le="1",node="a"} 1',
      'palisade_commit_seconds_bucket{le="+Inf",node="a"} 1',
      'palisade_commit_seconds_sum{node="a"} 0.5',
      'palisade_commit_seconds_count{node="a"} 1',
    ]);
    expect(await metrics.text()).toContain('# HELP palisade_blocks_total Blocks committed.');
  });

  it('tell of the process unless told not to, and of two daemons apart', async () => {
    const [a, b] = [createMetrics(table), createMetrics(table, { process: false })];
    a.count('blocks_total');
    expect(await a.text()).toContain('palisade_process_resident_memory_bytes');
    expect(await b.text()).not.toContain('process_resident_memory_bytes');
    expect(await valuesOf(b)).toContain('palisade_blocks_total 0');
  });

  it('labels from outside cannot grow without end, and nothing is lost in the sum', async () => {
    const metrics = createMetrics(table, { process: false });
    for (let i = 0; i < 1000; i++) metrics.count('rounds_total', { outcome: `peer ${i}` });
    const rounds = (await valuesOf(metrics)).filter((line) => line.includes('rounds_total'));
    expect(rounds).toHaveLength(201);
    expect(rounds).toContain('palisade_rounds_total{outcome="other"} 800');
  });

  it('names that nobody would find on a dashboard are refused', () => {
    const help = 'x';
    expect(() => declareMetrics({ blocks: { kind: 'counter', help } })).toThrow('_total');
    expect(() => declareMetrics({ peers_total: { kind: 'gauge', help } })).toThrow('_total');
    expect(() => declareMetrics({ camelCase: { kind: 'gauge', help } })).toThrow('snake case');
    expect(() => declareMetrics({ time: { kind: 'histogram', help, buckets: [1] } })).toThrow(
      'unit',
    );
    const buckets = [2, 1];
    expect(() => declareMetrics({ a_seconds: { kind: 'histogram', help, buckets } })).toThrow(
      'ascending',
    );
  });

  it('the compiler knows names, kinds and labels', () => {
    const use = (metrics: Metrics<typeof table>) => {
      metrics.count('rounds_total', { outcome: 'x' });
      // @ts-expect-error: a gauge is not counted
      metrics.count('height');
      // @ts-expect-error: a label that was not declared
      metrics.count('rounds_total', { colour: 'red' });
    };
    expect(() => use(noMetrics)).not.toThrow();
    expect(() => use(createMetrics(table, { process: false }))).toThrow("no counter 'height'");
  });
});
