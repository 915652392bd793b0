/** Five points of `npm run test:crash`: the whole network is killed, and must have kept its word. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { describePoint, pointsOf } from './points.ts';
import type { PointReport } from './run-point.ts';

const POINTS = 5;
const SEED = 5;
const SCRIPT = fileURLToPath(new URL('../../scripts/crash.mjs', import.meta.url));
type Line = PointReport & { readonly number: number; readonly point: string };
let lines: readonly Line[] = [];

beforeAll(async () => {
  const args = [SCRIPT, '--json', '--points', `${POINTS}`, '--seed', `${SEED}`, '--jobs', '3'];
  const run = promisify(execFile);
  // A point that fails makes the script fail, and its lines say which.
  const { stdout } = await run(process.execPath, args).catch((error: { stdout: string }) => error);
  lines = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}, 120_000);

describe('[ENG, C2V-2] after a kill -9 of the whole network, nothing promised is lost', () => {
  it.each(pointsOf(SEED, POINTS).map((point, i) => [describePoint(point), i + 1] as const))(
    '%s',
    (point, number) => {
      const line = lines.find((other) => other.number === number);
      expect(line).toMatchObject({ point, failures: [] });
      expect(line!.laws).toBeGreaterThan(5);
      expect(line!.promises).toBeGreaterThan(0);
    },
  );
});

describe('the points of a seed', () => {
  it('are the same again, and others for another seed', () => {
    expect(pointsOf(7, 50)).toEqual(pointsOf(7, 50));
    expect(pointsOf(7, 50)).not.toEqual(pointsOf(8, 50));
  });
});
