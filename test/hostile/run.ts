/**
 * `npm run test:hostile -- [--cases N] [--seed TEXT]`: the hostile suite at length, with its progress
 * and a table of what every kind of case was answered. Leaves with 1 when anything was wrong.
 */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { runHostile } from './suite.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: randomBytes(4).toString('hex') },
  },
});
const cases = Number(values.cases);
if (!Number.isSafeInteger(cases) || cases < 1) throw new Error('--cases wants a whole number.');
console.log(`${cases} hostile cases; again with --seed ${values.seed}`);
const started = performance.now();
/** Time between two lines of progress, ms. */
const LINE_MS = 10_000;
let told = started;
const report = await runHostile({
  seed: values.seed,
  cases,
  onBatch(done, faults) {
    if (performance.now() - told < LINE_MS && done < cases) return;
    told = performance.now();
    const perSecond = Math.round((1000 * done) / (told - started));
    const memory = Math.round(process.memoryUsage().rss / 2 ** 20);
    console.log(`${done} cases, ${perSecond} a second, ${faults} faults, ${memory} MiB`);
  },
});
for (const [kind, answers] of [...report.answers].sort(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(kind);
  for (const [answer, count] of [...answers].sort((a, b) => b[1] - a[1]))
    console.log(`${`${count}`.padStart(9)}  ${answer}`);
}
const share = (100 * report.pastOuter) / report.envelopes;
console.log(`${share.toFixed(1)} % of ${report.envelopes} envelopes passed the outer decoder`);
for (const fault of report.faults) console.error(`FAULT ${fault}`);
console.log(report.faults.length === 0 ? 'No faults.' : `${report.faults.length} faults.`);
process.exit(report.faults.length === 0 ? 0 : 1);
