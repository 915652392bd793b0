/** Five points of `npm run test:crash`: the whole network is killed, and must have kept its word. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { describePoint, pointOf } from './points.ts';
import type { PointReport } from './run-point.ts';

const POINTS = 5;
const SEED = 5;
const SCRIPT = fileURLToPath(new URL('../../scripts/crash.mjs', import.meta.url));
type Line = PointReport & { readonly number: number; readonly point: string };
let lines: readonly Line[] = [];

beforeAll(async () => {
  const args = [SCRIPT, '--json', '--points', `${POINTS}`, '--seed', `${SEED}`, '--jobs', '3'];
  const run = promisify(execFile);
  const env = { ...process.env, CRASH_SESSION_MS: '4000' };
  // A point that fails makes the script fail, and its lines say which.
  const { stdout } = await run(process.execPath, args, { env }).catch(
    (error: { stdout: string }) => error,
  );
  lines = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}, 600_000);

const numbers = Array.from({ length: POINTS }, (_, i) => i + 1);

describe('[ENG, C2V-2] after a kill -9 of the whole network, nothing promised is lost', () => {
  it.each(numbers.map((number) => [number, describePoint(pointOf(SEED, number))] as const))(
    'point %i: %s',
    (number) => {
      const tries = lines.filter((line) => line.number === number);
      // What was not reached was killed at the end, must be well too, and was drawn again.
      expect(tries.flatMap(({ failures }) => failures)).toEqual([]);
      const last = tries.at(-1);
      expect(last).toMatchObject({ reached: true });
      expect(last!.laws).toBeGreaterThan(5);
      expect(last!.promises).toBeGreaterThan(0);
    },
  );
});

describe('the points of a seed', () => {
  const ofSeed = (seed: number) => numbers.map((number) => pointOf(seed, number));
  it('are the same again, and others for another seed or another draw', () => {
    expect(ofSeed(7)).toEqual(ofSeed(7));
    expect(ofSeed(7)).not.toEqual(ofSeed(8));
    expect(pointOf(7, 1, 1)).not.toEqual(pointOf(7, 1));
  });
});
