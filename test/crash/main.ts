/** `npm run test:crash`: the points of a seed, a few at a time, a line for each. */
import { describePoint, MAX_DRAWS, pointOf } from './points.ts';
import { type PointReport, runPoint } from './run-point.ts';

/** As scripts/crash.mjs has read it. */
type Asked = {
  readonly points: number;
  readonly seed: number;
  /** Numbers with commas. */
  readonly only?: string;
  readonly jobs: number;
  readonly json?: true;
  readonly keep?: true;
};

const asked = JSON.parse(process.argv[2]!) as Asked;
const { points, seed, jobs, json = false, keep = false } = asked;
const numbers =
  asked.only?.split(',').map(Number) ?? Array.from({ length: points }, (_, i) => i + 1);
const count = numbers.length;
const reports: (PointReport & { readonly number: number })[] = [];

function tell(number: number, name: string, report: PointReport): void {
  if (json) {
    console.log(JSON.stringify({ number, point: name, ...report }));
    return;
  }
  const { failures, recoveryMs, laws, height, end, promises, dropped, reached } = report;
  const audit = failures.length === 0 ? 'ok' : 'FAILED';
  const late = dropped.length === 0 ? '' : ` (${dropped.length} too late: ${dropped.join(', ')})`;
  const missed = reached ? '' : ' (NEVER REACHED, killed at the end; drawn again)';
  console.log(
    `${`${number}`.padStart(4)}  ${name}${missed}: back after ${recoveryMs} ms; block ${height}, ${end}, ${promises} promises kept${late}, ${laws} laws: ${audit}`,
  );
  for (const failure of failures) console.log(`      ${failure.slice(0, 1000)}`);
  if (failures.length > 0 || end.startsWith('over'))
    for (const line of report.interruptions.slice(-8))
      console.log(`      client: ${line.slice(0, 300)}`);
}

const began = performance.now();
async function work(): Promise<void> {
  for (let number = numbers.shift(); number !== undefined; number = numbers.shift())
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      const point = pointOf(seed, number, draw);
      const report = await runPoint(point, keep);
      reports.push({ number, ...report });
      tell(number, describePoint(point), report);
      if (report.reached) break;
    }
}
await Promise.all(Array.from({ length: jobs }, work));
const failed = reports.filter(({ failures }) => failures.length > 0).length;
const reached = reports.filter((report) => report.reached);
const times = reached.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
const cancelled = reached.filter(({ end }) => end.startsWith('over')).length;
const promises = reports.reduce((sum, report) => sum + report.promises, 0);
const late = reports.reduce((sum, { dropped }) => sum + dropped.length, 0);
if (!json) {
  console.log(
    `${reached.length} of ${count} points with seed ${seed} reached, ${reports.length - reached.length} drawn again; ${failed} failed`,
  );
  console.log(
    `${promises} promises kept, ${late} of them by a record of why it was too late; ${cancelled} jobs ended early with their reason; back after ${times[times.length >> 1]} ms in the middle, ${times.at(-1)} ms at most; ${Math.round((performance.now() - began) / 1000)} s`,
  );
}
process.exit(failed === 0 && reached.length === count && count > 0 ? 0 : 1);
