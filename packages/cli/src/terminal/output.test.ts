import { PalisadeError } from '@palisade/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration } from './amounts.ts';
import { asPalisadeError, errorJson, errorLines, usageError } from './print-error.ts';
import { line, progressLines } from './progress.ts';
import { facts, table, widthOf } from './table.ts';

const plain = { red: (text: string) => text, dim: (text: string) => text };
const cell = fc.stringMatching(/^[a-z0-9äß漢字 ]{0,12}$/).map((text) => text.trim());

describe('the table', () => {
  it('puts every column of every line at the same place', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell), { maxLength: 8 }), (rows) => {
        const columns = [
          { title: 'one' },
          { title: 'two', align: 'right' as const },
          { title: 'x' },
        ];
        const lines = table(
          columns,
          rows.map(([a, b, c]) => [a, b, `|${c}`]),
        );
        const places = lines.slice(1).map((text) => widthOf(text.slice(0, text.indexOf('|'))));
        expect(new Set(places).size).toBeLessThanOrEqual(1);
        expect(lines).toHaveLength(rows.length + 1);
      }),
    );
  });

  it('counts what a terminal shows: wide characters twice, marks not at all', () => {
    expect([widthOf('abc'), widthOf('漢字'), widthOf('e\u0301'), widthOf('🙂')]).toEqual([
      3, 4, 1, 2,
    ]);
  });

  it('aligns names of facts and leaves out what is not known', () => {
    expect(
      facts([
        ['a', '1'],
        ['long', '2'],
        ['none', undefined],
      ]),
    ).toEqual(['a     1', 'long  2']);
  });
});

describe('the progress line', () => {
  it('tells share, sizes and the time that is left', () => {
    expect(line('sending', 2 ** 20, 4 * 2 ** 20, 1000)).toBe(
      'sending  [██████                  ]  25 %  1.00 MiB of 4.00 MiB  3s left',
    );
    expect(line('x', 0, 0, 0)).toContain('100 %');
  });

  it('without a terminal is a new one every 5 s, and none for what is over by then', () => {
    let nowMs = 0;
    const told: string[] = [];
    const stderr = (text: string) => void told.push(text);
    const progress = progressLines({ nowMs: () => nowMs, stderr }, 'time', formatDuration);
    for (; nowMs <= 12_000; nowMs += 1000) progress.update(nowMs * 60, 12_000 * 60);
    progress.end();
    expect(told).toEqual([
      'time   41 %  5m of 12m  7s left\n',
      'time   83 %  10m of 12m  2s left\n',
    ]);
  });
});

describe('an error', () => {
  it('is told as what, why and next', () => {
    const error = new PalisadeError({
      code: 'client/unreachable',
      message: 'Nobody answered.',
      next: 'Check the connection.',
      data: { tried: ['http://a: timeout', 'http://b: reset'] },
    });
    expect(errorLines(error, plain)).toEqual([
      '✗ client/unreachable',
      '  what  Nobody answered.',
      '  why   http://a: timeout',
      '        http://b: reset',
      '  next  Check the connection.',
    ]);
  });

  it('says nothing twice: not what several validators said, nor problems that stand in the message', () => {
    const problems = ['url: is "x"', 'replica: is no setting'];
    const message = ['The settings have problems:', ...problems].join('\n');
    const wrong = new PalisadeError({ code: 'config/invalid', message, data: { problems } });
    expect(errorLines(wrong, plain)).toEqual([
      '✗ config/invalid',
      '  what  The settings have problems:',
      '  why   url: is "x"',
      '        replica: is no setting',
    ]);
    const tried = Array.from({ length: 4 }, () => 'http://a: ECONNREFUSED');
    const alone = new PalisadeError({ code: 'a/b', message: 'm', data: { tried } });
    expect(errorLines(alone, plain)).toHaveLength(3);
  });

  it('names its cause where it has no list of reasons, and never more than a few reasons', () => {
    const cause = new PalisadeError({ code: 'x/y', message: 'The disk is full.' });
    const error = new PalisadeError({ code: 'a/b', message: 'It failed.', cause });
    expect(errorLines(error, plain)).toContain('  why   The disk is full.');
    const tried = Array.from({ length: 50 }, (_, i) => `reason ${i}`);
    const many = new PalisadeError({ code: 'a/b', message: 'm', data: { tried } });
    expect(errorLines(many, plain)).toHaveLength(9);
    expect(errorLines(many, plain).at(-1)).toContain('and 44 more');
  });

  it('of the file system is told in words, with the path', () => {
    const thrown = Object.assign(new Error('ENOENT: ...'), { code: 'ENOENT', path: '/nowhere' });
    expect(asPalisadeError(thrown)).toMatchObject({
      code: 'cli/io',
      message: 'There is no such file or folder: /nowhere',
    });
  });

  it('that nobody expected says that it is a bug, and what to do', () => {
    const error = asPalisadeError(new TypeError('x is not a function'));
    expect(error).toMatchObject({ code: 'cli/bug' });
    expect(error.next).toContain('PALISADE_DEBUG=1');
    for (const thrown of [undefined, null, 'text', 7])
      expect(asPalisadeError(thrown)).toMatchObject({ code: 'cli/bug' });
  });

  it('is one JSON value for programs, amounts as text', () => {
    const error = new PalisadeError({ code: 'a/b', message: 'm', data: { fee: 10n ** 20n } });
    expect(JSON.parse(JSON.stringify(errorJson(error)))).toEqual({
      error: { code: 'a/b', message: 'm', retry: 'never', data: { fee: '100000000000000000000' } },
    });
    expect(usageError('m', 'n')).toMatchObject({ code: 'cli/usage', next: 'n' });
  });
});
