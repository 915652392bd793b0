import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PalisadeError, toHex } from '@palisade/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger, type LogSettings } from './logger.ts';
import { createPrettyFormat } from './pretty.ts';
import { openRotatingFile } from './rotatingFile.ts';
import { logSection } from './section.ts';

function recorder(settings: Partial<LogSettings> = {}) {
  const lines: string[] = [];
  const log = createLogger(logSection.parse({ ...settings, stdout: false }), {
    name: 'test',
    sinks: [{ write: (line) => lines.push(line) }],
  });
  return { log, lines, entries: () => lines.map((line) => JSON.parse(line)) };
}

describe('lines', () => {
  it('are JSON with time, level, module, message and fields', () => {
    const { log, entries } = recorder();
    log.child({ module: 'engine' }).info('block committed', { height: 2n ** 64n, ok: true });
    const [entry] = entries();
    expect(entry).toMatchObject({
      level: 'info',
      name: 'test',
      module: 'engine',
      msg: 'block committed',
      height: '18446744073709551616',
      ok: true,
    });
    expect(Number.isNaN(Date.parse(entry.time))).toBe(false);
  });

  it('obey the level of their module, or of the nearest one above, or the general one', () => {
    const { log, entries } = recorder({
      level: 'warn',
      levels: { engine: 'debug', 'engine.abci': 'error', net: 'silent' },
    });
    for (const module of ['engine', 'engine.rounds', 'engine.abci', 'engineer', 'net', 'store']) {
      const child = log.child({ module });
      for (const level of ['debug', 'warn', 'error'] as const) {
        expect(child.enabled(level)).toBe(entriesAfter(() => child[level]('x'), entries));
      }
    }
    const written = entries().map(({ module, level }) => `${module} ${level}`);
    expect(written).toEqual([
      'engine debug',
      'engine warn',
      'engine error',
      'engine.rounds debug',
      'engine.rounds warn',
      'engine.rounds error',
      'engine.abci error',
      'engineer warn',
      'engineer error',
      'store warn',
      'store error',
    ]);
  });

  it('tell of an error its code, data, next step and causes', () => {
    const { log, entries } = recorder();
    const cause = new RangeError('deep');
    const err = new PalisadeError({
      code: 'store/full',
      message: 'The disk is full.',
      next: 'Free some space.',
      data: { bytes: 5n },
      cause,
    });
    log.error('commit failed', { err });
    expect(entries()[0].err).toMatchObject({
      type: 'PalisadeError',
      code: 'store/full',
      message: 'The disk is full.',
      next: 'Free some space.',
      data: { bytes: '5' },
      cause: { type: 'RangeError', message: 'deep' },
    });
    expect(entries()[0].err.stack).toContain('log.test.ts');
  });

  it('keep their own parts when a field has the same name', () => {
    const { log, entries } = recorder();
    log.child({ module: 'engine' }).info('real', { level: 'fatal', msg: 'forged', module: 'x' });
    const [entry] = entries();
    expect(entry).toMatchObject({ level: 'info', msg: 'real', module: 'engine', level_: 'fatal' });
  });

  it('stay short whatever is handed in', () => {
    const { log, lines, entries } = recorder();
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const wide = Array.from({ length: 50 }, () => Array.from({ length: 50 }, () => 'x'.repeat(99)));
    const trap = Object.defineProperty({}, 'bad', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });
    log.info('circle', { circle });
    log.info('wide', { wide });
    log.info('long', { text: 'y'.repeat(1e6), bytes: new Uint8Array(1e6), z: 'z'.repeat(6e4) });
    log.info('trap', { trap, f: () => {}, date: new Date(NaN), map: new Map([[1, new Set([2])]]) });
    expect(entries()).toHaveLength(4);
    for (const line of lines) expect(line.length).toBeLessThan(40_000);
    expect(entries()[2]).toMatchObject({ text: '[text of 1000000 characters]' });
  });
});

function entriesAfter(act: () => void, entries: () => unknown[]): boolean {
  const before = entries().length;
  act();
  return entries().length > before;
}

describe('secrets', () => {
  it('fields with a secret name are not written at any depth', () => {
    const { log, lines } = recorder();
    const names = ['passphrase', 'password', 'secretKey', 'private_key', 'mnemonic', 'apiKey'];
    for (const name of names) {
      log.info('x', { [name]: 'hunter2' });
      log.info('x', { a: [{ b: { [name]: { deep: 'hunter2' } } }] });
      log.child({ module: 'm', [name]: 'hunter2' }).info('x');
      log.error('x', { err: Object.assign(new Error('e'), { [name]: 'hunter2' }) });
    }
    expect(lines).toHaveLength(names.length * 4);
    expect(lines.join()).not.toContain('hunter2');
  });

  it('public things with similar names are written', () => {
    const { log, lines } = recorder();
    log.info('x', { publicKey: 'visible', seed: 'visible', token: 'visible', key: 'visible' });
    expect(lines.join().match(/visible/g)).toHaveLength(4);
  });

  it('passwords in URLs are not written', () => {
    const { log, lines } = recorder();
    log.info('dial https://me:hunter2@rpc.example/x', { url: 'wss://hunter2@[::1]:80' });
    expect(lines[0]).not.toContain('hunter2');
    expect(lines[0]).toContain('rpc.example/x');
  });

  it('a hidden key or passphrase is in no line, wherever it was put and however it was written', () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 64 });
    // Letters that no frame of a line uses, so that finding them means that they leaked.
    const phrase = fc.string({ unit: fc.constantFrom(...'QXZ§ß"\\$.*\n'), minLength: 4 });
    const property = fc.property(bytes, phrase, fc.nat(3000), (key, passphrase, shift) => {
      const { log, lines } = recorder();
      log.hide(key);
      log.hide(passphrase);
      const hex = toHex(key).slice(2);
      const base64 = Buffer.from(key).toString('base64');
      const padding = 'p'.repeat(shift + 2000);
      for (const leak of [hex, hex.toUpperCase(), base64, passphrase]) {
        const err = new Error(`failed with ${leak}`, { cause: new Error(leak) });
        log.info(leak, { a: leak, [leak]: 1, deep: [{ b: `${padding}${leak}` }] });
        log.child({ module: leak }).error('x', { err, map: new Map([[leak, leak]]) });
      }
      log.info('raw', { key, inside: Buffer.concat([Buffer.alloc(shift), key]) });
      const all = lines.join('').toLowerCase();
      expect(all).not.toContain(hex);
      expect(all).not.toContain(base64.replace(/=+$/, '').toLowerCase());
      expect(all).not.toContain(JSON.stringify(passphrase).slice(1, -1).toLowerCase());
    });
    fc.assert(property, { numRuns: 40 });
  });

  it('the number of hidden values is bounded', () => {
    const { log } = recorder();
    const hideMany = () => {
      for (let i = 0; i < 300; i++) log.hide(`secret number ${i}`);
    };
    expect(hideMany).toThrow(PalisadeError);
  });
});

