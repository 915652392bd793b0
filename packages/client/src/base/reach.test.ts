import { PalisadeError, toHex } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Directory } from './directory.ts';
import { environment } from './environment.ts';
import { type Answer, DEFAULT_POLICY, reach } from './reach.ts';

const keyOf = (i: number) => new Uint8Array(32).fill(i + 1);
const urlOf = (i: number) => `http://v${i}.test`;

function directoryOf(size: number): Directory {
  const directory = new Directory([]);
  directory.hear(
    Array.from({ length: size }, (_, i) => ({
      nodeKey: keyOf(i),
      url: urlOf(i),
      name: `v${i}`,
      seat: 'active' as const,
      weight: 1n,
    })),
  );
  return directory;
}

/** Time that passes only when somebody sleeps: an attempt's alarm never rings, pauses take no time. */
function instant() {
  const pauses: number[] = [];
  const env = environment({
    random: () => 0.5,
    sleep: (ms) => {
      if (ms === DEFAULT_POLICY.timeoutMs) return new Promise(() => {});
      pauses.push(ms);
      return Promise.resolve();
    },
  });
  return { env, pauses };
}

type Behaviour = 'answers' | 'fails' | 'refuses-later' | 'refuses-never' | 'not-active';

function errorOf(behaviour: Behaviour): Error {
  if (behaviour === 'fails') return new TypeError('fetch failed');
  if (behaviour === 'not-active')
    return new PalisadeError({ code: 'market/not-active', message: 'passive', retry: 'never' });
  const retry = behaviour === 'refuses-never' ? 'never' : 'later';
  return new PalisadeError({ code: `test/${behaviour}`, message: behaviour, retry });
}

/** Runs `reach` over validators of given behaviour; records who was asked in which round. */
async function run(
  behaviours: readonly Behaviour[],
  enough?: (answers: readonly Answer<number>[]) => boolean,
) {
  const { env, pauses } = instant();
  const rounds: string[][] = [];
  let open = 0;
  const call = async (validator: { key: string }) => {
    if (open++ === 0) rounds.push([]);
    rounds.at(-1)!.push(validator.key);
    await new Promise((resolve) => setImmediate(resolve));
    open--;
    const i = Number.parseInt(validator.key.slice(2, 4), 16) - 1;
    const behaviour = behaviours[i]!;
    if (behaviour !== 'answers') throw errorOf(behaviour);
    return i;
  };
  const options = enough ? { what: 'a test', enough } : { what: 'a test' };
  const context = { directory: directoryOf(behaviours.length), env, policy: DEFAULT_POLICY };
  const result = await reach(context, call, options).catch((error: PalisadeError) => error);
  return { result, rounds, pauses };
}

const behaviour = fc.constantFrom<Behaviour>(
  'answers',
  'fails',
  'refuses-later',
  'refuses-never',
  'not-active',
);

