import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PalisadeError } from '@palisade/core';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { listKeys } from './keys.ts';
import { type ConfigSources, checkConfig, loadConfig } from './loadConfig.ts';
import { editDistance } from './nearest.ts';
import { renderConfig, renderToml } from './render.ts';
import { tomlValue } from './text.ts';

const level = z.enum(['debug', 'info', 'error']);
const schema = z.object({
  name: z.string().default('node').meta({ description: 'What this node is called in logs.' }),
  log: z
    .object({
      level: level.default('info').meta({ description: 'The least level that is written.' }),
      levels: z.record(z.string(), level).default({}).meta({ description: 'Levels by module.' }),
      file: z.object({
        maxBytes: z
          .number()
          .int()
          .min(1)
          .default(1_000_000)
          .meta({ description: 'Size at which a file is put away.', unit: 'bytes' }),
      }),
    })
    .describe('Where messages go.'),
  pay: z.object({
    reserveWei: z
      .bigint()
      .default(10n ** 21n)
      .meta({ description: 'Kept back.', unit: 'wei' }),
    enabled: z.boolean().default(false).meta({ description: 'Whether to pay at all.' }),
    peers: z.array(z.string()).default(['a', 'b']).meta({ description: 'Who is asked first.' }),
    limits: z.array(z.number()).optional().meta({ description: 'Bounds, if any.' }),
    token: z.string().optional().meta({ description: 'Lets us in.', secret: true }),
  }),
});

let dir: string;
let files = 0;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'palisade-config-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function fileOf(text: string): string {
  const path = join(dir, `${files++}.toml`);
  writeFileSync(path, text);
  return path;
}

