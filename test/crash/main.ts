/** `npm run test:crash`: the points of a seed, a few at a time, a line for each. */
import { parseArgs } from 'node:util';
import { describePoint, pointsOf } from './points.ts';
import { type PointReport, runPoint } from './run-point.ts';

const { values } = parseArgs({
  options: {
    points: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    /** Only the point of this number. */
    only: { type: 'string' },
    /** Networks at a time. */
    jobs: { type: 'string', default: '2' },
    /** Reports as JSON lines. */
    json: { type: 'boolean', default: false },
    /** Leaves the folders of points that failed. */
    keep: { type: 'boolean', default: false },
  },
});
const { only, json, keep } = values;
const points = pointsOf(Number(values.seed), Number(values.points))
  .map((point, i) => ({ point, number: i + 1 }))
  .filter(({ number }) => only === undefined || number === Number(only));
const reports: PointReport[] = [];

function tell(number: number, name: string, report: PointReport): void {
  if (json) {
    console.log(JSON.stringify({ number, point: name, ...report }));
    return;
  }
  const { failures, recoveryMs, laws, height, end, promises, reached } = report;
  const audit = failures.length === 0 ? 'ok' : 'FAILED';
  console.log(
    `${`${number}`.padStart(4)}  ${name}${reached ? '' : ' (never reached; killed at the end)'}: back after ${recoveryMs} ms; block ${height}, ${end}, ${promises} promises kept, ${laws} laws: ${audit}`,
  );
  for (const failure of failures) console.log(`      ${failure.slice(0, 1000)}`);
  if (failures.length > 0)
    for (const line of report.interruptions.slice(-8))
      console.log(`      client: ${line.slice(0, 300)}`);
}

const began = performance.now();
const queue = [...points];
async function work(): Promise<void> {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const report = await runPoint(next.point, keep);
    reports.push(report);
    tell(next.number, describePoint(next.point), report);
  }
}
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
const failed = reports.filter(({ failures }) => failures.length > 0).length;
const reached = reports.filter((report) => report.reached).length;
const times = reports.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
if (!json)
  console.log(
    `${reports.length} points with seed ${values.seed}, ${reached} reached, ${failed} failed; back after ${times[times.length >> 1]} ms in the middle, ${times.at(-1)} ms at most; ${Math.round((performance.now() - began) / 1000)} s`,
  );
process.exit(failed === 0 && reports.length > 0 ? 0 : 1);
