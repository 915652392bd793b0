import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runGolden } from '../test/golden.ts';

const FILE = new URL('../../../spec/vectors/app-hash.json', import.meta.url);

describe('the golden script', () => {
  it('ends in the app hash that every version and every machine must reach', async () => {
    const golden = await runGolden();
    expect(golden.transactions).toBeGreaterThan(190);
    expect(golden.refused).toBeGreaterThan(30);
    // A change of what blocks do changes the hash: then the application's version goes up, too.
    if (process.env.PALISADE_WRITE_VECTORS)
      writeFileSync(
        FILE,
        `${JSON.stringify({ about: 'packages/market/test/golden.ts', ...golden }, null, 2)}\n`,
      );
    expect(JSON.parse(readFileSync(FILE, 'utf8'))).toMatchObject(golden);
  });

  it('ends the same a second time', async () => {
    expect(await runGolden()).toEqual(await runGolden());
  });
});
