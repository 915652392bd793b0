/**
 * What the benchmarks share: medians, processor time, and how a result is shown. Machines are noisy,
 * so ours and its anchor are measured in turns, and a ratio is the median of the rounds' ratios.
 */
import { availableParallelism, cpus, totalmem } from 'node:os';

/** One measured case. `ratio` is a median of rounds; `spread` the least and the greatest of them. */
export type Row = {
  readonly case: string;
  readonly ours: number;
  readonly anchor: number;
  readonly ratio: number;
  readonly unit: string;
  readonly spread: readonly [least: number, most: number];
  /** What is compared with what, and what is hoped for. */
  readonly note: string;
};

/** Wall and processor time of one run, seconds; the latter over all threads of the process. */
export type Taken = { readonly wall: number; readonly cpu: number };

/** The middle of some numbers; the mean of the two middle ones where their count is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Runs something once and tells what it took. */
export async function timed(run: () => unknown): Promise<Taken> {
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  await run();
  const wall = (performance.now() - before) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wall, cpu: (user + system) / 1e6 };
}

/** One round of a case: our figure and the anchor's, taken right after each other. */
export type Round = { readonly ours: number; readonly anchor: number };

/** A row over rounds, with ratio = ours / anchor. */
export function rowOf(head: Pick<Row, 'case' | 'unit' | 'note'>, rounds: readonly Round[]): Row {
  const ratios = rounds.map(({ ours, anchor }) => ours / anchor);
  return {
    ...head,
    ours: median(rounds.map(({ ours }) => ours)),
    anchor: median(rounds.map(({ anchor }) => anchor)),
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Prints the rows as a table; with `--json` among the arguments also as one last line of JSON. */
export function report(name: string, rows: readonly Row[]): void {
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.versions.node,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
  console.log(
    `${name} on ${machine.cores} x ${machine.cpu}, ${machine.memoryGiB} GiB, Node ${machine.node}`,
  );
  const lines = [
    ['case', 'ours', 'anchor', 'ratio', 'spread', 'unit'],
    ...rows.map((row) => [
      row.case,
      `${rounded(row.ours)}`,
      `${rounded(row.anchor)}`,
      row.ratio.toFixed(3),
      row.spread.map((ratio) => ratio.toFixed(3)).join(' … '),
      row.unit,
    ]),
  ];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  for (const line of lines)
    console.log(
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    );
  for (const row of rows) console.log(`${row.case}: ${row.note}`);
  if (!process.argv.includes('--json')) return;
  const plain = rows.map(({ note: _, ...row }) => ({
    ...row,
    ours: rounded(row.ours),
    anchor: rounded(row.anchor),
    ratio: rounded(row.ratio),
    spread: row.spread.map(rounded),
  }));
  console.log(JSON.stringify({ name, machine, rows: plain }));
}
