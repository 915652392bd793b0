/**
 * `npm run test:hostile`: the hostile suite at length, with its progress
 * and a table of what every kind of case was answered. Leaves with 1 when anything was wrong.
 */
import { randomBytes } from 'node:crypto';
import { runHostile } from './suite.ts';

/** As scripts/hostile.mjs has read it. */
type Asked = { readonly cases: number; readonly seed?: string };

const { cases, seed = randomBytes(4).toString('hex') } = JSON.parse(process.argv[2]!) as Asked;
console.log(`${cases} hostile cases; again with --seed ${seed}`);
const started = performance.now();
/** Time between two lines of progress, ms. */
const LINE_MS = 10_000;
let told = started;
const mib = (bytes: number) => Math.round(bytes / 2 ** 20);

/** Cases between two looks at what is still held once everything else has been collected. */
const LOOK_CASES = 100_000;
/** By so many cases whatever remembers requests has come to its bound: from then on nothing may grow. */
const FULL_CASES = 400_000;
/**
 * What may be held more at the end than when all was full, MiB: looks differ by some 20, as caches
 * hold now this, now that; 64 bytes left behind by each of the other cases would be more.
 */
const MAY_GROW_MIB = 32;
let look = LOOK_CASES;
let heldWhenFull: number | undefined;

/** Memory that is still reachable, MiB: heap, and what it holds outside. */
function held(): number {
  // What buffers hold is given back by a thread beside; the second collection waits for it.
  for (let i = 0; i < 2; i++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return mib(heapUsed + external);
}

function onBatch(done: number, faults: number): void {
  const isLate = performance.now() - told >= LINE_MS;
  if (isLate || done === cases) {
    told = performance.now();
    const perSecond = Math.round((1000 * done) / (told - started));
    const { rss, heapUsed, external } = process.memoryUsage();
    console.log(
      `${done} cases, ${perSecond} a second, ${faults} faults, ${mib(rss)} MiB resident (heap ${mib(heapUsed)}, outside ${mib(external)})`,
    );
  }
  if (done < look) return;
  look += LOOK_CASES;
  const now = held();
  console.log(`${done} cases: ${now} MiB are held after a collection`);
  if (done >= FULL_CASES) heldWhenFull ??= now;
}

const report = await runHostile({ seed, cases, onBatch });
const growth = heldWhenFull === undefined ? 0 : held() - heldWhenFull;
const faults = [...report.faults];
if (growth > MAY_GROW_MIB)
  faults.push(`${growth} MiB more are held than after ${FULL_CASES} cases: something leaks`);
for (const [kind, answers] of [...report.answers].sort(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(kind);
  for (const [answer, count] of [...answers].sort((a, b) => b[1] - a[1]))
    console.log(`${`${count}`.padStart(9)}  ${answer}`);
}
const share = (100 * report.pastOuter) / report.envelopes;
console.log(`${share.toFixed(1)} % of ${report.envelopes} envelopes passed the outer decoder`);
for (const fault of faults) console.error(`FAULT ${fault}`);
console.log(faults.length === 0 ? 'No faults.' : `${faults.length} faults.`);
process.exit(faults.length === 0 ? 0 : 1);
