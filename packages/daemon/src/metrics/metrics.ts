/**
 * Metrics are declared in one table per package, so that names, labels and units can be read in
 * one place and the compiler knows them. Code counts through the small port `Metrics`; what stands
 * behind it is Prometheus or nothing.
 *
 *   const table = declareMetrics({
 *     blocks_total: { kind: 'counter', help: 'Blocks committed.' },
 *     rounds_total: { kind: 'counter', help: 'Rounds by outcome.', labels: ['outcome'] },
 *     commit_seconds: { kind: 'histogram', help: 'Time to commit.', buckets: [0.01, 0.1, 1] },
 *   });
 *   const metrics = createMetrics({ ...table, ...others });
 *   metrics.count('rounds_total', { outcome: 'timeout' });
 */
import { PalisadeError } from '@palisade/core';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type MetricDeclaration = {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Upper bounds, ascending; histograms only. */
  readonly buckets?: readonly number[];
};
export type MetricTable = Readonly<Record<string, MetricDeclaration>>;

type NamesOf<T extends MetricTable, K> = {
  [N in keyof T]: T[N]['kind'] extends K ? N : never;
}[keyof T] &
  string;
type LabelsOf<D extends MetricDeclaration> = D['labels'] extends readonly (infer L extends string)[]
  ? Readonly<Record<L, string>>
  : Readonly<Record<string, never>>;

/** The port that code counts through. Values are plain numbers in the unit of the name. */
export type Metrics<T extends MetricTable> = {
  /** Adds to a counter; `by` is 1 unless given, and never negative. */
  count<N extends NamesOf<T, 'counter'>>(name: N, labels?: LabelsOf<T[N]>, by?: number): void;
  /** Sets a gauge. */
  set<N extends NamesOf<T, 'gauge'>>(name: N, value: number, labels?: LabelsOf<T[N]>): void;
  /** Adds an observation to a histogram. */
  observe<N extends NamesOf<T, 'histogram'>>(name: N, value: number, labels?: LabelsOf<T[N]>): void;
};

/** What a web page needs of the metrics. */
export type MetricsPage = { readonly contentType: string; text(): Promise<string> };

/** Every name begins so in Prometheus; tables leave it out. */
const PREFIX = 'palisade_';
/**
 * Combinations of labels that one metric may have. Each is a time series that Prometheus keeps;
 * labels fed from outside (peer names, error texts) would otherwise grow without end.
 */
const MAX_SERIES = 200;
const OVERFLOW = 'other';

/**
 * Checks a table and keeps its exact type.
 * @throws PalisadeError `metrics/bad-table`: a name that is no lower-case snake case, a counter
 * that does not end in `_total`, a histogram that does not end in a unit or has no buckets.
 */
export function declareMetrics<const T extends MetricTable>(table: T): T {
  for (const [name, { kind, buckets }] of Object.entries(table)) {
    const total = name.endsWith('_total');
    const unit = /_(seconds|bytes|wei|blocks|count|ratio)$/.test(name);
    const ascending = buckets?.every((bound, i) => i === 0 || bound > buckets[i - 1]!);
    const wrong =
      (!/^[a-z][a-z0-9_]*$/.test(name) && 'is not lower-case snake case') ||
      (total !== (kind === 'counter') && 'must end in _total exactly when it is a counter') ||
      (kind === 'histogram' && !unit && 'is a histogram and must end in a unit') ||
      (kind === 'histogram' && !ascending && 'is a histogram and needs ascending buckets');
    if (wrong) {
      throw new PalisadeError({
        code: 'metrics/bad-table',
        message: `The metric '${name}' ${wrong}.`,
      });
    }
  }
  return table;
}

/**
 * Metrics kept for Prometheus, in a registry of their own, so that several daemons in a process do
 * not mix. With `process: true` (default) memory, CPU, event loop and file handles are told too;
 * switch it off for all but one of the daemons of a process.
 */
export function createMetrics<T extends MetricTable>(
  table: T,
  { labels = {}, process: own = true }: { labels?: Record<string, string>; process?: boolean } = {},
): Metrics<T> & MetricsPage {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  if (own) collectDefaultMetrics({ register: registry, prefix: PREFIX });
  const series = new Map(
    Object.entries(table).map(([name, declaration]) => [
      name,
      { metric: build(name, declaration, registry), bound: boundedLabels(declaration) },
    ]),
  );
  const on = (name: string, kind: MetricDeclaration['kind'], given: Labels = {}) => {
    const found = series.get(name);
    if (!found || table[name]!.kind !== kind) {
      throw new PalisadeError({
        code: 'metrics/unknown',
        message: `There is no ${kind} '${name}' in the table of metrics.`,
      });
    }
    return { metric: found.metric, labels: found.bound(given) };
  };
  return {
    count: (name, given, by = 1) => {
      const { metric, labels: bound } = on(name, 'counter', given);
      (metric as Counter).inc(bound, by);
    },
    set: (name, value, given) => {
      const { metric, labels: bound } = on(name, 'gauge', given);
      (metric as Gauge).set(bound, value);
    },
    observe: (name, value, given) => {
      const { metric, labels: bound } = on(name, 'histogram', given);
      (metric as Histogram).observe(bound, value);
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

/** The port with nothing behind it, for tests and for daemons that nobody watches. */
export const noMetrics: Metrics<MetricTable> = { count() {}, set() {}, observe() {} };

type Labels = Readonly<Record<string, string>>;

function build(name: string, declaration: MetricDeclaration, registry: Registry) {
  const common = {
    name: `${PREFIX}${name}`,
    help: declaration.help,
    labelNames: [...(declaration.labels ?? [])],
    registers: [registry],
  };
  if (declaration.kind === 'counter') return new Counter(common);
  if (declaration.kind === 'gauge') return new Gauge(common);
  return new Histogram({ ...common, buckets: [...(declaration.buckets ?? [])] });
}

/** Lets the first 200 combinations pass; later ones are counted together. */
function boundedLabels({ labels: names = [] }: MetricDeclaration): (given: Labels) => Labels {
  const seen = new Set<string>();
  const overflow = Object.fromEntries(names.map((name) => [name, OVERFLOW]));
  return (given) => {
    if (names.length === 0) return given;
    const combination = JSON.stringify(names.map((name) => given[name]));
    if (seen.has(combination)) return given;
    if (seen.size >= MAX_SERIES) return overflow;
    seen.add(combination);
    return given;
  };
}
