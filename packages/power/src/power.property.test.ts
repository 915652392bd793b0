import { readdirSync, readFileSync } from 'node:fs';
import type { Domain } from '@palisade/core';
import { describe, expect, it } from 'vitest';
import { PAL } from '../../chain/test/chain-kit.ts';
import { startPower } from '../test/power-kit.ts';
import { RandomPower, type Tally } from '../test/random-power.ts';
import * as door from './index.ts';
import { powerModule, totals } from './index.ts';
import * as schemaDoor from './schema.ts';

/** Random runs, and deeds of each: `PALISADE_POWER_RUNS` for more. */
const RUNS = Number(process.env.PALISADE_POWER_RUNS ?? 3);
const DEEDS = 70;
/** Three runs from here on come to every command, slashes that are carried out and one that is taken back. */
const FIRST_SEED = 5;

describe('power over any sequence of deeds', () => {
  it(
    '[P12][P3][P4][P5][P7][P11] is what a second, naive ledger says, to the unit',
    async () => {
      const sum: Tally = new Map();
      let domain = {} as Domain;
      for (let run = 0; run < RUNS; run++) {
        const power = await RandomPower.begin(run + FIRST_SEED);
        domain = power.domain;
        for (let deed = 0; deed < DEEDS; deed++)
          await power.step().catch((cause) => {
            throw new Error(`run ${run}, deed ${deed}: ${cause}`, { cause });
          });
        for (const [name, { done, refused }] of power.tally) {
          const before = sum.get(name) ?? { done: 0, refused: 0 };
          sum.set(name, { done: before.done + done, refused: before.refused + refused });
        }
      }
      // The runs reach what they are about: every command, taken and refused, and slashes.
      const least = {
        'power.delegate': 10,
        'power.undelegate': 3,
        session: 10,
        power: 10,
        slash: 1,
      };
      for (const [name, count] of Object.entries(least))
        expect(sum.get(name)?.done ?? 0, name).toBeGreaterThan(count);
      const { commands = [] } = powerModule({ domain }).module;
      for (const { declaration } of commands) {
        const { name } = declaration;
        expect(sum.get(name)?.done ?? 0, `${name} taken`).toBeGreaterThan(0);
        expect(sum.get(name)?.refused ?? 0, `${name} refused`).toBeGreaterThan(0);
      }
    },
    60_000 * RUNS,
  );
});

/** Sources of the package, tests left out. */
function sources(folder: URL): [path: string, text: string][] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return sources(new URL(`${entry.name}/`, folder));
    const isSource = entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts');
    const url = new URL(entry.name, folder);
    return isSource ? [[url.pathname, readFileSync(url, 'utf8')] as [string, string]] : [];
  });
}

describe('the capability to change power', () => {
  it('[P3] is reached by no command that can be sent, whoever sends it', async () => {
    const pool = await startPower();
    const { chain } = pool;
    await pool.pool([1, 2]);
    const before = totals.need(chain.state).raw;
    const { known } = chain.application;
    expect(known.size).toBeGreaterThan(10);
    for (const declaration of known.values()) {
      const value = declaration.schema.ssz.defaultValue() as object;
      const signer =
        declaration.signer === 'account' ? chain.account('m0') : chain.machine('m0-machine');
      const nonce = chain.nextNonce(signer, declaration.lane);
      await chain.block([await chain.sign(signer, declaration, { ...value, nonce, maxFee: PAL })]);
      expect(totals.need(chain.state).raw, declaration.name).toBe(before);
      expect(pool.claim('m0').raw, declaration.name).toBe(before);
    }
  });

  it('[P3] leaves the package only in the hands of whoever composes the chain', () => {
    expect(Object.keys(door)).not.toContain('minerPower');
    expect(Object.keys(schemaDoor)).not.toContain('minerPower');
    const users = sources(new URL('./', import.meta.url))
      .filter(([, text]) => /\bminerPower\b/.test(text) && !/^export \* from/.test(text))
      .map(([path]) => path.slice(path.indexOf('/src/') + 5))
      .filter((path) => !path.startsWith('sectors/'));
    expect(users.sort()).toEqual(['claims/update-power.ts', 'module.ts']);
  });
});