describe('asking validators', () => {
  it('[C2V-2.G1] makes at most 4 attempts, attempt k asks at most k + 1, and nobody twice in one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(behaviour, { minLength: 1, maxLength: 12 }), async (all) => {
        const { rounds } = await run(all, () => false);
        expect(rounds.length).toBeLessThanOrEqual(4);
        for (const [k, round] of rounds.entries()) {
          expect(round.length).toBeLessThanOrEqual(k + 1);
          expect(new Set(round).size).toBe(round.length);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('[C2V-2.G1] goes on to validators that were not asked yet before it asks one again', async () => {
    const { rounds } = await run(Array(10).fill('fails'));
    expect(rounds.map((round) => round.length)).toEqual([1, 2, 3, 4]);
    expect(new Set(rounds.flat()).size).toBe(10);
  });

  it('[C2V-2.G1] stops at the first good answer and fails only when nobody gives one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(behaviour, { minLength: 1, maxLength: 10 }), async (all) => {
        const { result, rounds } = await run(all);
        const asked = rounds.flat().map((key) => all[Number.parseInt(key.slice(2, 4), 16) - 1]);
        if (Array.isArray(result)) expect(asked).toContain('answers');
        else if (asked.includes('answers')) expect(asked).toContain('refuses-never');
        const before = rounds.slice(0, -1).flat();
        expect(before.map((key) => all[Number.parseInt(key.slice(2, 4), 16) - 1])).not.toContain(
          'answers',
        );
      }),
      { numRuns: 200 },
    );
  });

  it('does not ask again after a refusal that would be repeated, and hands it on', async () => {
    const { result, rounds } = await run(['refuses-never', 'answers']);
    expect(result).toMatchObject({ code: 'test/refuses-never' });
    expect(rounds.flat()).toHaveLength(1);
  });

  it('takes a redirect of a passive validator for what it is: ask another', async () => {
    const { result } = await run(['not-active', 'answers']);
    expect(result).toMatchObject([{ value: 1 }]);
  });

  it('[C2V-2] collects until the weight is enough, asks nobody again who has answered, and stops there', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(behaviour, { minLength: 1, maxLength: 10 }),
        fc.integer({ min: 1, max: 10 }),
        async (all, wanted) => {
          const { result, rounds } = await run(all, (answers) => answers.length >= wanted);
          const good = rounds
            .flat()
            .filter((key) => all[Number.parseInt(key.slice(2, 4), 16) - 1] === 'answers');
          expect(new Set(good).size).toBe(good.length);
          if (Array.isArray(result)) expect(result.length).toBe(wanted);
          else
            expect(all.filter((one) => one === 'answers').length < wanted || all.length > 4).toBe(
              true,
            );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('[C2V-2] one validator that says never cannot stop a collection', async () => {
    const { result } = await run(
      ['refuses-never', 'answers', 'answers'],
      (answers) => answers.length >= 2,
    );
    expect(result).toHaveLength(2);
  });

  it('[C2V-2.G1] pauses between attempts, longer each time, with jitter around it', async () => {
    const { pauses } = await run(['fails']);
    expect(pauses).toEqual([500, 1000, 2000]);
  });

  it('says who was tried and why each failed', async () => {
    const { result } = await run(['fails', 'fails']);
    expect(result).toMatchObject({ code: 'client/unreachable', retry: 'later' });
    const { tried } = (result as PalisadeError).data;
    expect(tried).toContainEqual(expect.stringContaining('http://v0.test: The connection'));
    expect(tried).toContainEqual(expect.stringContaining('http://v1.test: The connection'));
  });

  it('[C2V-1.1] asks the quick and reliable before the slow and the silent', async () => {
    const { env } = instant();
    const directory = directoryOf(4);
    directory.noteAnswer(toHex(keyOf(0)), 900);
    directory.noteAnswer(toHex(keyOf(1)), 10);
    for (let i = 0; i < 3; i++) directory.noteFailure(toHex(keyOf(2)));
    const asked: string[] = [];
    await reach(
      { directory, env, policy: DEFAULT_POLICY },
      async ({ alias }) => asked.push(alias),
      {
        what: 'a test',
        enough: (answers) => answers.length === 4,
      },
    );
    expect(asked).toEqual(['v1', 'v3', 'v0', 'v2']);
  });

  it('gives up a validator that never answers after the time-out, and counts it against it', async () => {
    const directory = directoryOf(2);
    directory.noteAnswer(toHex(keyOf(0)), 1);
    const policy = { attempts: 4, timeoutMs: 20, pauseMs: 1 };
    const answers = await reach(
      { directory, env: environment(), policy },
      ({ alias }) => (alias === 'v0' ? new Promise<string>(() => {}) : Promise.resolve(alias)),
      { what: 'a test' },
    );
    expect(answers[0]!.value).toBe('v1');
    expect(directory.find(keyOf(0))!.reliability).toBeLessThan(1);
  });

  it('ends when the caller gives up', async () => {
    const stop = new AbortController();
    const context = { directory: directoryOf(2), env: environment(), policy: DEFAULT_POLICY };
    const asked = reach(context, () => new Promise<never>(() => {}), {
      what: 'a test',
      signal: stop.signal,
    });
    stop.abort();
    await expect(asked).rejects.toMatchObject({ code: 'client/aborted' });
  });
});