describe('the pretty form', () => {
  const line = { time: '2026-01-02T03:04:05.678Z', level: 'info', name: 'n', module: 'engine' };
  const format = createPrettyFormat({ colour: false });

  it('reads as one line, with errors below', () => {
    const err = {
      type: 'E',
      code: 'a/b',
      message: 'broke',
      next: 'mend',
      stack: 'E\n    at f (x:1)',
    };
    const text = format(JSON.stringify({ ...line, msg: 'hello', height: 12, who: 'a b', err }));
    expect(text).toBe(
      '03:04:05.678 INFO  engine     hello  height=12  who="a b"\n' +
        '    a/b: broke\n    -> mend\n        at f (x:1)\n',
    );
  });

  it('no text from outside can colour the terminal or forge a line', () => {
    const evil = '\u001b[31mred\u009b1m\nFATAL forged\r';
    const text = format(
      JSON.stringify({ ...line, msg: evil, [evil]: evil, err: { message: evil } }),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
    expect(text.replaceAll('\n    ', '').trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(format('not json \u001b[31m\n')).toBe('not json \\u001b[31m\n');
  });

  it('colours levels only when asked to', () => {
    const text = createPrettyFormat({ colour: true })(JSON.stringify({ ...line, msg: 'x' }));
    expect(text).toContain('\u001b[32mINFO ');
  });
});

describe('the rotating file', () => {
  let dir: string;
  let path: string;
  let time = 0;
  const now = () => time;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'palisade-log-'));
    path = join(dir, 'logs/node.log');
    time = 0;
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('never exceeds its bounds, and keeps the newest lines whole and in order', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 120 });
    const property = fc.property(sizes, fc.integer({ min: 0, max: 4 }), (lengths, keep) => {
      const folder = mkdtempSync(join(dir, 'run-'));
      const file = join(folder, 'x.log');
      const sink = openRotatingFile({ path: file, maxBytes: 400, keep, now });
      const lines = lengths.map((length, i) => `${i} ${'é'.repeat(length / 2)}\n`);
      for (const line of lines) sink.write(line);
      sink.close?.();
      const names = readdirSync(folder).sort().reverse();
      expect(names.length).toBeLessThanOrEqual(keep + 1);
      for (const name of names) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(400);
      const kept = names.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
      expect(lines.join('').endsWith(kept)).toBe(true);
      expect(kept).toContain(lines.at(-1)!);
    });
    fc.assert(property, { numRuns: 40 });
  });

  it('goes on where the last process stopped', () => {
    for (const line of ['first\n', 'second\n']) {
      const sink = openRotatingFile({ path, maxBytes: 1000, keep: 1, now });
      sink.write(line);
      sink.close?.();
    }
    expect(readFileSync(path, 'utf8')).toBe('first\nsecond\n');
    expect(statSync(path).mode & 0o007).toBe(0);
  });

  it('begins a new file within a second after somebody moved or deleted it', () => {
    const sink = openRotatingFile({ path, maxBytes: 1000, keep: 1, now });
    sink.write('one\n');
    renameSync(path, `${path}.moved`);
    sink.write('two\n');
    expect(readFileSync(`${path}.moved`, 'utf8')).toBe('one\ntwo\n');
    time += 1000;
    sink.write('three\n');
    expect(readFileSync(path, 'utf8')).toBe('three\n');
    rmSync(join(dir, 'logs'), { recursive: true });
    time += 1000;
    sink.write('four\n');
    expect(readFileSync(path, 'utf8')).toBe('four\n');
    sink.close?.();
  });

  it('a disk that refuses lines stops nothing, and the loss is told afterwards', () => {
    writeFileSync(join(dir, 'logs'), 'a file where the folder should be');
    const sink = openRotatingFile({ path, maxBytes: 1000, keep: 1, now });
    sink.write('lost\n');
    sink.write('lost\n');
    time += 1000;
    sink.write('lost\n');
    rmSync(join(dir, 'logs'));
    mkdirSync(join(dir, 'logs'));
    sink.write('lost, because it is too soon to try again\n');
    expect(existsSync(path)).toBe(false);
    time += 1000;
    sink.write('kept\n');
    const [told, kept] = readFileSync(path, 'utf8').split('\n');
    expect(JSON.parse(told!)).toMatchObject({ msg: 'log lines lost', lost: 4 });
    expect(kept).toBe('kept');
    sink.close?.();
  });
});