describe('where a value comes from', () => {
  it('for any set of places that set a key, the strongest wins and is named', () => {
    const place = fc.option(
      fc.nat({ max: 1e9 }).map((n) => n + 1),
      { nil: undefined },
    );
    const property = fc.property(place, place, place, (inFile, inEnv, inFlag) => {
      const file = fileOf(inFile === undefined ? '' : `[log.file]\nmaxBytes = ${inFile}`);
      const { value, origins } = loadConfig(schema, {
        file,
        env: inEnv === undefined ? {} : { PALISADE_LOG_FILE_MAX_BYTES: `${inEnv}` },
        flags: { 'log.file.maxBytes': inFlag },
      });
      expect(value.log.file.maxBytes).toBe(inFlag ?? inEnv ?? inFile ?? 1_000_000);
      const origin =
        (inFlag && 'flag:--max-bytes') ??
        (inEnv && 'env:PALISADE_LOG_FILE_MAX_BYTES') ??
        (inFile && `file:${file}`) ??
        'default';
      expect(origins['log.file.maxBytes']).toBe(origin);
      expect(origins['log.level']).toBe('default');
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('texts of variables become the kind of value that the key has', () => {
    const { value } = loadConfig(schema, {
      env: {
        PALISADE_NAME: '007',
        PALISADE_LOG_LEVELS: 'engine=debug, net=error',
        PALISADE_PAY_RESERVE_WEI: '340282366920938463463374607431768211456',
        PALISADE_PAY_ENABLED: 'yes',
        PALISADE_PAY_PEERS: '["x,y", "z"]',
        PALISADE_PAY_LIMITS: '1,2.5',
      },
    });
    expect(value.name).toBe('007');
    expect(value.log.levels).toEqual({ engine: 'debug', net: 'error' });
    expect(value.pay.reserveWei).toBe(2n ** 128n);
    expect(value.pay.enabled).toBe(true);
    expect(value.pay.peers).toEqual(['x,y', 'z']);
    expect(value.pay.limits).toEqual([1, 2.5]);
  });

  it('what was typed is named as it was typed: an option of its own, or --set, which is stronger', () => {
    const flags = { 'log.file.maxBytes': 5, 'log.level': 'debug' };
    const { value, origins } = loadConfig(schema, { flags, set: { 'log.level': 'error' } });
    expect(value.log).toMatchObject({ level: 'error', file: { maxBytes: 5 } });
    expect(origins).toMatchObject({
      'log.file.maxBytes': 'flag:--max-bytes',
      'log.level': 'flag:--set log.level',
    });
    const problems = checkConfig(schema, { set: { 'log.level': 'loud', 'log.levl': 'info' } });
    expect(problems.map(({ path, origin }) => [path, origin])).toEqual([
      ['log.levl', 'flag:--set log.levl'],
      ['log.level', 'flag:--set log.level'],
    ]);
  });
});

describe('problems', () => {
  const problemsOf = (sources: ConfigSources) =>
    checkConfig(schema, sources).map(({ path, hint }) => [path, hint]);

  it('a misspelt key is refused with the name that was likely meant', () => {
    const file = fileOf('nmae = "x"\nlevel = "info"\n[log]\nlevle = "info"\n[lgo]\nx = 1');
    expect(problemsOf({ file, set: { 'log.levl': 'info' } })).toEqual([
      ['nmae', 'Did you mean name?'],
      ['level', 'Did you mean log.level?'],
      ['log.levle', 'Did you mean log.level?'],
      ['lgo', 'Did you mean log?'],
      ['log.levl', 'Did you mean log.level?'],
    ]);
  });

  it('a key far from all others is refused without a guess', () => {
    expect(problemsOf({ file: fileOf('quantumEntanglement = 1') })).toEqual([
      ['quantumEntanglement', undefined],
    ]);
  });

  it('all problems are told at once, each with its key, its origin and the purpose of the key', () => {
    const file = fileOf('[log]\nlevel = "loud"\n[log.file]\nmaxBytes = 0\n[pay]\nenabled = "si"');
    const env = { PALISADE_PAY_RESERVE_WEI: 'much' };
    let thrown: unknown;
    try {
      loadConfig(schema, { file, env });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PalisadeError);
    const { code, message, data } = thrown as PalisadeError;
    expect(code).toBe('config/invalid');
    expect(data.problems).toHaveLength(4);
    expect(message).toContain(`log.level (file:${file}): is "loud"`);
    expect(message).toContain('The least level that is written.');
    expect(message).toContain('log.file.maxBytes');
    expect(message).toContain('pay.reserveWei (env:PALISADE_PAY_RESERVE_WEI): is "much"');
  });

  it('a key that must be set says how to set it', () => {
    const strict = z.object({ key: z.object({ path: z.string().describe('The key file.') }) });
    const [problem] = checkConfig(strict, {});
    expect(problem?.path).toBe('key.path');
    expect(problem?.hint).toContain('PALISADE_KEY_PATH');
  });

  it('rules between keys are problems too', () => {
    const range = z
      .object({
        low: z.number().default(1).describe('Low.'),
        high: z.number().default(2).describe('High.'),
      })
      .refine((v) => v.low <= v.high, 'low must not be above high');
    expect(checkConfig(range, { flags: { low: 3 } })[0]?.what).toBe('low must not be above high');
  });

  it('a file that is absent, broken or no settings file is told apart', () => {
    const [absent] = checkConfig(schema, { file: join(dir, 'absent.toml') });
    expect(absent?.what).toBe('cannot be read');
    const [broken] = checkConfig(schema, { file: fileOf('[log]\nlevel = = 3') });
    expect(broken?.what).toBe('is not TOML at line 2, column 9');
    const [big] = checkConfig(schema, { file: fileOf('#'.repeat(2 ** 20 + 1)) });
    expect(big?.what).toBe('is larger than 1 MiB');
    const [scalar] = checkConfig(schema, { file: fileOf('log = 3') });
    expect(scalar?.what).toBe('is a section, not a value');
    const [unsafe] = checkConfig(schema, { file: fileOf('__proto__ = 3') });
    expect(unsafe?.what).toContain('is not TOML');
  });

  it('a variable that is nearly ours earns a warning, a stranger with our prefix does not', () => {
    const { warnings } = loadConfig(schema, {
      env: { PALISADE_LOG_LEVLE: 'debug', PALISADE_SERVICE_HOST: '10.0.0.1' },
    });
    expect(warnings.map((w) => [w.path, w.hint])).toEqual([
      ['PALISADE_LOG_LEVLE', 'Did you mean PALISADE_LOG_LEVEL?'],
    ]);
  });

  it('the value of a secret key is never quoted', () => {
    const secretive = z.object({
      token: z.string().min(20).meta({ description: 'Lets us in.', secret: true }),
    });
    const problems = checkConfig(secretive, { flags: { token: 'hunter2' } });
    expect(problems).toHaveLength(1);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('a schema must describe each key, and give each a variable of its own', () => {
    expect(() => listKeys(z.object({ a: z.string() }))).toThrow('a has no description');
    const s = z.string().describe('x');
    const clash = z.object({ logFile: s, log: z.object({ file: s }) });
    expect(() => listKeys(clash)).toThrow('both claim the variable PALISADE_LOG_FILE');
  });
});

/** Removes the mark from commented-out settings, as a person would who wants them all. */
const uncommented = (toml: string) => toml.replace(/^#(?! |$)/gm, '');

describe('the generated file', () => {
  const defaults = loadConfig(schema, {}).value;

  it('as written, changes nothing: every value stays a default', () => {
    const { value, origins } = loadConfig(schema, { file: fileOf(renderToml(schema)) });
    expect(value).toEqual(defaults);
    expect(new Set(Object.values(origins))).toEqual(new Set(['default']));
  });

  it('with all keys uncommented, sets every default to itself', () => {
    const file = fileOf(uncommented(renderToml(schema)));
    const { value, origins } = loadConfig(schema, { file });
    expect(value).toEqual(defaults);
    const unset = Object.entries(origins).filter(([, origin]) => origin === 'default');
    expect(unset.map(([path]) => path)).toEqual(['pay.limits', 'pay.token']);
  });

  it('holds each description, unit, choice and variable name', () => {
    const toml = renderToml(schema, { title: 'Settings of a test.' });
    expect(toml.startsWith('# Settings of a test.\n')).toBe(true);
    for (const key of listKeys(schema)) {
      expect(toml).toContain(key.description);
      expect(toml).toContain(key.env);
    }
    expect(toml).toContain('unit: bytes');
    expect(toml).toContain('one of: debug, info, error');
    expect(toml.split('\n').every((line) => line.length <= 100)).toBe(true);
  });

  it('writes given values live', () => {
    const toml = renderToml(schema, { values: { log: { level: 'error' }, name: 'me' } });
    expect(parse(toml)).toMatchObject({ name: 'me', log: { level: 'error' } });
  });

  it('any string, number, list and table survives the way through a file', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.maxSafeInteger(),
      fc.double({ noNaN: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
      fc.boolean(),
      fc.string({ unit: 'binary-ascii' }),
    );
    const value = fc.oneof(leaf, fc.array(leaf), fc.dictionary(fc.string(), leaf));
    const property = fc.property(value, (v) => {
      const back = JSON.stringify(
        parse(`v = ${tomlValue(v)}`, { integersAsBigInt: 'asNeeded' }).v,
        plain,
      );
      expect(JSON.parse(back)).toEqual(JSON.parse(JSON.stringify(v)));
    });
    fc.assert(property, { numRuns: 300 });
  });
});

/** Whole doubles beyond 2^53 read back as integers. */
const plain = (_: string, v: unknown) => (typeof v === 'bigint' ? Number(v) : v);

describe('the effective settings', () => {
  const config = loadConfig(schema, {
    env: { PALISADE_PAY_TOKEN: 'hunter2hunter2' },
    flags: { name: 'me' },
  });

  it('are shown with origins, as a table and as JSON, without secrets', () => {
    const table = renderConfig(schema, config);
    expect(table).toMatch(/^name +"me" +flag:--name$/m);
    expect(table).toMatch(/^pay\.token +<secret> +env:PALISADE_PAY_TOKEN$/m);
    expect(table).toMatch(/^pay\.limits +- +default$/m);
    const json = renderConfig(schema, config, 'json');
    expect(JSON.parse(json)['pay.reserveWei']).toEqual({
      value: `${10n ** 21n}`,
      origin: 'default',
    });
    expect(table + json).not.toContain('hunter2');
  });
});

describe('edit distance', () => {
  it('counts added, dropped, replaced and swapped letters', () => {
    const cases = [
      ['', 'abc', 3],
      ['level', 'levle', 1],
      ['level', 'leve', 1],
      ['kitten', 'sitting', 3],
      ['same', 'same', 0],
    ] as const;
    for (const [a, b, n] of cases) expect(editDistance(a, b)).toBe(n);
  });

  it('is symmetric, zero only for equal words, and no more than the longer word', () => {
    const word = fc.string({ maxLength: 12 });
    const property = fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      expect(distance).toBe(editDistance(b, a));
      expect(distance === 0).toBe(a === b);
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
    });
    fc.assert(property);
  });
});
